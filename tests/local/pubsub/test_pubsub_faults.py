"""Faults on request: failing publishes, duplicates, another order."""

from collections import Counter
from collections.abc import Iterator

import grpc
import pytest
from google.api_core import exceptions

from cinestow_local.pubsub.faults import METHOD, Faults, set_faults
from support.pubsub import PubSubServer
from support.pubsub_clients import Clients, until
from support.push_endpoint import push_endpoint


@pytest.fixture(autouse=True)
def _no_faults_left(server: PubSubServer) -> Iterator[None]:
    yield
    set_faults(server.host, Faults())


def test_publishes_fail_so_many_times(server: PubSubServer, clients: Clients) -> None:
    name = clients.create("a")
    topic = clients.topic("a")
    set_faults(server.host, Faults(fail_publishes=2))
    for _ in range(2):
        with pytest.raises(exceptions.ServiceUnavailable):
            clients.publisher.publish(topic, b"lost", retry=None).result(10)
    clients.publisher.publish(topic, b"kept", retry=None).result(10)
    set_faults(server.host, Faults(fail_publishes=2))
    clients.publish("a", b"kept by the client's own retries")
    assert len(clients.pull(name, 3, 1)) == 2


def test_each_message_is_delivered_several_times(server: PubSubServer, clients: Clients) -> None:
    with push_endpoint() as endpoint:
        clients.create("a", push_config={"push_endpoint": endpoint.url})
        set_faults(server.host, Faults(copies=3))
        ids = [clients.publish("a", b"x") for _ in range(5)]
        until(lambda: len(endpoint.requests) == 15)
        seen = Counter(request.envelope["message"]["messageId"] for request in endpoint.requests)
    assert seen == dict.fromkeys(ids, 3)


def test_messages_come_in_another_order(server: PubSubServer, clients: Clients) -> None:
    with push_endpoint() as endpoint:
        push = {"push_endpoint": endpoint.url}
        clients.create("a", push_config=push)
        clients.create("o", push_config=push, enable_message_ordering=True)
        set_faults(server.host, Faults(shuffle_s=0.5))
        ids = [clients.publish("a", b"x") for _ in range(20)]
        until(lambda: len(endpoint.requests) == 20)
        seen = [request.envelope["message"]["messageId"] for request in endpoint.requests]
        endpoint.requests.clear()
        ordered = [clients.publish("o", b"x", key="k") for _ in range(5)]
        until(lambda: len(endpoint.requests) == 5)
        kept = [request.envelope["message"]["messageId"] for request in endpoint.requests]
    assert sorted(seen) == sorted(ids)
    assert seen != ids
    assert kept == ordered


def test_nonsense_is_refused(server: PubSubServer) -> None:
    with grpc.insecure_channel(server.host) as channel:
        for body in (b"{", b'{"copies": "many"}'):
            with pytest.raises(grpc.RpcError, match="INVALID_ARGUMENT"):
                channel.unary_unary(METHOD)(body)
