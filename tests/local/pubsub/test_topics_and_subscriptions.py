"""What is created, listed, changed, deleted, and what is refused."""

import grpc
import pytest
from google.api_core import exceptions
from google.cloud.pubsub_v1.publisher.exceptions import MessageTooLargeError
from google.protobuf import duration_pb2, field_mask_pb2
from google.pubsub_v1 import types

from support.pubsub_clients import PROJECT, Clients


def test_topic_is_created_found_and_listed(clients: Clients) -> None:
    name = clients.topic("a")
    clients.publisher.create_topic(name=name)
    assert clients.publisher.get_topic(topic=name).state == types.Topic.State.ACTIVE
    assert name in [topic.name for topic in clients.publisher.list_topics(project=PROJECT)]
    with pytest.raises(exceptions.AlreadyExists):
        clients.publisher.create_topic(name=name)
    with pytest.raises(exceptions.NotFound):
        clients.publisher.get_topic(topic=clients.topic("missing"))


def test_lists_come_in_pages(clients: Clients) -> None:
    for index in range(5):
        clients.create(f"s{index}", clients.topic("s0") if index else "")
    project = f"projects/test-project-{clients.unique}"
    names = [f"{project}/topics/t{index:02}" for index in range(5)]
    for name in names:
        clients.publisher.create_topic(name=name)
    pages = clients.publisher.list_topics(request={"project": project, "page_size": 2}).pages
    assert [[t.name for t in page.topics] for page in pages] == [names[:2], names[2:4], names[4:]]
    of_topic = clients.publisher.list_topic_subscriptions(topic=clients.topic("s0"))
    assert list(of_topic) == [clients.subscription(f"s{index}") for index in range(5)]
    all_names = {s.name for s in clients.subscriber.list_subscriptions(project=PROJECT)}
    assert set(of_topic) <= all_names


@pytest.mark.parametrize(
    "name", ["", "topics/a", f"{PROJECT}/topics/1a", f"{PROJECT}/topics/goog-a"]
)
def test_bad_names_are_refused(clients: Clients, name: str) -> None:
    with pytest.raises(exceptions.InvalidArgument):
        clients.publisher.create_topic(name=name)


def test_topic_is_updated(clients: Clients) -> None:
    topic = types.Topic(name=clients.topic("a"), labels={"a": "1"})
    clients.publisher.create_topic(request=topic)
    topic.labels = {"b": "2"}
    mask = field_mask_pb2.FieldMask(paths=["labels"])
    updated = clients.publisher.update_topic(topic=topic, update_mask=mask)
    assert dict(updated.labels) == {"b": "2"}


def test_publish_to_a_missing_topic(clients: Clients) -> None:
    with pytest.raises(exceptions.NotFound):
        clients.publisher.publish(clients.topic("missing"), b"x", retry=None).result(10)


def test_messages_against_the_rules_are_refused(clients: Clients) -> None:
    clients.create("a")
    with pytest.raises(MessageTooLargeError):
        clients.publish("a", bytes(11_000_000))
    bad = [
        types.PubsubMessage(data=bytes(10_000_001)),
        types.PubsubMessage(),
        types.PubsubMessage(attributes={"k": "v" * 1025}),
        types.PubsubMessage(attributes={"": "v"}),
        types.PubsubMessage(attributes={str(index): "" for index in range(101)}),
    ]
    for message in bad:
        request = types.PublishRequest(topic=clients.topic("a"), messages=[message])
        with pytest.raises(grpc.RpcError, match="INVALID_ARGUMENT"):
            clients.publisher.transport.publish(request)
    assert clients.pull(clients.subscription("a"), seconds=0.5) == []


def test_defaults_are_filled_in(clients: Clients) -> None:
    clients.publisher.create_topic(name=clients.topic("dead"))
    policy = {"dead_letter_topic": clients.topic("dead")}
    name = clients.create("a", dead_letter_policy=policy, retry_policy={})
    created = clients.subscriber.get_subscription(subscription=name)
    assert created.ack_deadline_seconds == 10
    assert created.dead_letter_policy.max_delivery_attempts == 5
    assert created.retry_policy.minimum_backoff.total_seconds() == 10
    assert created.retry_policy.maximum_backoff.total_seconds() == 600


def test_subscriptions_against_the_rules_are_refused(clients: Clients) -> None:
    clients.create("a")
    dead = {"dead_letter_topic": clients.topic("a"), "max_delivery_attempts": 4}
    backoff = {"minimum_backoff": duration_pb2.Duration(seconds=601)}
    bad: list[dict[str, object]] = [
        {"ack_deadline_seconds": 9},
        {"ack_deadline_seconds": 601},
        {"dead_letter_policy": dead},
        {"retry_policy": backoff},
        {"filter": "attributes.a = "},
        {"push_config": {"push_endpoint": "nowhere"}},
    ]
    for settings in bad:
        with pytest.raises(exceptions.InvalidArgument):
            clients.create("b", clients.topic("a"), **settings)
    with pytest.raises(exceptions.NotFound):
        clients.create("b", clients.topic("missing"))
    with pytest.raises(exceptions.NotFound):
        missing = {"dead_letter_topic": clients.topic("missing")}
        clients.create("b", clients.topic("a"), dead_letter_policy=missing)
    with pytest.raises(exceptions.AlreadyExists):
        clients.create("a", clients.topic("a"))


def test_what_is_not_emulated_says_so(clients: Clients) -> None:
    clients.create("a")
    with pytest.raises(exceptions.MethodNotImplemented):
        clients.create("b", clients.topic("a"), enable_exactly_once_delivery=True)
    with pytest.raises(exceptions.MethodNotImplemented):
        clients.subscriber.create_snapshot(
            name=f"{PROJECT}/snapshots/a", subscription=clients.subscription("a"), retry=None
        )


def test_subscription_is_updated_by_mask(clients: Clients) -> None:
    name = clients.create("a", labels={"kept": "1"})
    change = types.Subscription(name=name, ack_deadline_seconds=42)
    mask = field_mask_pb2.FieldMask(paths=["ack_deadline_seconds"])
    updated = clients.subscriber.update_subscription(subscription=change, update_mask=mask)
    assert updated.ack_deadline_seconds == 42
    assert updated.topic == clients.topic("a")
    assert dict(updated.labels) == {"kept": "1"}
    for path in ("filter", "topic", "no_such_field", "labels.kept"):
        mask = field_mask_pb2.FieldMask(paths=[path])
        with pytest.raises(exceptions.InvalidArgument):
            clients.subscriber.update_subscription(subscription=change, update_mask=mask)


def test_deleted_topic_leaves_its_subscriptions(clients: Clients) -> None:
    name = clients.create("a")
    clients.publish("a", b"kept")
    clients.publisher.delete_topic(topic=clients.topic("a"))
    found = clients.subscriber.get_subscription(subscription=name)
    assert found.topic == "_deleted-topic_"
    assert [received.message.data for received in clients.pull(name)] == [b"kept"]
    clients.subscriber.delete_subscription(subscription=name)
    with pytest.raises(exceptions.NotFound):
        clients.subscriber.get_subscription(subscription=name)
    with pytest.raises(exceptions.NotFound):
        clients.subscriber.pull(subscription=name, max_messages=1)
