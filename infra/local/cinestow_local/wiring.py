"""Buckets, topics and subscriptions of infra/pipeline.yaml, made with Google's own clients.

What a former run left is kept and brought up to date.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import grpc
from google.api_core.exceptions import AlreadyExists
from google.cloud import storage
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from google.cloud.storage.notification import NONE_PAYLOAD_FORMAT
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport
from google.pubsub_v1.types import DeadLetterPolicy, PushConfig, RetryPolicy
from google.pubsub_v1.types import Subscription as WiredSubscription

from cinestow_local.pipeline_file import Bucket, Notification, Pipeline, Subscription

# A page from anywhere may upload and read: this is a machine of one's own.
CORS = {
    "origin": ["*"],
    "method": ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"],
    "responseHeader": ["Content-Type", "Content-Range", "Location", "Range", "x-goog-generation"],
    "maxAgeSeconds": 3600,
}


def bucket_name(project: str, key: str) -> str:
    """Name of a bucket: its key in the file, made unique by the project as in the real cloud."""
    return f"{project}-{key}"


def wire(
    pipeline: Pipeline, project: str, storage_url: str, pubsub: str, fronts: Mapping[str, str]
) -> None:
    """Make everything that lies between the functions. ``fronts``: URL by function."""
    with _pubsub_clients(pubsub) as (publisher, subscriber):
        for topic in pipeline.topics:
            _create_topic(publisher, f"projects/{project}/topics/{topic}")
        _keep_dead_letters(pipeline, project, subscriber)
        for name, subscription in pipeline.subscriptions.items():
            wired = _push_subscription(name, subscription, project, fronts)
            _create_or_update(subscriber, wired)
    client = _storage_client(project, storage_url)
    for key, bucket in pipeline.buckets.items():
        _make_bucket(client, bucket_name(project, key), bucket)


@contextmanager
def _pubsub_clients(pubsub: str) -> Iterator[tuple[PublisherClient, SubscriberClient]]:
    with grpc.insecure_channel(pubsub) as channel:
        yield (
            PublisherClient(transport=PublisherGrpcTransport(channel=channel)),
            SubscriberClient(transport=SubscriberGrpcTransport(channel=channel)),
        )


def _storage_client(project: str, storage_url: str) -> storage.Client:
    return storage.Client(
        project=project,
        client_options={"api_endpoint": storage_url},
        use_auth_w_custom_endpoint=False,
    )


def _create_topic(publisher: PublisherClient, topic: str) -> None:
    try:
        publisher.create_topic(name=topic)
    except AlreadyExists:
        return


def _keep_dead_letters(pipeline: Pipeline, project: str, subscriber: SubscriberClient) -> None:
    dead = pipeline.dead_letter_subscription
    _create_or_update(
        subscriber,
        WiredSubscription(
            name=f"projects/{project}/subscriptions/{dead.name}",
            topic=f"projects/{project}/topics/{dead.topic}",
        ),
    )


def _push_subscription(
    name: str, subscription: Subscription, project: str, fronts: Mapping[str, str]
) -> WiredSubscription:
    return WiredSubscription(
        name=f"projects/{project}/subscriptions/{name}",
        topic=f"projects/{project}/topics/{subscription.topic}",
        push_config=PushConfig(push_endpoint=fronts[subscription.function]),
        ack_deadline_seconds=subscription.ack_deadline,
        retry_policy=RetryPolicy(
            minimum_backoff=timedelta(seconds=subscription.minimum_backoff),
            maximum_backoff=timedelta(seconds=subscription.maximum_backoff),
        ),
        dead_letter_policy=DeadLetterPolicy(
            dead_letter_topic=f"projects/{project}/topics/{subscription.dead_letter}",
            max_delivery_attempts=subscription.attempts,
        ),
    )


def _create_or_update(subscriber: SubscriberClient, subscription: WiredSubscription) -> None:
    """A former run's subscription points at ports that are gone."""
    try:
        subscriber.create_subscription(request=subscription)
    except AlreadyExists:
        changeable = ["push_config", "ack_deadline_seconds", "retry_policy", "dead_letter_policy"]
        changed = [field for field in changeable if field in subscription]
        if changed:
            subscriber.update_subscription(
                request={"subscription": subscription, "update_mask": {"paths": changed}}
            )


def _make_bucket(client: storage.Client, name: str, wanted: Bucket) -> None:
    bucket = client.lookup_bucket(name) or client.create_bucket(name)
    bucket.versioning_enabled = wanted.versioning
    bucket.cors = [CORS] if wanted.cors else []
    bucket.patch()
    if wanted.notify is not None:
        _notify(client, bucket, wanted.notify)


def _notify(client: storage.Client, bucket: storage.Bucket, wanted: Notification) -> None:
    """Attributes only: custom metadata may name a patient."""
    if any(bucket.list_notifications()):
        return
    bucket.notification(
        topic_name=wanted.topic,
        topic_project=client.project,
        event_types=list(wanted.events),
        payload_format=NONE_PAYLOAD_FORMAT,
    ).create()
