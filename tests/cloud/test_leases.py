from pathlib import Path

import pytest

from cinestow.cloud.files import FileObjects
from cinestow.cloud.leases import RENEW_AFTER, SECONDS, lease
from cinestow.cloud.objects import ObjectInfo, ObjectRef
from cinestow.errors import StorageUnavailable, WorkInProgress


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def objects(tmp_path: Path) -> FileObjects:
    return FileObjects(tmp_path)


def test_a_held_lease_keeps_others_out_until_released(objects: FileObjects, clock: Clock) -> None:
    with lease(objects, "work", "l", clock):
        with pytest.raises(WorkInProgress), lease(objects, "work", "l", clock):
            pass
    with lease(objects, "work", "l", clock):
        pass


def test_an_expired_lease_is_taken_over(objects: FileObjects, clock: Clock) -> None:
    with lease(objects, "work", "l", clock) as first:
        clock.now += SECONDS + 1
        with lease(objects, "work", "l", clock):
            first.keep()  # lost: neither fails nor takes it back
            with pytest.raises(WorkInProgress), lease(objects, "work", "l", clock):
                pass
            first.release()
            assert objects.stat("work", "l") is not None


def test_a_kept_lease_does_not_expire(objects: FileObjects, clock: Clock) -> None:
    with lease(objects, "work", "l", clock) as held:
        for _ in range(10):
            clock.now += RENEW_AFTER + 1
            held.keep()
        with pytest.raises(WorkInProgress), lease(objects, "work", "l", clock):
            pass


def test_a_failing_holder_lets_the_next_in(objects: FileObjects, clock: Clock) -> None:
    with pytest.raises(ZeroDivisionError), lease(objects, "work", "l", clock):
        raise ZeroDivisionError
    with lease(objects, "work", "l", clock):
        pass


class JustReleased(FileObjects):
    """Whoever holds a lease releases it right after somebody else has seen it."""

    def stat(self, bucket: str, name: str) -> ObjectInfo | None:
        seen = super().stat(bucket, name)
        if seen is not None:
            self.delete(seen.ref)
        return seen


def test_a_lease_that_goes_while_it_is_looked_at_is_work_in_progress(
    tmp_path: Path, clock: Clock
) -> None:
    objects = JustReleased(tmp_path)
    objects.replace("work", "l", b'{"expires": 2000}', 0)
    with pytest.raises(WorkInProgress), lease(objects, "work", "l", clock):
        pass
    with lease(objects, "work", "l", clock):
        pass


class Failing(FileObjects):
    """Storage that is gone once a lease was taken."""

    gone = False

    def replace(self, bucket: str, name: str, data: bytes, generation: int) -> ObjectRef | None:
        self._fail()
        return super().replace(bucket, name, data, generation)

    def delete(self, ref: ObjectRef) -> None:
        self._fail()
        super().delete(ref)

    def _fail(self) -> None:
        if self.gone:
            raise StorageUnavailable("down")


def test_trouble_with_the_lease_does_not_end_the_work(tmp_path: Path, clock: Clock) -> None:
    objects = Failing(tmp_path)
    with lease(objects, "work", "l", clock) as held:
        objects.gone = True
        clock.now += RENEW_AFTER + 1
        held.keep()
        objects.gone = False
        clock.now += RENEW_AFTER + 1
        held.keep()  # still ours, and renewed now
        clock.now += SECONDS - 1
        with pytest.raises(WorkInProgress), lease(objects, "work", "l", clock):
            pass
        objects.gone = True
