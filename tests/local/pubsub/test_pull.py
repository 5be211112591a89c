"""Unary pull: leases, acknowledgement, redelivery, back-off, filters, dead letters."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from google.api_core import exceptions
from google.protobuf import duration_pb2

from support.pubsub_clients import Clients


def test_message_arrives_as_published(clients: Clients) -> None:
    name = clients.create("a")
    message_id = clients.publish("a", b"hi", study="1.2", u="é")
    (received,) = clients.pull(name)
    assert received.message.data == b"hi"
    assert dict(received.message.attributes) == {"study": "1.2", "u": "é"}
    assert received.message.message_id == message_id
    assert abs(received.message.publish_time.timestamp() - time.time()) < 60
    assert received.delivery_attempt == 0
    clients.acknowledge(name, received)
    assert clients.pull(name, seconds=1) == []


def test_every_subscription_gets_its_own(clients: Clients) -> None:
    names = [clients.create("a"), clients.create("b", clients.topic("a"))]
    clients.publish("a", b"x")
    for name in names:
        (received,) = clients.pull(name)
        clients.acknowledge(name, received)


def test_given_back_is_delivered_again(clients: Clients) -> None:
    name = clients.create("a")
    clients.publish("a", b"x")
    (first,) = clients.pull(name)
    clients.give_back(name, first)
    (second,) = clients.pull(name)
    assert second.message.message_id == first.message.message_id
    clients.acknowledge(name, first)
    clients.give_back(name, second)
    assert clients.pull(name), "an ack id that is no longer valid must not acknowledge"


def test_many_messages_from_many_threads_arrive_once(clients: Clients) -> None:
    name = clients.create("a")
    with ThreadPoolExecutor(4) as pool:
        ids = list(pool.map(lambda index: clients.publish("a", b"%d" % index), range(200)))
    assert len(set(ids)) == 200
    received = clients.pull(name, 200)
    clients.acknowledge(name, *received)
    assert sorted(int(one.message.data) for one in received) == list(range(200))
    assert clients.pull(name, seconds=0.5) == []


def test_a_reply_fits_what_the_client_takes(clients: Clients) -> None:
    name = clients.create("a")
    for _ in range(5):
        clients.publish("a", bytes(1_500_000))
    assert len(clients.pull(name, 5)) == 5


def test_an_abandoned_pull_takes_nothing(clients: Clients) -> None:
    name = clients.create("a")
    assert clients.pull(name, seconds=0.5) == []
    clients.publish("a", b"x")
    assert len(clients.pull(name, seconds=2)) == 1


def test_retry_policy_is_honoured(clients: Clients) -> None:
    backoff = {
        "minimum_backoff": duration_pb2.Duration(seconds=1),
        "maximum_backoff": duration_pb2.Duration(seconds=2),
    }
    name = clients.create("a", retry_policy=backoff)
    clients.publish("a", b"x")
    (received,) = clients.pull(name)
    clients.give_back(name, received)
    start = time.monotonic()
    assert clients.pull(name)
    assert 0.9 < time.monotonic() - start < 1.8


def test_filter_keeps_others_away(clients: Clients) -> None:
    name = clients.create("a", filter='attributes.eventType = "OBJECT_FINALIZE"')
    clients.publish("a", b"0", eventType="OBJECT_DELETE")
    clients.publish("a", b"1", eventType="OBJECT_FINALIZE")
    assert [received.message.data for received in clients.pull(name, 2, 1)] == [b"1"]


def test_one_message_of_an_ordering_key_at_a_time(clients: Clients) -> None:
    name = clients.create("a", enable_message_ordering=True)
    for index in range(3):
        clients.publish("a", b"%d" % index, key="k")
    for expected in (b"0", b"1", b"2"):
        (received,) = clients.pull(name, 3, 0.5)
        assert received.message.data == expected
        assert received.message.ordering_key == "k"
        clients.acknowledge(name, received)


def test_dead_letter_after_five_attempts(clients: Clients) -> None:
    dead = clients.create("dead")
    policy = {"dead_letter_topic": clients.topic("dead"), "max_delivery_attempts": 5}
    name = clients.create("a", dead_letter_policy=policy)
    clients.publish("a", b"poison", k="v")
    attempts = []
    for _ in range(5):
        (received,) = clients.pull(name)
        attempts.append(received.delivery_attempt)
        clients.give_back(name, received)
    assert attempts == [1, 2, 3, 4, 5]
    assert clients.pull(name, seconds=0.5) == []
    (letter,) = clients.pull(dead)
    assert letter.message.data == b"poison"
    attributes = dict(letter.message.attributes)
    published = attributes.pop("CloudPubSubDeadLetterSourceTopicPublishTime")
    assert published == received.message.publish_time.rfc3339()
    assert attributes == {
        "k": "v",
        "CloudPubSubDeadLetterSourceDeliveryCount": "5",
        "CloudPubSubDeadLetterSourceSubscription": name.split("/")[-1],
        "CloudPubSubDeadLetterSourceSubscriptionProject": "test-project",
    }


def test_without_its_dead_letter_topic_a_message_stays(clients: Clients) -> None:
    clients.publisher.create_topic(name=clients.topic("dead"))
    policy = {"dead_letter_topic": clients.topic("dead")}
    name = clients.create("a", dead_letter_policy=policy)
    clients.publisher.delete_topic(topic=clients.topic("dead"))
    clients.publish("a", b"x")
    for _ in range(7):
        (received,) = clients.pull(name)
        clients.give_back(name, received)
    assert received.delivery_attempt == 7


def test_a_push_subscription_cannot_be_pulled(clients: Clients) -> None:
    name = clients.create("a", push_config={"push_endpoint": "http://127.0.0.1:9/"})
    with pytest.raises(exceptions.FailedPrecondition):
        clients.subscriber.pull(subscription=name, max_messages=1)
