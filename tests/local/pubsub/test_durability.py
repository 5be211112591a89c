"""What a killed or stopped server still knows when it starts again."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from google.api_core import exceptions, retry
from google.api_core.retry import Retry

from support.pubsub import PubSubServer, pubsub_server
from support.pubsub_clients import PROJECT, Clients, pubsub_clients, until
from support.push_endpoint import push_endpoint

EAGER = Retry(retry.if_exception_type(exceptions.ServiceUnavailable), 0.1, 0.5, timeout=60)


def kill(server: PubSubServer) -> None:
    os.kill(server.pid, signal.SIGKILL)


def leave(server: PubSubServer) -> None:
    """Its context stops it with SIGTERM."""


@pytest.mark.parametrize("end", [kill, leave])
def test_everything_is_there_again(tmp_path: Path, end: Callable[[PubSubServer], None]) -> None:
    with pubsub_server(tmp_path) as server, pubsub_clients(server.host) as clients:
        unique = clients.unique
        dead = {"dead_letter_topic": clients.topic("dead"), "max_delivery_attempts": 7}
        clients.publisher.create_topic(name=clients.topic("dead"))
        name = clients.create("a", dead_letter_policy=dead, labels={"k": "v"})
        clients.create("deleted", clients.topic("a"))
        clients.subscriber.delete_subscription(subscription=clients.subscription("deleted"))
        config = clients.subscriber.get_subscription(subscription=name)
        ids = [clients.publish("a", b"%d" % index, n=str(index)) for index in range(50)]
        received = clients.pull(name, 30)
        clients.acknowledge(name, *received[:10])
        clients.give_back(name, *received[10:20])
        end(server)
    with pubsub_server(tmp_path) as server, pubsub_clients(server.host) as fresh:
        clients = Clients(fresh.publisher, fresh.subscriber, unique)
        assert clients.subscriber.get_subscription(subscription=name) == config
        with pytest.raises(exceptions.NotFound):
            clients.subscriber.get_subscription(subscription=clients.subscription("deleted"))
        again = clients.pull(name, 100, 2)
        attempts = {int(one.message.message_id): one.delivery_attempt for one in again}
        expected = dict.fromkeys(map(int, ids[10:30]), 2) | dict.fromkeys(map(int, ids[30:]), 1)
        assert attempts == expected
        assert all(ids[int(one.message.data)] == one.message.message_id for one in again)
        assert dict(again[0].message.attributes) == {"n": again[0].message.data.decode()}
        assert int(clients.publish("a", b"new")) > max(map(int, ids))


def test_publishing_goes_on_through_a_kill(tmp_path: Path) -> None:
    """Every id that publish returned is delivered, whenever the kill came."""
    published: list[str] = []
    with pubsub_server(tmp_path) as server, pubsub_clients(server.host) as clients:
        name = clients.create("a")
        futures = []
        for index in range(400):
            topic, data = clients.topic("a"), b"%d" % index
            futures.append(clients.publisher.publish(topic, data, retry=EAGER))
            if index == 200:
                until(lambda: futures[100].done())
                kill(server)
        port = server.port
        with pubsub_server(tmp_path, port):
            published = [future.result(60) for future in futures]
            seen = {received.message.message_id for received in clients.pull(name, 1000, 3)}
    assert set(published) <= seen


def test_a_push_outstanding_at_the_kill_comes_again_and_counts(tmp_path: Path) -> None:
    killed = threading.Event()
    with push_endpoint(lambda n: 204 if n > 1 or killed.wait(10) else 500) as endpoint:
        with pubsub_server(tmp_path) as server, pubsub_clients(server.host) as clients:
            clients.publisher.create_topic(name=clients.topic("dead"))
            policy = {"dead_letter_topic": clients.topic("dead")}
            push = {"push_endpoint": endpoint.url}
            clients.create("a", push_config=push, dead_letter_policy=policy)
            clients.publish("a", b"x")
            until(lambda: len(endpoint.requests) == 1)
            kill(server)
        killed.set()
        with pubsub_server(tmp_path):
            until(lambda: len(endpoint.requests) == 2)
    assert [request.envelope["deliveryAttempt"] for request in endpoint.requests] == [1, 2]


def test_a_last_attempt_outstanding_at_the_kill_is_a_dead_letter(tmp_path: Path) -> None:
    killed = threading.Event()
    with push_endpoint(lambda n: 500 if n < 5 or killed.wait(10) else 204) as endpoint:
        with pubsub_server(tmp_path) as server, pubsub_clients(server.host) as clients:
            dead = clients.create("dead")
            policy = {"dead_letter_topic": clients.topic("dead"), "max_delivery_attempts": 5}
            push = {"push_endpoint": endpoint.url}
            clients.create("a", push_config=push, dead_letter_policy=policy)
            clients.publish("a", b"x")
            until(lambda: len(endpoint.requests) == 5)
            kill(server)
        killed.set()
        with pubsub_server(tmp_path) as server, pubsub_clients(server.host) as clients:
            (letter,) = clients.pull(dead)
            assert len(endpoint.requests) == 5
    assert letter.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "5"


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    with pubsub_server(tmp_path) as server, pubsub_clients(server.host) as clients:
        clients.publisher.create_topic(name=clients.topic("a"))
        with pytest.raises(AssertionError, match="never got ready"), pubsub_server(tmp_path):
            pass
        assert list(clients.publisher.list_topics(project=PROJECT))
