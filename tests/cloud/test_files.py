from pathlib import Path

import pytest

from cinestow.cloud.files import FileObjects
from cinestow.cloud.objects import ObjectRef
from cinestow.errors import Superseded


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path)


def test_the_first_writer_wins_and_the_second_is_told(objects: FileObjects) -> None:
    first, ours = objects.create("b", "x/y", [b"one"], "text/plain", {"k": "v"})
    second, theirs = objects.create("b", "x/y", [b"two"], "text/plain")
    assert (ours, theirs) == (True, False)
    assert second == first
    assert objects.read(first.ref) == b"one"
    assert dict(first.metadata) == {"k": "v"}


def test_a_failed_writer_leaves_nothing(objects: FileObjects) -> None:
    with pytest.raises(ZeroDivisionError), objects.writer("b", "x", "text/plain") as writer:
        writer.write(b"half")
        raise ZeroDivisionError
    assert objects.stat("b", "x") is None


def test_a_writer_commits_at_the_end_of_its_block(objects: FileObjects) -> None:
    with objects.writer("b", "x", "text/plain") as writer:
        writer.write(b"a")
        writer.write(b"b")
        assert objects.stat("b", "x") is None
    assert objects.read(writer.info.ref) == b"ab"


def test_list_is_by_prefix_and_name(objects: FileObjects) -> None:
    for name in ("p/b", "p/a", "q/a", "p"):
        objects.create("b", name, [b""], "text/plain")
    assert [info.ref.name for info in objects.list("b", "p/")] == ["p/a", "p/b"]


def test_ranges(objects: FileObjects) -> None:
    info, _ = objects.create("b", "x", [b"0123456789"], "text/plain")
    reader = objects.reader(info.ref)
    assert (reader.size, reader.read_at(3, 4), reader.read_at(8, 9)) == (10, b"3456", b"89")
    assert b"".join(objects.stream(info.ref, 2, 5)) == b"234"
    assert b"".join(objects.stream(info.ref)) == b"0123456789"


def test_compose_joins_in_order(objects: FileObjects) -> None:
    parts = [objects.create("b", n, [n.encode()], "text/plain")[0].ref for n in "cab"]
    joined, ours = objects.compose("b", "joined", parts, "text/plain")
    assert ours
    assert objects.read(joined.ref) == b"cab"


def test_replace_wants_the_live_generation(objects: FileObjects) -> None:
    first = objects.replace("b", "lease", b"1", 0)
    assert first is not None
    assert objects.replace("b", "lease", b"2", 0) is None
    second = objects.replace("b", "lease", b"2", first.generation)
    assert second is not None
    assert second.generation > first.generation
    with pytest.raises(Superseded):
        objects.read(first)


def test_delete_leaves_other_generations_alone(objects: FileObjects) -> None:
    ref = objects.create("b", "x", [b"1"], "text/plain")[0].ref
    objects.delete(ObjectRef("b", "x", ref.generation + 1))
    assert objects.read(ref) == b"1"
    objects.delete(ref)
    objects.delete(ref)
    assert objects.stat("b", "x") is None


def test_an_adopted_file_is_read_in_place_and_never_deleted(
    objects: FileObjects, tmp_path_factory: pytest.TempPathFactory
) -> None:
    original = tmp_path_factory.mktemp("elsewhere") / "recording.webm"
    original.write_bytes(b"video")
    info = objects.adopt("uploads", "recording", original, {"PatientID": "1"})
    assert objects.path(info.ref) == original
    objects.delete(info.ref)
    assert original.read_bytes() == b"video"
