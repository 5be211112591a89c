"""Leases: small objects with an expiry that keep two workers from doing the same work.

They only save work. Correctness comes from write-once outputs, and a message is never acknowledged
because another worker holds a lease.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import msgspec

from cinestow.cloud.objects import ObjectRef, Objects
from cinestow.errors import StorageUnavailable, Superseded, WorkInProgress

SECONDS = 60.0
RENEW_AFTER = 20.0


@dataclass(frozen=True)
class _Content:
    expires: float


class Lease:
    """A held lease; ``keep`` is called often while the work goes on.

    Trouble with the lease never ends the work: at worst another worker does it too.
    """

    def __init__(self, objects: Objects, ref: ObjectRef, clock: Callable[[], float]) -> None:
        self._objects = objects
        self._ref: ObjectRef | None = ref
        self._clock = clock
        self._renewed = clock()

    def keep(self) -> None:
        """Push the expiry forward when it is due. A lost lease is no reason to stop."""
        now = self._clock()
        if self._ref is None or now - self._renewed < RENEW_AFTER:
            return
        self._renewed = now
        ref = self._ref
        with suppress(StorageUnavailable):
            self._ref = self._objects.replace(ref.bucket, ref.name, _until(now), ref.generation)

    def keeping(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """``pieces``, keeping the lease alive at every one."""
        for piece in pieces:
            self.keep()
            yield piece

    def release(self) -> None:
        """Let the next worker in at once."""
        if self._ref is not None:
            with suppress(StorageUnavailable):
                self._objects.delete(self._ref)


@contextmanager
def lease(
    objects: Objects, bucket: str, name: str, clock: Callable[[], float] = time.time
) -> Iterator[Lease]:
    """Hold the lease ``name`` for the length of the block.

    Raises ``WorkInProgress`` while another worker holds it.
    """
    held = Lease(objects, _take(objects, bucket, name, clock), clock)
    try:
        yield held
    finally:
        held.release()


def _take(objects: Objects, bucket: str, name: str, clock: Callable[[], float]) -> ObjectRef:
    now = clock()
    if taken := objects.replace(bucket, name, _until(now), 0):
        return taken
    standing = objects.stat(bucket, name)
    if standing is not None:
        expires = _expiry(objects, standing.ref)
        if expires > now:
            raise WorkInProgress(f"a lease is held for {expires - now:.0f} s more")
        taken = objects.replace(bucket, name, _until(now), standing.ref.generation)
        if taken is not None:
            return taken
    raise WorkInProgress("a lease was taken by another worker just now")


def _expiry(objects: Objects, ref: ObjectRef) -> float:
    try:
        return msgspec.json.decode(objects.read(ref), type=_Content).expires
    except Superseded as error:
        raise WorkInProgress("a lease was renewed or released just now") from error


def _until(now: float) -> bytes:
    return msgspec.json.encode(_Content(now + SECONDS))
