"""The gRPC server: the methods under the names that Google's clients call."""

from typing import Any

import grpc
import msgspec
from google.pubsub_v1 import types

from cinestow_local.pubsub import faults
from cinestow_local.pubsub.broker import Broker
from cinestow_local.pubsub.publisher import Publisher
from cinestow_local.pubsub.rpc import streaming, unary
from cinestow_local.pubsub.subscriber import Subscriber

_OPTIONS = [
    ("grpc.max_receive_message_length", 20 << 20),
    ("grpc.max_send_message_length", -1),
    ("grpc.so_reuseport", 0),
]


def grpc_server(broker: Broker) -> Any:
    """A ``grpc.aio.Server`` that answers for ``broker``; not yet bound, not yet started."""
    server = grpc.aio.server(options=_OPTIONS)
    services = {
        "google.pubsub.v1.Publisher": publisher_calls(Publisher(broker)),
        "google.pubsub.v1.Subscriber": subscriber_calls(Subscriber(broker)),
        "cinestow.local.Faults": fault_calls(broker),
    }
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(name, calls) for name, calls in services.items()]
    )
    return server


def publisher_calls(publisher: Publisher) -> dict[str, Any]:
    """google.pubsub.v1.Publisher; a method that is not here answers UNIMPLEMENTED."""
    return {
        "CreateTopic": unary(publisher.create_topic, types.Topic, types.Topic),
        "GetTopic": unary(publisher.get_topic, types.GetTopicRequest, types.Topic),
        "UpdateTopic": unary(publisher.update_topic, types.UpdateTopicRequest, types.Topic),
        "DeleteTopic": unary(publisher.delete_topic, types.DeleteTopicRequest),
        "ListTopics": unary(
            publisher.list_topics, types.ListTopicsRequest, types.ListTopicsResponse
        ),
        "ListTopicSubscriptions": unary(
            publisher.list_topic_subscriptions,
            types.ListTopicSubscriptionsRequest,
            types.ListTopicSubscriptionsResponse,
        ),
        "Publish": unary(publisher.publish, types.PublishRequest, types.PublishResponse),
    }


def subscriber_calls(subscriber: Subscriber) -> dict[str, Any]:
    """google.pubsub.v1.Subscriber; a method that is not here answers UNIMPLEMENTED."""
    return {
        "CreateSubscription": unary(
            subscriber.create_subscription, types.Subscription, types.Subscription
        ),
        "GetSubscription": unary(
            subscriber.get_subscription, types.GetSubscriptionRequest, types.Subscription
        ),
        "UpdateSubscription": unary(
            subscriber.update_subscription, types.UpdateSubscriptionRequest, types.Subscription
        ),
        "ModifyPushConfig": unary(subscriber.modify_push_config, types.ModifyPushConfigRequest),
        "DeleteSubscription": unary(
            subscriber.delete_subscription, types.DeleteSubscriptionRequest
        ),
        "ListSubscriptions": unary(
            subscriber.list_subscriptions,
            types.ListSubscriptionsRequest,
            types.ListSubscriptionsResponse,
        ),
        "Pull": unary(subscriber.pull, types.PullRequest, types.PullResponse),
        "Acknowledge": unary(subscriber.acknowledge, types.AcknowledgeRequest),
        "ModifyAckDeadline": unary(subscriber.modify_ack_deadline, types.ModifyAckDeadlineRequest),
        "StreamingPull": streaming(
            subscriber.streaming_pull, types.StreamingPullRequest, types.StreamingPullResponse
        ),
    }


def fault_calls(broker: Broker) -> dict[str, Any]:
    """Our own switch for tests."""

    async def set_faults(request: bytes, context: Any) -> bytes:
        try:
            broker.faults = msgspec.json.decode(request, type=faults.Faults)
        except msgspec.MsgspecError as problem:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(problem))
        return b"{}"

    return {"Set": grpc.unary_unary_rpc_method_handler(set_faults)}
