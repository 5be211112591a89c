"""The calls of google.pubsub.v1.Publisher."""

from google.pubsub_v1 import types

from cinestow_local.pubsub.broker import Broker
from cinestow_local.pubsub.rpc import page


class Publisher:
    """One method per call."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def create_topic(self, request: types.Topic) -> types.Topic:
        """CreateTopic."""
        return self._broker.create_topic(request)

    async def get_topic(self, request: types.GetTopicRequest) -> types.Topic:
        """GetTopic."""
        return self._broker.topic(request.topic)

    async def update_topic(self, request: types.UpdateTopicRequest) -> types.Topic:
        """UpdateTopic."""
        return self._broker.update_topic(request.topic, request.update_mask.paths)

    async def delete_topic(self, request: types.DeleteTopicRequest) -> None:
        """DeleteTopic."""
        self._broker.delete_topic(request.topic)

    async def list_topics(self, request: types.ListTopicsRequest) -> types.ListTopicsResponse:
        """ListTopics."""
        topics = {topic.name: topic for topic in self._broker.topics()}
        mine = [name for name in topics if name.startswith(f"{request.project}/")]
        names, token = page(mine, request.page_size, request.page_token)
        found = [topics[name] for name in names]
        return types.ListTopicsResponse(topics=found, next_page_token=token)

    async def list_topic_subscriptions(
        self, request: types.ListTopicSubscriptionsRequest
    ) -> types.ListTopicSubscriptionsResponse:
        """ListTopicSubscriptions."""
        self._broker.topic(request.topic)
        mine = [s.config.name for s in self._broker.subscriptions_of(request.topic)]
        names, token = page(mine, request.page_size, request.page_token)
        return types.ListTopicSubscriptionsResponse(subscriptions=names, next_page_token=token)

    async def publish(self, request: types.PublishRequest) -> types.PublishResponse:
        """Publish."""
        self._broker.fail_publish()
        ids = self._broker.publish(request.topic, list(request.messages))
        return types.PublishResponse(message_ids=ids)
