"""Topics, and the live subscriptions that their messages go to."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import grpc
import httpx
from google.pubsub_v1 import types

from cinestow_local.pubsub import rules
from cinestow_local.pubsub.faults import Faults
from cinestow_local.pubsub.journal import Journal
from cinestow_local.pubsub.push import Pusher
from cinestow_local.pubsub.status import RpcError, already_exists, not_found
from cinestow_local.pubsub.subscription import LiveSubscription

DELETED_TOPIC = "_deleted-topic_"


class Broker:
    """All that the server holds, as the journal has it. Lives on one event loop."""

    def __init__(self, journal: Journal, client: httpx.AsyncClient) -> None:
        self.faults = Faults()
        self._journal = journal
        self._client = client
        self._topics = {topic.name: topic for topic in journal.topics()}
        self._subscriptions: dict[str, LiveSubscription] = {}
        self._pushers: dict[str, Pusher] = {}
        for config in journal.subscriptions():
            self._start(config)
        for name, delivery in list(journal.deliveries()):
            self._subscriptions[name].add(delivery)

    def close(self) -> None:
        """Stop delivering; what is unacknowledged stays in the journal."""
        for name in list(self._subscriptions):
            self._stop(name)

    def topic(self, name: str) -> types.Topic:
        """A topic that exists."""
        if name not in self._topics:
            raise not_found(name)
        return self._topics[name]

    def topics(self) -> list[types.Topic]:
        """Every topic."""
        return list(self._topics.values())

    def create_topic(self, topic: types.Topic) -> types.Topic:
        """Add a topic."""
        rules.check_name(topic.name, "topics")
        if topic.name in self._topics:
            raise already_exists(topic.name)
        return self._keep_topic(types.Topic(topic, state=types.Topic.State.ACTIVE))

    def update_topic(self, topic: types.Topic, paths: Sequence[str]) -> types.Topic:
        """Change the fields of a topic that ``paths`` names."""
        return self._keep_topic(rules.updated_topic(self.topic(topic.name), topic, paths))

    def delete_topic(self, name: str) -> None:
        """Remove a topic; its subscriptions keep what they have and get nothing more."""
        self.topic(name)
        with self._journal.transaction():
            for subscription in self.subscriptions_of(name):
                detached = types.Subscription(subscription.config)
                detached.topic = DELETED_TOPIC
                self._journal.save_subscription(detached)
                subscription.configure(detached)
            self._journal.delete_topic(name)
        del self._topics[name]

    def publish(self, topic: str, messages: Sequence[types.PubsubMessage]) -> list[str]:
        """Keep messages for every subscription that wants them; their ids."""
        rules.check_publish(messages)
        self.topic(topic)
        subscriptions = self.subscriptions_of(topic)
        ids, deliveries = [], []
        with self._journal.transaction():
            for message in messages:
                message.publish_time = datetime.now(UTC)
                message.message_id = ""
                wanted = [s.config.name for s in subscriptions if s.matches(message.attributes)]
                message_id, new = self._journal.append(message, wanted * self.faults.copies)
                ids.append(message_id)
                deliveries += new
        for name, delivery in deliveries:
            hold_s = random.uniform(0, self.faults.shuffle_s)
            self._subscriptions[name].add(delivery, hold_s)
        return ids

    def fail_publish(self) -> None:
        """Fail if one more publish call is to fail."""
        if self.faults.fail_publishes > 0:
            self.faults = replace(self.faults, fail_publishes=self.faults.fail_publishes - 1)
            raise RpcError(grpc.StatusCode.UNAVAILABLE, "The service is not available (a fault).")

    def subscription(self, name: str) -> LiveSubscription:
        """A subscription that exists."""
        if name not in self._subscriptions:
            raise not_found(name)
        return self._subscriptions[name]

    def subscriptions(self) -> list[LiveSubscription]:
        """Every subscription."""
        return list(self._subscriptions.values())

    def subscriptions_of(self, topic: str) -> list[LiveSubscription]:
        """The subscriptions of one topic."""
        return [s for s in self._subscriptions.values() if s.config.topic == topic]

    def create_subscription(self, config: types.Subscription) -> types.Subscription:
        """Add a subscription."""
        rules.check_name(config.name, "subscriptions")
        if config.name in self._subscriptions:
            raise already_exists(config.name)
        self.topic(config.topic)
        created = rules.complete(config)
        self._check_dead_letter_topic(created)
        with self._journal.transaction():
            self._journal.save_subscription(created)
        self._start(created)
        return created

    def update_subscription(
        self, config: types.Subscription, paths: Sequence[str]
    ) -> types.Subscription:
        """Change the fields of a subscription that ``paths`` names."""
        subscription = self.subscription(config.name)
        updated = rules.updated_subscription(subscription.config, config, paths)
        self._check_dead_letter_topic(updated)
        with self._journal.transaction():
            self._journal.save_subscription(updated)
        subscription.configure(updated)
        self._pushers[config.name].configure()
        return updated

    def delete_subscription(self, name: str) -> None:
        """Remove a subscription and what it did not acknowledge."""
        self.subscription(name)
        self._stop(name)
        with self._journal.transaction():
            self._journal.delete_subscription(name)

    def _keep_topic(self, topic: types.Topic) -> types.Topic:
        with self._journal.transaction():
            self._journal.save_topic(topic)
        self._topics[topic.name] = topic
        return topic

    def _start(self, config: types.Subscription) -> None:
        subscription = LiveSubscription(config, self._journal, self._forward)
        self._subscriptions[config.name] = subscription
        self._pushers[config.name] = Pusher(subscription, self._client)

    def _stop(self, name: str) -> None:
        self._pushers.pop(name).stop()
        self._subscriptions.pop(name).delete()

    def _check_dead_letter_topic(self, config: types.Subscription) -> None:
        if config.dead_letter_policy.dead_letter_topic:
            self.topic(config.dead_letter_policy.dead_letter_topic)

    def _forward(
        self, source: types.Subscription, message: types.PubsubMessage, attempts: int
    ) -> bool:
        """Publish a dead message; attributes as in .../pubsub/docs/handling-failures."""
        topic = source.dead_letter_policy.dead_letter_topic
        if topic not in self._topics:
            return False
        _, project, _, name = source.name.split("/")
        prefix = "CloudPubSubDeadLetterSource"
        message.attributes[f"{prefix}DeliveryCount"] = str(attempts)
        message.attributes[f"{prefix}Subscription"] = name
        message.attributes[f"{prefix}SubscriptionProject"] = project
        message.attributes[f"{prefix}TopicPublishTime"] = message.publish_time.rfc3339()
        self.publish(topic, [message])
        return True
