from pathlib import Path

import pytest

from cinestow.cloud.files import FileObjects
from cinestow.cloud.leases import RENEW_AFTER, SECONDS, lease
from cinestow.errors import WorkInProgress


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
