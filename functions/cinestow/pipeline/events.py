"""The event that starts a recording's way: an object was finalized in the uploads bucket."""

from dataclasses import dataclass
from typing import TypeVar

import msgspec
from werkzeug.datastructures import Headers

from cinestow.cloud.messages import Delivery, MalformedDelivery, parse_push

CLOUD_EVENT = "google.cloud.storage.object.v1.finalized"
NOTIFICATION = "OBJECT_FINALIZE"
T = TypeVar("T")


@dataclass(frozen=True)
class FinalizedObject:
    """One generation of an object, whole and visible."""

    bucket: str
    name: str
    generation: int


@dataclass(frozen=True)
class _EventData:
    bucket: str
    name: str
    generation: str


@dataclass(frozen=True)
class _StructuredEvent:
    type: str
    data: _EventData


def finalized_object(headers: Headers, body: bytes) -> FinalizedObject | None:
    """Read Pub/Sub's push of a storage notification, or Eventarc's CloudEvent.

    None for events of other kinds (a deletion);
    ``MalformedDelivery`` for what is no such event at all.
    """
    if headers.get("ce-type"):
        if headers["ce-type"] != CLOUD_EVENT:
            return None
        return _from_event_data(_decode(body, _EventData))
    if headers.get("content-type", "").startswith("application/cloudevents+json"):
        event = _decode(body, _StructuredEvent)
        return _from_event_data(event.data) if event.type == CLOUD_EVENT else None
    return _from_notification(parse_push(body))


def _from_notification(delivery: Delivery) -> FinalizedObject | None:
    attributes = delivery.attributes
    try:
        if attributes["eventType"] != NOTIFICATION:
            return None
        return FinalizedObject(
            attributes["bucketId"], attributes["objectId"], int(attributes["objectGeneration"])
        )
    except KeyError as error:
        raise MalformedDelivery(f"not a storage notification: {error} is missing") from error
    except ValueError as error:
        raise MalformedDelivery("not a storage notification: generation is no number") from error


def _from_event_data(data: _EventData) -> FinalizedObject:
    try:
        return FinalizedObject(data.bucket, data.name, int(data.generation))
    except ValueError as error:
        raise MalformedDelivery("not a storage event: generation is no number") from error


def _decode(body: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise MalformedDelivery(f"not a storage event: {error}") from error
