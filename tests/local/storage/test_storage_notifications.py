"""Bucket notifications: attributes, payloads, filters, and that none is lost."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from google.cloud import storage
from google.pubsub_v1 import PublishRequest, PublishResponse, PubsubMessage

from support.storage import storage_client, storage_server

TOPIC = "projects/test-project/topics/uploads"


class Topics(grpc.GenericRpcHandler):
    """A Pub/Sub that records what is published, and refuses as long as it is told to."""

    def __init__(self) -> None:
        self.published: list[tuple[str, PubsubMessage]] = []
        self.refusing = threading.Event()

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if details.method != "/google.pubsub.v1.Publisher/Publish":
            return None
        return grpc.unary_unary_rpc_method_handler(
            self._publish, PublishRequest.deserialize, PublishResponse.serialize
        )

    def _publish(self, request: PublishRequest, context: grpc.ServicerContext) -> PublishResponse:
        if self.refusing.is_set():
            context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
        self.published += [(request.topic, message) for message in request.messages]
        return PublishResponse(message_ids=["1"] * len(request.messages))

    def wait(self, count: int) -> list[Mapping[str, str]]:
        """The attributes of the first ``count`` messages, once there are so many."""
        deadline = time.monotonic() + 20
        while len(self.published) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        return [dict(message.attributes) for _, message in self.published]


@pytest.fixture(scope="module")
def topics() -> Topics:
    return Topics()


@pytest.fixture(scope="module")
def address(topics: Topics) -> Iterator[str]:
    pubsub = grpc.server(futures.ThreadPoolExecutor(2), handlers=(topics,))
    port = pubsub.add_insecure_port("127.0.0.1:0")
    pubsub.start()
    yield f"127.0.0.1:{port}"
    pubsub.stop(0).wait()


@pytest.fixture(scope="module")
def notifying(address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[storage.Client]:
    with storage_server(tmp_path_factory.mktemp("notifying"), address) as server:
        client = storage_client(server.url)
        yield client
        client.close()


@pytest.fixture
def watched(
    notifying: storage.Client, topics: Topics, request: pytest.FixtureRequest
) -> storage.Bucket:
    topics.published.clear()
    return notifying.create_bucket(f"w-{abs(hash(request.node.name))}")


def notify(bucket: storage.Bucket, **options: object) -> storage.notification.BucketNotification:
    made = bucket.notification(topic_name="uploads", topic_project="test-project", **options)
    made.create()
    return made


def test_configurations_are_kept(watched: storage.Bucket) -> None:
    made = notify(watched, event_types=["OBJECT_FINALIZE"], payload_format="JSON_API_V1")
    (found,) = watched.list_notifications()
    assert (found.topic_name, found.event_types) == ("uploads", ["OBJECT_FINALIZE"])
    assert watched.get_notification(made.notification_id).payload_format == "JSON_API_V1"
    made.delete()
    assert list(watched.list_notifications()) == []


def test_a_finalized_object_without_payload(watched: storage.Bucket, topics: Topics) -> None:
    notify(watched, event_types=["OBJECT_FINALIZE"], payload_format="NONE")
    blob = watched.blob("rec/ü 1.webm")
    blob.upload_from_string(b"x")
    (attributes,) = topics.wait(1)
    assert attributes.pop("eventTime").endswith("Z")
    assert attributes == {
        "notificationConfig": f"projects/_/buckets/{watched.name}/notificationConfigs/1",
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "NONE",
        "bucketId": watched.name,
        "objectId": "rec/ü 1.webm",
        "objectGeneration": str(blob.generation),
    }
    topic, message = topics.published[0]
    assert (topic, message.data) == (TOPIC, b"")


def test_overwriting_patching_and_deleting_with_payload(
    watched: storage.Bucket, topics: Topics
) -> None:
    notify(watched, payload_format="JSON_API_V1")
    blob = watched.blob("x")
    blob.upload_from_string(b"1")
    first = str(blob.generation)
    blob = watched.blob("x")
    blob.upload_from_string(b"22")
    second = str(blob.generation)
    blob.metadata = {"k": "v"}
    blob.patch()
    blob.delete()
    seen = topics.wait(5)
    by_event = {(each["eventType"], each["objectGeneration"]): each for each in seen}
    assert set(by_event) == {
        ("OBJECT_FINALIZE", first),
        ("OBJECT_DELETE", first),
        ("OBJECT_FINALIZE", second),
        ("OBJECT_METADATA_UPDATE", second),
        ("OBJECT_DELETE", second),
    }
    assert by_event["OBJECT_FINALIZE", second]["overwroteGeneration"] == first
    assert by_event["OBJECT_DELETE", first]["overwrittenByGeneration"] == second
    assert "overwrittenByGeneration" not in by_event["OBJECT_DELETE", second]
    payload = json.loads(topics.published[3][1].data)
    assert (payload["kind"], payload["metadata"]) == ("storage#object", {"k": "v"})
    assert (payload["size"], payload["metageneration"]) == ("2", "2")


def test_a_versioned_bucket_archives(watched: storage.Bucket, topics: Topics) -> None:
    watched.versioning_enabled = True
    watched.patch()
    notify(watched, event_types=["OBJECT_ARCHIVE", "OBJECT_DELETE"], payload_format="NONE")
    blob = watched.blob("x")
    blob.upload_from_string(b"1")
    watched.blob("x").delete()
    watched.blob("x", generation=blob.generation).delete()
    assert [each["eventType"] for each in topics.wait(2)] == ["OBJECT_ARCHIVE", "OBJECT_DELETE"]


def test_compose_copy_and_sessions_finalize_too(watched: storage.Bucket, topics: Topics) -> None:
    watched.blob("source").upload_from_string(b"x")
    notify(watched, event_types=["OBJECT_FINALIZE"], payload_format="NONE")
    watched.blob("composed").compose([watched.blob("source")])
    watched.copy_blob(watched.blob("source"), watched, "copied")
    with watched.blob("streamed").open("wb") as stream:
        stream.write(b"x")
    assert [each["objectId"] for each in topics.wait(3)] == ["composed", "copied", "streamed"]


def test_prefix_and_custom_attributes(watched: storage.Bucket, topics: Topics) -> None:
    notify(watched, blob_name_prefix="in/", custom_attributes={"site": "a"}, payload_format="NONE")
    watched.blob("out/x").upload_from_string(b"x")
    watched.blob("in/x").upload_from_string(b"x")
    (attributes,) = topics.wait(1)
    assert (attributes["objectId"], attributes["site"]) == ("in/x", "a")


def test_a_refused_precondition_announces_nothing(watched: storage.Bucket, topics: Topics) -> None:
    notify(watched, payload_format="NONE")
    watched.blob("x").upload_from_string(b"x")
    with pytest.raises(Exception, match="412"):
        watched.blob("x").upload_from_string(b"y", if_generation_match=0)
    watched.blob("last").upload_from_string(b"x")
    assert [each["objectId"] for each in topics.wait(2)] == ["x", "last"]


def test_nothing_is_lost_while_pubsub_is_away(watched: storage.Bucket, topics: Topics) -> None:
    notify(watched, payload_format="NONE")
    topics.refusing.set()
    watched.blob("a").upload_from_string(b"x")
    watched.blob("b").upload_from_string(b"x")
    time.sleep(0.3)
    assert topics.published == []
    topics.refusing.clear()
    assert [each["objectId"] for each in topics.wait(2)] == ["a", "b"]


def test_what_was_not_published_is_after_a_restart(
    tmp_path: Path, address: str, topics: Topics
) -> None:
    topics.published.clear()
    with storage_server(tmp_path) as server:
        client = storage_client(server.url)
        bucket = client.create_bucket("restarted")
        notify(bucket, payload_format="NONE")
        bucket.blob("x").upload_from_string(b"x")
        client.close()
    assert topics.published == []
    with storage_server(tmp_path, address):
        (attributes,) = topics.wait(1)
    assert attributes["objectId"] == "x"
