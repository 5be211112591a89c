import base64
import json

import pytest
from werkzeug.datastructures import Headers

from cinestow.cloud.messages import MalformedDelivery
from cinestow.pipeline.events import FinalizedObject, finalized_object

OBJECT = FinalizedObject("uploads", "a b/rec.webm", 1760000000000001)
ATTRIBUTES = {
    "eventType": "OBJECT_FINALIZE",
    "payloadFormat": "NONE",
    "bucketId": OBJECT.bucket,
    "objectId": OBJECT.name,
    "objectGeneration": str(OBJECT.generation),
}
DATA = {"bucket": OBJECT.bucket, "name": OBJECT.name, "generation": str(OBJECT.generation)}


def push(attributes: dict[str, str]) -> bytes:
    message = {"attributes": attributes, "messageId": "1", "message_id": "1", "data": ""}
    return json.dumps({"message": message, "subscription": "projects/p/subscriptions/s"}).encode()


def test_a_pushed_storage_notification() -> None:
    assert (
        finalized_object(Headers({"Content-Type": "application/json"}), push(ATTRIBUTES)) == OBJECT
    )


def test_a_binary_cloud_event() -> None:
    headers = Headers({"CE-Type": "google.cloud.storage.object.v1.finalized"})
    assert finalized_object(headers, json.dumps(DATA).encode()) == OBJECT


def test_a_structured_cloud_event() -> None:
    body = {"specversion": "1.0", "type": "google.cloud.storage.object.v1.finalized", "data": DATA}
    headers = Headers({"Content-Type": "application/cloudevents+json; charset=utf-8"})
    assert finalized_object(headers, json.dumps(body).encode()) == OBJECT


def test_other_events_are_none_of_ours() -> None:
    deletion = push({**ATTRIBUTES, "eventType": "OBJECT_DELETE"})
    assert finalized_object(Headers(), deletion) is None
    archived = Headers({"ce-type": "google.cloud.storage.object.v1.archived"})
    assert finalized_object(archived, json.dumps(DATA).encode()) is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"null",
        push({}),
        push({**ATTRIBUTES, "objectGeneration": "yesterday"}),
        json.dumps({"message": {"data": "%%%", "attributes": ATTRIBUTES}}).encode(),
        base64.b64encode(push(ATTRIBUTES)),
    ],
)
def test_what_is_no_event_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedDelivery):
        finalized_object(Headers(), body)


def test_a_cloud_event_without_its_data_is_malformed() -> None:
    headers = Headers({"ce-type": "google.cloud.storage.object.v1.finalized"})
    with pytest.raises(MalformedDelivery, match="storage event"):
        finalized_object(headers, b"{}")
