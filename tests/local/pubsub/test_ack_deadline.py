"""The shortest ack deadline is 10 s, so all that waits for it waits together, once."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest
from google.cloud.pubsub_v1.subscriber.message import Message

from support.pubsub_clients import Clients, until
from support.push_endpoint import Endpoint, push_endpoint

HANDLING_S = 12


@dataclass
class Outcome:
    """What the three subscriptions of one topic saw."""

    endpoint: Endpoint
    streamed: list[float] = field(default_factory=list)
    pulled_again_s: float = 0.0


@pytest.fixture(scope="module")
def outcome(package_clients: Clients) -> Iterator[Outcome]:
    """A pull left alone, a push left unanswered, a stream whose handler takes long."""
    clients = Clients(package_clients.publisher, package_clients.subscriber)
    released = time.monotonic() + HANDLING_S

    def hang(number: int) -> int:
        while number == 1 and time.monotonic() < released:
            time.sleep(0.1)
        return 204

    def handle(message: Message) -> None:
        outcome.streamed.append(time.monotonic())
        time.sleep(HANDLING_S)
        message.ack()

    with ExitStack() as stack:
        outcome = Outcome(stack.enter_context(push_endpoint(hang)))
        pulled = clients.create("pulled")
        topic = clients.topic("pulled")
        clients.create("pushed", topic, push_config={"push_endpoint": outcome.endpoint.url})
        streamed = clients.create("streamed", topic)
        stack.enter_context(clients.streaming(streamed, handle))
        clients.publish("pulled", b"x")
        assert clients.pull(pulled)
        start = time.monotonic()
        assert clients.pull(pulled, seconds=15)
        outcome.pulled_again_s = time.monotonic() - start
        until(lambda: len(outcome.endpoint.requests) >= 2)
        time.sleep(max(0.0, released + 1.5 - time.monotonic()))
        yield outcome


def test_what_is_not_acknowledged_comes_again(outcome: Outcome) -> None:
    assert 9.5 < outcome.pulled_again_s < 11.5


def test_the_deadline_is_the_time_out_of_a_push(outcome: Outcome) -> None:
    (gap,) = outcome.endpoint.gaps
    assert 9.5 < gap < 11.5


def test_a_stream_that_extends_its_lease_keeps_the_message(outcome: Outcome) -> None:
    assert len(outcome.streamed) == 1
