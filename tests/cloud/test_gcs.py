from collections.abc import Callable, Iterator, Sequence

import pytest
import requests
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError
from google.cloud import storage

from cinestow.cloud.gcs import GcsObjects, GcsReader
from cinestow.cloud.objects import ObjectInfo, ObjectRef
from cinestow.errors import StorageUnavailable, Superseded
from support.storage import StorageServer, storage_client, storage_server

BUCKET = "work"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StorageServer]:
    with storage_server(tmp_path_factory.mktemp("storage")) as running:
        yield running


@pytest.fixture(scope="module")
def objects(server: StorageServer) -> Iterator[GcsObjects]:
    client = storage_client(server.url)
    client.create_bucket(BUCKET)
    yield GcsObjects(client)
    client.close()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


SMALL = [b"small"]
LARGE = [bytes([i]) * 300_000 for i in range(60)]


@pytest.mark.parametrize("pieces", [SMALL, LARGE], ids=["small", "large"])
def test_the_first_writer_wins_and_the_second_is_told(
    objects: GcsObjects, name: str, pieces: list[bytes]
) -> None:
    first, ours = objects.create(BUCKET, name, pieces, "text/plain", {"k": "v"})
    second, theirs = objects.create(BUCKET, name, [b"x", *pieces], "text/plain")
    assert (ours, theirs) == (True, False)
    assert second == first
    assert b"".join(objects.stream(first.ref)) == b"".join(pieces)
    assert dict(first.metadata) == {"k": "v"}
    assert first.content_type == "text/plain"


@pytest.mark.parametrize("count", [0, 1, 40])
def test_a_failed_writer_leaves_nothing(objects: GcsObjects, name: str, count: int) -> None:
    with pytest.raises(ZeroDivisionError), objects.writer(BUCKET, name, "text/plain") as writer:
        for _ in range(count):
            writer.write(bytes(1 << 20))
        raise ZeroDivisionError
    assert objects.stat(BUCKET, name) is None


def test_a_failing_source_leaves_nothing(objects: GcsObjects, name: str) -> None:
    def pieces() -> Iterator[bytes]:
        yield bytes(20 << 20)
        raise StorageUnavailable("the source broke")

    with pytest.raises(StorageUnavailable, match="the source broke"):
        objects.create(BUCKET, name, pieces(), "text/plain")
    assert objects.stat(BUCKET, name) is None


def test_a_writer_commits_at_the_end_of_its_block(objects: GcsObjects, name: str) -> None:
    with objects.writer(BUCKET, name, "text/plain") as writer:
        for piece in LARGE:
            writer.write(piece)
        assert objects.stat(BUCKET, name) is None
    assert b"".join(objects.stream(writer.info.ref)) == b"".join(LARGE)


def test_ranges_and_blocks(objects: GcsObjects, name: str) -> None:
    data = b"".join(LARGE)
    ref = objects.create(BUCKET, name, LARGE, "text/plain")[0].ref
    reader = objects.reader(ref, block=1 << 20)
    assert reader.size == len(data)
    for offset, length in [(0, 10), (1048570, 20), (5 << 20, 3 << 20), (len(data) - 5, 50), (0, 9)]:
        assert reader.read_at(offset, length) == data[offset : offset + length]
    assert b"".join(objects.stream(ref, 1000, 9_000_000)) == data[1000:9_000_000]


def test_compose_of_more_than_32_parts(objects: GcsObjects, name: str) -> None:
    parts = [
        objects.create(BUCKET, f"{name}/{i:03}", [f"{i},".encode()], "text/plain")[0].ref
        for i in range(70)
    ]
    joined, ours = objects.compose(BUCKET, f"{name}-joined", parts, "application/dicom")
    assert ours
    assert objects.read(joined.ref) == b"".join(f"{i},".encode() for i in range(70))
    assert joined.content_type == "application/dicom"
    assert objects.compose(BUCKET, f"{name}-joined", parts[:1], "x/y") == (joined, False)
    leftovers = [info.ref.name for info in objects.list(BUCKET, f"{name}-joined")]
    assert leftovers == [f"{name}-joined"]


def test_compose_wants_the_pinned_generation(objects: GcsObjects, name: str) -> None:
    ref = objects.create(BUCKET, name, [b"1"], "text/plain")[0].ref
    stale = ObjectRef(BUCKET, name, ref.generation - 1)
    with pytest.raises((Superseded, StorageUnavailable)):
        objects.compose(BUCKET, f"{name}-joined", [stale], "text/plain")


def test_replace_wants_the_live_generation(objects: GcsObjects, name: str) -> None:
    first = objects.replace(BUCKET, name, b"1", 0)
    assert first is not None
    assert objects.replace(BUCKET, name, b"2", 0) is None
    second = objects.replace(BUCKET, name, b"2", first.generation)
    assert second is not None
    with pytest.raises(Superseded):
        objects.read(first)


def test_delete_leaves_other_generations_alone(objects: GcsObjects, name: str) -> None:
    ref = objects.create(BUCKET, name, [b"1"], "text/plain")[0].ref
    objects.delete(ObjectRef(BUCKET, name, ref.generation + 1))
    assert objects.read(ref) == b"1"
    objects.delete(ref)
    objects.delete(ref)
    assert objects.stat(BUCKET, name) is None


def test_copy_is_write_once(objects: GcsObjects, name: str) -> None:
    ref = objects.create(BUCKET, name, LARGE, "video/webm")[0].ref
    copied, ours = objects.copy(ref, BUCKET, f"{name}-copy")
    again, theirs = objects.copy(ref, BUCKET, f"{name}-copy")
    assert (ours, theirs) == (True, False)
    assert again == copied
    assert b"".join(objects.stream(copied.ref)) == b"".join(LARGE)


def test_a_missing_bucket_is_no_superseded_object(objects: GcsObjects) -> None:
    with pytest.raises(StorageUnavailable):
        objects.create("no-such-bucket", "x", [b"1"], "text/plain")


def test_two_places_read_in_turns_are_each_fetched_once() -> None:
    """Pictures and sound far apart in a file, and an index at its end."""
    data = bytes(range(256)) * 40
    fetched = []

    def fetch(start: int, end: int) -> bytes:
        fetched.append(start)
        return data[start:end]

    reader = GcsReader(fetch, len(data), block=1024)
    for step in range(0, 4096, 64):
        for place in (step, 5000 + step, len(data) - 100):
            assert reader.read_at(place, 64) == data[place : place + 64]
    assert len(fetched) == len(set(fetched))


def test_a_short_read_is_an_error_and_no_endless_loop() -> None:
    reader = GcsReader(lambda start, end: bytes(end - start - 1), 2048, block=1024)
    with pytest.raises(StorageUnavailable, match="1023 of 1024"):
        reader.read_at(0, 2048)


def test_a_block_whose_name_is_taken_does_not_go_on(objects: GcsObjects, name: str) -> None:
    objects.create(BUCKET, name, SMALL, "text/plain")
    with pytest.raises(StorageUnavailable):
        with objects.writer(BUCKET, name, "text/plain") as writer:
            for piece in LARGE:
                writer.write(piece)


def test_an_identity_without_a_token_just_now_may_have_one_later(server: StorageServer) -> None:
    class NoToken(AnonymousCredentials):
        def before_request(self, *_: object) -> None:
            raise RefreshError("the metadata server does not answer")

    options = {"api_endpoint": server.url}
    client = storage.Client("p", credentials=NoToken(), client_options=options)
    with pytest.raises(StorageUnavailable, match="RefreshError"):
        GcsObjects(client).stat(BUCKET, "x")
    client.close()


class Overtaken(GcsObjects):
    """Another worker finishes, and tidies up, before the last step of a join."""

    def _compose(
        self, bucket: str, name: str, parts: Sequence[ObjectRef], content_type: str
    ) -> tuple[ObjectInfo, bool]:
        if ".join-" not in name:
            for part in parts:
                self.delete(part)
        return super()._compose(bucket, name, parts, content_type)


def test_a_join_that_loses_its_parts_is_tried_again(server: StorageServer, name: str) -> None:
    client = storage_client(server.url)
    objects = Overtaken(client)
    parts = [
        objects.create(BUCKET, f"{name}/{i:03}", [b"x"], "text/plain")[0].ref for i in range(33)
    ]
    with pytest.raises(StorageUnavailable):
        objects.compose(BUCKET, f"{name}-joined", parts, "text/plain")
    joined, _ = GcsObjects(client).compose(BUCKET, f"{name}-joined", parts, "text/plain")
    assert joined.size == 33
    client.close()


def test_parts_left_by_a_join_that_died_are_used_again(objects: GcsObjects, name: str) -> None:
    parts = [
        objects.create(BUCKET, f"{name}/{i:03}", [f"{i},".encode()], "text/plain")[0].ref
        for i in range(40)
    ]
    objects.compose(BUCKET, f"{name}-joined.join-00000", parts[:32], "text/plain")
    joined, _ = objects.compose(BUCKET, f"{name}-joined", parts, "text/plain")
    assert objects.read(joined.ref) == b"".join(f"{i},".encode() for i in range(40))
    leftovers = [info.ref.name for info in objects.list(BUCKET, f"{name}-joined")]
    assert leftovers == [f"{name}-joined"]


@pytest.mark.parametrize(
    ("match", "write"),
    [
        ("POST /upload", lambda o, ref, name: o.create(BUCKET, name, LARGE[:1], "x/y")[0]),
        ("PUT /", lambda o, ref, name: o.create(BUCKET, name, LARGE, "x/y")[0]),
        ("compose", lambda o, ref, name: o.compose(BUCKET, name, [ref], "x/y")[0]),
        ("rewriteTo", lambda o, ref, name: o.copy(ref, BUCKET, name)[0]),
    ],
    ids=["small", "large", "compose", "copy"],
)
def test_a_write_whose_answer_was_lost_stands_once(
    server: StorageServer,
    objects: GcsObjects,
    name: str,
    match: str,
    write: Callable[[GcsObjects, ObjectRef, str], ObjectInfo],
) -> None:
    source = objects.create(BUCKET, f"{name}-source", LARGE[:2], "x/y")[0].ref
    rule = {"match": match, "fault": "lost-reply"}
    requests.post(f"{server.url}/_faults", json=rule, timeout=10).raise_for_status()
    written = write(objects, source, name)
    assert requests.get(f"{server.url}/_faults", timeout=10).json()["faults"] == []
    expected = {"POST /upload": LARGE[:1], "PUT /": LARGE}.get(match, LARGE[:2])
    assert b"".join(objects.stream(written.ref)) == b"".join(expected)
    assert objects.stat(BUCKET, name) == written
