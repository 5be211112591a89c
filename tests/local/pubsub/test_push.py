"""Push: what is posted, what acknowledges, how it is tried again."""

import base64
import random
import socket
import threading
import time

from google.protobuf import duration_pb2
from google.pubsub_v1 import types

from support.pubsub_clients import Clients, until
from support.push_endpoint import push_endpoint


def test_wrapped_message(clients: Clients) -> None:
    with push_endpoint() as endpoint:
        name = clients.create("a", push_config={"push_endpoint": endpoint.url})
        message_id = clients.publish("a", b"push!", k="v")
        until(lambda: len(endpoint.requests) == 1)
        time.sleep(0.5)
    (request,) = endpoint.requests
    assert request.headers["content-type"] == "application/json"
    message = request.envelope["message"]
    assert request.envelope == {"message": message, "subscription": name}
    assert message.pop("publishTime") == message.pop("publish_time")
    assert message == {
        "data": base64.b64encode(b"push!").decode(),
        "attributes": {"k": "v"},
        "messageId": message_id,
        "message_id": message_id,
    }


def test_attributes_alone(clients: Clients) -> None:
    with push_endpoint() as endpoint:
        clients.create("a", push_config={"push_endpoint": endpoint.url})
        clients.publish("a", b"", eventType="OBJECT_FINALIZE")
        until(lambda: len(endpoint.requests) == 1)
    message = endpoint.requests[0].envelope["message"]
    assert message["attributes"] == {"eventType": "OBJECT_FINALIZE"}
    assert "data" not in message


def test_largest_message(clients: Clients) -> None:
    data = random.randbytes(9_900_000)
    with push_endpoint() as endpoint:
        clients.create("a", push_config={"push_endpoint": endpoint.url})
        clients.publish("a", data)
        until(lambda: len(endpoint.requests) == 1)
    assert base64.b64decode(endpoint.requests[0].envelope["message"]["data"]) == data


def test_bare_message_with_metadata(clients: Clients) -> None:
    with push_endpoint() as endpoint:
        bare = {"push_endpoint": endpoint.url, "no_wrapper": {"write_metadata": True}}
        name = clients.create("a", push_config=bare)
        message_id = clients.publish("a", b"raw", zk="zv")
        until(lambda: len(endpoint.requests) == 1)
    (request,) = endpoint.requests
    assert request.body == b"raw"
    assert request.headers["zk"] == "zv"
    assert request.headers["x-goog-pubsub-subscription-name"] == name
    assert request.headers["x-goog-pubsub-message-id"] == message_id


def test_every_success_acknowledges_and_nothing_else(clients: Clients) -> None:
    statuses = [300, 302, 400, 404, 429, 503, 203, 200]
    with push_endpoint(lambda n: statuses[n - 1]) as endpoint:
        backoff = duration_pb2.Duration(nanos=1_000_000)
        policy = {"minimum_backoff": backoff, "maximum_backoff": backoff}
        push = {"push_endpoint": endpoint.url}
        clients.create("a", push_config=push, retry_policy=policy)
        clients.publish("a", b"x")
        until(lambda: len(endpoint.requests) == len(statuses))
        time.sleep(0.5)
        assert len(endpoint.requests) == len(statuses)
        for status in (201, 202, 204):
            statuses.append(status)
            clients.publish("a", b"x")
            until(lambda: len(endpoint.requests) == len(statuses))
            time.sleep(0.2)
            assert len(endpoint.requests) == len(statuses)


def test_default_backoff_doubles_from_a_tenth_of_a_second(clients: Clients) -> None:
    with push_endpoint(lambda n: 500 if n <= 4 else 204) as endpoint:
        clients.create("a", push_config={"push_endpoint": endpoint.url})
        clients.publish("a", b"x")
        until(lambda: len(endpoint.requests) == 5)
    for gap, expected in zip(endpoint.gaps, [0.1, 0.2, 0.4, 0.8], strict=True):
        assert expected * 0.9 < gap < expected + 0.4


def test_retry_policy_sets_the_backoff(clients: Clients) -> None:
    policy = {
        "minimum_backoff": duration_pb2.Duration(nanos=300_000_000),
        "maximum_backoff": duration_pb2.Duration(nanos=900_000_000),
    }
    with push_endpoint(lambda n: 500 if n <= 4 else 204) as endpoint:
        push = {"push_endpoint": endpoint.url}
        clients.create("a", push_config=push, retry_policy=policy)
        clients.publish("a", b"x")
        until(lambda: len(endpoint.requests) == 5)
    for gap, expected in zip(endpoint.gaps, [0.3, 0.6, 0.9, 0.9], strict=True):
        assert expected * 0.9 < gap < expected + 0.4


def test_an_endpoint_that_is_down_is_tried_until_it_is_up(clients: Clients) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    push = {"push_endpoint": f"http://127.0.0.1:{port}/push"}
    clients.create("a", push_config=push)
    clients.publish("a", b"x")
    time.sleep(0.5)
    with push_endpoint(port=port) as endpoint:
        until(lambda: len(endpoint.requests) == 1)


def test_one_in_backoff_does_not_hold_up_others(clients: Clients) -> None:
    minute = duration_pb2.Duration(seconds=60)
    with push_endpoint(lambda n: 500 if n == 1 else 204) as endpoint:
        policy = {"minimum_backoff": minute, "maximum_backoff": minute}
        push = {"push_endpoint": endpoint.url}
        name = clients.create("a", push_config=push, retry_policy=policy)
        clients.publish("a", b"bad")
        until(lambda: len(endpoint.requests) == 1)
        for _ in range(20):
            clients.publish("a", b"good")
        until(lambda: len(endpoint.requests) == 21, 5)
        clients.subscriber.delete_subscription(subscription=name)


def test_sixteen_pushes_at_once(clients: Clients) -> None:
    lock = threading.Lock()
    together = threading.Barrier(16, timeout=10)
    now, most = 0, 0

    def answer(number: int) -> int:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait()
        time.sleep(0.1)
        with lock:
            now -= 1
        return 204

    with push_endpoint(answer) as endpoint:
        clients.create("a", push_config={"push_endpoint": endpoint.url})
        for _ in range(32):
            clients.publish("a", b"x")
        until(lambda: len(endpoint.requests) == 32)
        until(lambda: now == 0)
    assert most == 16


def test_pull_becomes_push_and_back(clients: Clients) -> None:
    name = clients.create("a")
    clients.publish("a", b"1")
    with push_endpoint() as endpoint:
        push = types.PushConfig(push_endpoint=endpoint.url)
        clients.subscriber.modify_push_config(subscription=name, push_config=push)
        until(lambda: len(endpoint.requests) == 1)
        pull = types.PushConfig()
        clients.subscriber.modify_push_config(subscription=name, push_config=pull)
        clients.publish("a", b"2")
        (received,) = clients.pull(name)
        assert received.message.data == b"2"
        assert len(endpoint.requests) == 1


def test_dead_letter_counts_attempts_in_the_envelope(clients: Clients) -> None:
    dead = clients.create("dead")
    policy = {"dead_letter_topic": clients.topic("dead"), "max_delivery_attempts": 5}
    with push_endpoint(lambda _: 500) as endpoint:
        push = {"push_endpoint": endpoint.url}
        clients.create("a", push_config=push, dead_letter_policy=policy)
        clients.publish("a", b"poison")
        (letter,) = clients.pull(dead, seconds=15)
    assert letter.message.data == b"poison"
    attempts = [request.envelope["deliveryAttempt"] for request in endpoint.requests]
    assert attempts == [1, 2, 3, 4, 5]


def test_a_deleted_subscription_is_pushed_no_more(clients: Clients) -> None:
    with push_endpoint(lambda _: 500) as endpoint:
        name = clients.create("a", push_config={"push_endpoint": endpoint.url})
        clients.publish("a", b"x")
        until(lambda: len(endpoint.requests) >= 2)
        clients.subscriber.delete_subscription(subscription=name)
        pushed = len(endpoint.requests)
        time.sleep(1)
        assert len(endpoint.requests) <= pushed + 1
