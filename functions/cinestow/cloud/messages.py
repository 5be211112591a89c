"""Messages between the stages: publishing, and what a push delivers."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from google.api_core import exceptions as api
from google.cloud import pubsub_v1

from cinestow.errors import MessagingUnavailable

PUBLISH_TIMEOUT_S = 60.0


class Publisher(Protocol):
    """Where a stage hands its result to the next."""

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """Returns when the message is safe; raises ``MessagingUnavailable`` otherwise."""
        ...


class PubSubPublisher:
    """Publishes to Cloud Pub/Sub; ``topic`` is the short name within ``project``."""

    def __init__(self, project: str) -> None:
        self._client = pubsub_v1.PublisherClient()
        self._project = project

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """Returns when Pub/Sub has the message."""
        path = self._client.topic_path(self._project, topic)
        try:
            self._client.publish(path, data, **attributes).result(PUBLISH_TIMEOUT_S)
        except (api.GoogleAPICallError, api.RetryError, TimeoutError) as error:
            raise MessagingUnavailable(f"publishing to {topic}: {type(error).__name__}") from error


@dataclass(frozen=True)
class Delivery:
    """One delivered message."""

    data: bytes
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class _Message:
    data: str = ""
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Envelope:
    message: _Message


class MalformedDelivery(ValueError):
    """The body is no Pub/Sub push envelope."""


def parse_push(body: bytes) -> Delivery:
    """Read the JSON body of a Pub/Sub push request.

    Functions parse it themselves: functions-framework's conversion to a CloudEvent drops
    ``deliveryAttempt`` and refuses messages without attributes.
    """
    try:
        envelope = msgspec.json.decode(body, type=_Envelope)
        data = base64.b64decode(envelope.message.data, validate=True)
    except (msgspec.DecodeError, binascii.Error) as error:
        raise MalformedDelivery(f"not a Pub/Sub push envelope: {error}") from error
    message = envelope.message
    return Delivery(data, message.attributes)
