"""Publishes notifications with Google's own client."""

from collections.abc import Mapping

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.pubsub_v1 import PublisherClient, PubsubMessage
from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport

from cinestow.errors import TryAgain
from cinestow_local.storage.notifications import Publish

TIMEOUT_S = 10.0


def pubsub_publisher(address: str) -> Publish:
    """A publisher to the Pub/Sub server at HOST:PORT."""
    transport = PublisherGrpcTransport(channel=grpc.insecure_channel(address))
    client = PublisherClient(transport=transport)

    def publish(topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        message = PubsubMessage(data=data, attributes=dict(attributes))
        try:
            client.publish(topic=topic, messages=[message], retry=None, timeout=TIMEOUT_S)
        except GoogleAPICallError as error:
            raise TryAgain(f"Pub/Sub at {address} did not take a message: {error}") from error

    return publish
