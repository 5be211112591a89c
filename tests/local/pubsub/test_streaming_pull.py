"""Streaming pull with the client's own machinery."""

import threading
import time
from collections import Counter

from google.cloud.pubsub_v1.subscriber.message import Message

from support.pubsub_clients import Clients, until


def test_acknowledged_once_given_back_again(clients: Clients) -> None:
    name = clients.create("a")
    seen: Counter[bytes] = Counter()

    def handle(message: Message) -> None:
        seen[message.data] += 1
        if message.data == b"1" and seen[b"1"] < 3:
            message.nack()
        else:
            message.ack()

    with clients.streaming(name, handle):
        for index in range(3):
            clients.publish("a", b"%d" % index)
        until(lambda: seen.total() >= 5)
        time.sleep(0.5)
    assert seen == {b"0": 1, b"1": 3, b"2": 1}
    assert clients.pull(name, seconds=0.5) == []


def test_flow_control_holds_back(clients: Clients) -> None:
    name = clients.create("a")
    lock = threading.Lock()
    now, most, done = 0, 0, 0

    def handle(message: Message) -> None:
        nonlocal now, most, done
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.1)
        with lock:
            now -= 1
            done += 1
        message.ack()

    with clients.streaming(name, handle, at_once=2):
        for index in range(8):
            clients.publish("a", b"%d" % index)
        # a stream that holds two leases leaves the others to whoever pulls
        assert clients.pull(name, 1, 1)
        until(lambda: done >= 7)
    assert most == 2


def test_ordering_keys_stay_in_order(clients: Clients) -> None:
    name = clients.create("a", enable_message_ordering=True)
    seen: dict[str, list[int]] = {"a": [], "b": [], "c": []}
    given_back = 0

    def handle(message: Message) -> None:
        nonlocal given_back
        if (message.ordering_key, message.data) == ("b", b"7") and given_back < 2:
            given_back += 1
            message.nack()
            return
        seen[message.ordering_key].append(int(message.data))
        message.ack()

    with clients.streaming(name, handle):
        for index in range(20):
            for key in seen:
                clients.publish("a", b"%d" % index, key=key)
        until(lambda: sum(map(len, seen.values())) >= 60, 25)
    assert seen == {key: list(range(20)) for key in "abc"}
    assert given_back == 2
