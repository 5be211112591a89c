"""Objects and messages of a worker that dies: once before and once after each side effect."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from cinestow.cloud.files import FileObjects
from cinestow.cloud.objects import ObjectInfo, ObjectRef, ObjectWriter

ATTEMPT = re.compile(r"-[0-9a-f]{32}$")


class Killed(BaseException):
    """The worker is gone; nothing of its own sees this coming."""


class Fate:
    """Kills the worker at every side effect that no earlier worker died of."""

    def __init__(self) -> None:
        self.deaths: list[str] = []
        self._dead = False

    def next_worker(self) -> None:
        self._dead = False

    @contextmanager
    def effect(self, what: str) -> Iterator[None]:
        self._may_die(f"before {what}")
        yield
        self._may_die(f"after {what}")

    def _may_die(self, moment: str) -> None:
        moment = ATTEMPT.sub("-ATTEMPT", moment)
        if not self._dead and moment not in self.deaths:
            self.deaths.append(moment)
            self._dead = True
        if self._dead:  # what runs on while the stack unwinds has no effect any more
            raise Killed(moment)


class CrashingObjects(FileObjects):
    """A folder of objects whose every change may be a worker's last."""

    def __init__(self, root: Path, fate: Fate) -> None:
        super().__init__(root)
        self._fate = fate

    def create(
        self,
        bucket: str,
        name: str,
        pieces: Iterable[bytes],
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> tuple[ObjectInfo, bool]:
        with self._fate.effect(f"create {name}"):
            return super().create(bucket, name, pieces, content_type, metadata)

    @contextmanager
    def writer(self, bucket: str, name: str, content_type: str) -> Iterator[ObjectWriter]:
        with super().writer(bucket, name, content_type) as writer:
            yield writer
            with self._fate.effect(f"commit {name}"):
                pass

    def compose(
        self, bucket: str, name: str, parts: Sequence[ObjectRef], content_type: str
    ) -> tuple[ObjectInfo, bool]:
        with self._fate.effect(f"compose {name}"):
            return super().compose(bucket, name, parts, content_type)

    def replace(self, bucket: str, name: str, data: bytes, generation: int) -> ObjectRef | None:
        with self._fate.effect(f"replace {name}"):
            return super().replace(bucket, name, data, generation)

    def delete(self, ref: ObjectRef) -> None:
        with self._fate.effect(f"delete {ref.name}"):
            super().delete(ref)


class CrashingBus:
    """Keeps messages until they are taken; publishing may be a worker's last deed."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self._waiting: list[tuple[str, bytes]] = []

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        with self._fate.effect(f"publish {data.decode()}"):
            self._waiting.append((topic, data))

    def take(self) -> list[tuple[str, bytes]]:
        """What was published since it was last asked."""
        taken, self._waiting = self._waiting, []
        return taken
