import os
from collections.abc import Iterator

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from cinestow.cloud.gcs import GcsObjects
from cinestow.cloud.objects import ObjectRef
from cinestow.errors import StorageUnavailable, Superseded
from support.storage import storage_server

BUCKET = "work"


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsObjects]:
    with storage_server(tmp_path_factory.mktemp("storage")) as server:
        os.environ["STORAGE_EMULATOR_HOST"] = server.url
        client = storage.Client(project="p", credentials=AnonymousCredentials())
        client.create_bucket(BUCKET)
        yield GcsObjects(client)
        client.close()
        del os.environ["STORAGE_EMULATOR_HOST"]


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
