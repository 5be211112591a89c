"""The API's rules for names, messages and subscriptions, and its defaults.

Limits as in https://cloud.google.com/pubsub/quotas#resource_limits.
"""

import datetime
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from google.protobuf.field_mask_pb2 import FieldMask
from google.pubsub_v1 import types

from cinestow_local.pubsub.filters import parse_filter
from cinestow_local.pubsub.status import invalid, unimplemented

MAX_REQUEST_BYTES = 10_000_000
MAX_REQUEST_MESSAGES = 1000
MAX_ATTRIBUTES = 100
MAX_KEY_BYTES = 256
MAX_VALUE_BYTES = 1024
MIN_ACK_DEADLINE_S = 10
MAX_ACK_DEADLINE_S = 600
_NAME = re.compile(r"projects/[^/]+/(topics|subscriptions)/(?!goog)[A-Za-z][\w.~+%-]{2,254}", re.A)
_FIXED_FIELDS = {"name", "topic", "filter", "enable_message_ordering"}
_NOT_EMULATED = (
    "bigquery_config",
    "bigtable_config",
    "cloud_storage_config",
    "enable_exactly_once_delivery",
    "message_transforms",
    "retain_acked_messages",
)


def check_name(name: str, collection: str) -> None:
    """Refuse what is no name of a topic or subscription (``collection``)."""
    found = _NAME.fullmatch(name)
    if found is None or found[1] != collection:
        raise invalid(f"Invalid [{collection}] name: (name={name})")


def check_publish(messages: Sequence[types.PubsubMessage]) -> None:
    """Refuse a publish request that breaks a limit."""
    if not 1 <= len(messages) <= MAX_REQUEST_MESSAGES:
        raise invalid(f"A request has 1 to {MAX_REQUEST_MESSAGES} messages, not {len(messages)}.")
    if sum(len(message.data) for message in messages) > MAX_REQUEST_BYTES:
        raise invalid(f"The request is larger than {MAX_REQUEST_BYTES} bytes.")
    for message in messages:
        _check_message(message)


def _check_message(message: types.PubsubMessage) -> None:
    if not message.data and not message.attributes:
        raise invalid("Each message must contain either non-empty data, or at least one attribute.")
    if len(message.attributes) > MAX_ATTRIBUTES:
        raise invalid(f"A message has at most {MAX_ATTRIBUTES} attributes.")
    if len(message.ordering_key.encode()) > MAX_VALUE_BYTES:
        raise invalid(f"An ordering key has at most {MAX_VALUE_BYTES} bytes.")
    for key, value in message.attributes.items():
        if not 1 <= len(key.encode()) <= MAX_KEY_BYTES or key.startswith("goog"):
            raise invalid(f"An attribute's key has 1 to {MAX_KEY_BYTES} bytes, no 'goog' in front.")
        if len(value.encode()) > MAX_VALUE_BYTES:
            raise invalid(f"An attribute's value has at most {MAX_VALUE_BYTES} bytes.")


def check_ack_deadline(seconds: int) -> None:
    """Refuse an ack deadline that no subscription or stream can have."""
    if not MIN_ACK_DEADLINE_S <= seconds <= MAX_ACK_DEADLINE_S:
        raise invalid(
            f"An ack deadline is {MIN_ACK_DEADLINE_S} to {MAX_ACK_DEADLINE_S} s, not {seconds} s."
        )


def check_extension(seconds: int) -> None:
    """Refuse a time from now that no outstanding message can have as its deadline."""
    if not 0 <= seconds <= MAX_ACK_DEADLINE_S:
        raise invalid(f"A deadline is 0 to {MAX_ACK_DEADLINE_S} s from now, not {seconds} s.")


def complete(subscription: types.Subscription) -> types.Subscription:
    """A checked copy with the service's defaults filled in."""
    for feature in _NOT_EMULATED:
        if feature in subscription:
            raise unimplemented(feature)
    done = types.Subscription(subscription, state=types.Subscription.State.ACTIVE)
    done.ack_deadline_seconds = done.ack_deadline_seconds or MIN_ACK_DEADLINE_S
    check_ack_deadline(done.ack_deadline_seconds)
    parse_filter(done.filter)
    _check_endpoint(done.push_config.push_endpoint)
    _complete_dead_letter_policy(done)
    _complete_retry_policy(done)
    return done


def _check_endpoint(endpoint: str) -> None:
    if not endpoint:
        return
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise invalid(f"Invalid push endpoint given (endpoint={endpoint}).")


def _complete_dead_letter_policy(subscription: types.Subscription) -> None:
    policy = subscription.dead_letter_policy
    if "dead_letter_policy" not in subscription or not policy.dead_letter_topic:
        return
    policy.max_delivery_attempts = policy.max_delivery_attempts or 5
    if not 5 <= policy.max_delivery_attempts <= 100:
        raise invalid(f"max_delivery_attempts is 5 to 100, not {policy.max_delivery_attempts}.")


def _complete_retry_policy(subscription: types.Subscription) -> None:
    if "retry_policy" not in subscription:
        return
    policy = subscription.retry_policy
    if "minimum_backoff" not in policy:
        policy.minimum_backoff = datetime.timedelta(seconds=10)
    if "maximum_backoff" not in policy:
        policy.maximum_backoff = datetime.timedelta(seconds=600)
    minimum = policy.minimum_backoff.total_seconds()
    maximum = policy.maximum_backoff.total_seconds()
    if not 0 <= minimum <= maximum <= 600:
        raise invalid(f"Back-off is 0 to 600 s, not {minimum} s to {maximum} s.")


def updated_topic(old: types.Topic, new: types.Topic, paths: Sequence[str]) -> types.Topic:
    """``old`` with the fields of ``new`` that ``paths`` names."""
    done = types.Topic(old)
    _merge(paths, types.Topic.pb(new), types.Topic.pb(done), {"name"})
    return done


def updated_subscription(
    old: types.Subscription, new: types.Subscription, paths: Sequence[str]
) -> types.Subscription:
    """``old`` with the fields of ``new`` that ``paths`` names, checked again."""
    done = types.Subscription(old)
    _merge(paths, types.Subscription.pb(new), types.Subscription.pb(done), _FIXED_FIELDS)
    return complete(done)


def _merge(paths: Sequence[str], source: Any, target: Any, fixed: set[str]) -> None:
    """Merge protobuf messages (not their wrappers)."""
    mask = FieldMask(paths=paths)
    if not paths or not mask.IsValidForDescriptor(target.DESCRIPTOR):
        raise invalid(f"The update_mask must name fields of the resource, not {list(paths)}.")
    if unchangeable := {path.partition(".")[0] for path in paths} & fixed:
        raise invalid(f"The update_mask names fields that cannot be changed: {unchangeable}.")
    mask.MergeMessage(source, target, True, True)
