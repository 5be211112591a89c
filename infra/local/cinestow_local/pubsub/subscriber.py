"""The calls of google.pubsub.v1.Subscriber."""

from collections.abc import AsyncIterator

import grpc
from google.pubsub_v1 import types

from cinestow_local.pubsub import rules
from cinestow_local.pubsub.broker import Broker
from cinestow_local.pubsub.rpc import page
from cinestow_local.pubsub.status import RpcError, invalid
from cinestow_local.pubsub.streaming import streaming_pull
from cinestow_local.pubsub.subscription import Leased, LiveSubscription

PULL_WAIT_S = 4.0
"""How long a pull waits for a message before it answers with none."""


class Subscriber:
    """One method per call."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def create_subscription(self, request: types.Subscription) -> types.Subscription:
        """CreateSubscription."""
        return self._broker.create_subscription(request)

    async def get_subscription(self, request: types.GetSubscriptionRequest) -> types.Subscription:
        """GetSubscription."""
        return self._broker.subscription(request.subscription).config

    async def update_subscription(
        self, request: types.UpdateSubscriptionRequest
    ) -> types.Subscription:
        """UpdateSubscription."""
        return self._broker.update_subscription(request.subscription, request.update_mask.paths)

    async def modify_push_config(self, request: types.ModifyPushConfigRequest) -> None:
        """ModifyPushConfig."""
        change = types.Subscription(name=request.subscription, push_config=request.push_config)
        self._broker.update_subscription(change, ["push_config"])

    async def delete_subscription(self, request: types.DeleteSubscriptionRequest) -> None:
        """DeleteSubscription."""
        self._broker.delete_subscription(request.subscription)

    async def list_subscriptions(
        self, request: types.ListSubscriptionsRequest
    ) -> types.ListSubscriptionsResponse:
        """ListSubscriptions."""
        configs = {s.config.name: s.config for s in self._broker.subscriptions()}
        mine = [name for name in configs if name.startswith(f"{request.project}/")]
        names, token = page(mine, request.page_size, request.page_token)
        found = [configs[name] for name in names]
        return types.ListSubscriptionsResponse(subscriptions=found, next_page_token=token)

    async def pull(self, request: types.PullRequest) -> types.PullResponse:
        """Pull."""
        subscription = self._pulled(request.subscription)
        if request.max_messages < 1:
            raise invalid(f"max_messages is at least 1, not {request.max_messages}.")
        wait_s = 0.0 if request.return_immediately else PULL_WAIT_S
        leased = await subscription.take(request.max_messages, wait_s)
        received = [_received(subscription, one) for one in leased]
        return types.PullResponse(received_messages=received)

    async def acknowledge(self, request: types.AcknowledgeRequest) -> None:
        """Acknowledge."""
        self._broker.subscription(request.subscription).acknowledge(list(request.ack_ids))

    async def modify_ack_deadline(self, request: types.ModifyAckDeadlineRequest) -> None:
        """ModifyAckDeadline."""
        rules.check_extension(request.ack_deadline_seconds)
        subscription = self._broker.subscription(request.subscription)
        for ack_id in request.ack_ids:
            subscription.modify_deadline(ack_id, request.ack_deadline_seconds)

    async def streaming_pull(
        self, requests: AsyncIterator[types.StreamingPullRequest]
    ) -> AsyncIterator[types.StreamingPullResponse]:
        """StreamingPull."""
        first = await anext(requests)
        subscription = self._pulled(first.subscription)
        ordered = subscription.config.enable_message_ordering
        properties = {"message_ordering_enabled": ordered}
        async for leased in streaming_pull(subscription, first, requests):
            yield types.StreamingPullResponse(
                received_messages=[_received(subscription, one) for one in leased],
                subscription_properties=properties,
            )

    def _pulled(self, name: str) -> LiveSubscription:
        subscription = self._broker.subscription(name)
        if subscription.config.push_config.push_endpoint:
            raise RpcError(
                grpc.StatusCode.FAILED_PRECONDITION,
                f"The subscription has a push endpoint, so nobody can pull (resource={name}).",
            )
        return subscription


def _received(subscription: LiveSubscription, leased: Leased) -> types.ReceivedMessage:
    counted = bool(subscription.config.dead_letter_policy.dead_letter_topic)
    return types.ReceivedMessage(
        ack_id=leased.ack_id,
        message=leased.message,
        delivery_attempt=leased.attempt if counted else 0,
    )
