"""Google's own Pub/Sub clients, talking to a local server, and short forms of what tests do."""

import os
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from google.api_core.exceptions import DeadlineExceeded
from google.cloud import pubsub_v1
from google.cloud.pubsub_v1.subscriber.message import Message
from google.pubsub_v1 import types

PROJECT = "projects/test-project"


@dataclass(frozen=True)
class Clients:
    """Clients of one server, and names that nothing else uses."""

    publisher: pubsub_v1.PublisherClient
    subscriber: pubsub_v1.SubscriberClient
    unique: str = field(default_factory=lambda: uuid.uuid4().hex[:8])

    def topic(self, name: str) -> str:
        """The full name of a topic."""
        return f"{PROJECT}/topics/{name}-{self.unique}"

    def subscription(self, name: str) -> str:
        """The full name of a subscription."""
        return f"{PROJECT}/subscriptions/{name}-{self.unique}"

    def create(self, name: str, topic: str = "", **settings: object) -> str:
        """Create a subscription, and a topic of the same name unless one is named."""
        if not topic:
            topic = self.topic(name)
            self.publisher.create_topic(name=topic)
        request = {"name": self.subscription(name), "topic": topic, **settings}
        self.subscriber.create_subscription(request=request)
        return self.subscription(name)

    def publish(self, name: str, data: bytes, key: str = "", **attributes: str) -> str:
        """Publish to a topic; the message's id."""
        future = self.publisher.publish(self.topic(name), data, ordering_key=key, **attributes)
        return str(future.result(15))

    def pull(
        self, subscription: str, count: int = 1, seconds: float = 8
    ) -> list[types.ReceivedMessage]:
        """Messages until there are ``count``, or the time is over."""
        end = time.monotonic() + seconds
        found: list[types.ReceivedMessage] = []
        while len(found) < count and (left := end - time.monotonic()) > 0:
            request = {"subscription": subscription, "max_messages": count - len(found)}
            try:
                reply = self.subscriber.pull(request=request, retry=None, timeout=left)
            except DeadlineExceeded:
                break
            found += reply.received_messages
        return found

    def acknowledge(self, subscription: str, *received: types.ReceivedMessage) -> None:
        """Acknowledge messages."""
        ids = [message.ack_id for message in received]
        self.subscriber.acknowledge(subscription=subscription, ack_ids=ids)

    def give_back(self, subscription: str, *received: types.ReceivedMessage) -> None:
        """Give messages back (a nack)."""
        ids = [message.ack_id for message in received]
        self.subscriber.modify_ack_deadline(
            subscription=subscription, ack_ids=ids, ack_deadline_seconds=0
        )

    @contextmanager
    def streaming(
        self, subscription: str, handle: Callable[[Message], None], at_once: int = 1000
    ) -> Iterator[None]:
        """Handle messages from a streaming pull until the block ends."""
        flow = pubsub_v1.types.FlowControl(max_messages=at_once)
        future = self.subscriber.subscribe(subscription, handle, flow_control=flow)
        try:
            yield
        finally:
            future.cancel()
            future.result(15)


@contextmanager
def pubsub_clients(host: str) -> Iterator[Clients]:
    """Clients of the server at ``host``, closed when the block ends."""
    options = pubsub_v1.types.PublisherOptions(enable_message_ordering=True)
    with mock.patch.dict(os.environ, {"PUBSUB_EMULATOR_HOST": host}):
        publisher = pubsub_v1.PublisherClient(publisher_options=options)
        subscriber = pubsub_v1.SubscriberClient()
    try:
        yield Clients(publisher, subscriber)
    finally:
        publisher.stop()
        publisher.transport.close()
        subscriber.close()


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Wait until ``condition`` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen in {seconds} s"
        time.sleep(0.01)
