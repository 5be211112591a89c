"""Objects: the one way the pipeline, the renderer and the CLI touch stored bytes.

``gcs.GcsObjects`` is Cloud Storage; ``files.FileObjects`` is a folder, for ``cinestow convert``.
Every write of ours is write-once (``if_generation_match=0``); leases alone are replaced.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class ObjectRef:
    """One immutable object: a name pinned to a generation."""

    bucket: str
    name: str
    generation: int


@dataclass(frozen=True)
class ObjectInfo:
    """What the store says of an object."""

    ref: ObjectRef
    size: int
    content_type: str
    metadata: Mapping[str, str]
    """Custom metadata; may name a patient, so it never goes into a log."""
    created: str
    """RFC 3339 time of the object's creation."""


class ObjectReader(Protocol):
    """Random access to one pinned object; a ``media.model.Source``."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; fewer only where the object ends."""
        ...


class ObjectWriter:
    """An object being written, piece by piece; known once the writing block has ended."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._info: ObjectInfo | None = None

    def write(self, piece: bytes) -> None:
        """Append ``piece``."""
        self._write(piece)

    def finish(self, info: ObjectInfo) -> None:
        """Called by the store when the object stands."""
        self._info = info

    @property
    def info(self) -> ObjectInfo:
        """The finished object."""
        assert self._info is not None, "the writing block has not ended"
        return self._info


class Objects(Protocol):
    """Object storage. Raises ``StorageUnavailable`` when the world is bad.

    ``Superseded`` is raised when a pinned generation is gone.
    """

    def stat(self, bucket: str, name: str) -> ObjectInfo | None:
        """The live generation of an object, or None."""
        ...

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        """Live objects whose names start with ``prefix``, by name."""
        ...

    def read(self, ref: ObjectRef) -> bytes:
        """The whole of a small object (plans, tables, reports)."""
        ...

    def reader(self, ref: ObjectRef, block: int = 8 << 20) -> ObjectReader:
        """Ranged reads, at least ``block`` bytes a request, few blocks kept."""
        ...

    def stream(self, ref: ObjectRef, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes ``start`` up to, not including, ``end``, in pieces of at most 1 MiB."""
        ...

    def create(
        self,
        bucket: str,
        name: str,
        pieces: Iterable[bytes],
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> tuple[ObjectInfo, bool]:
        """Write once, streaming. The object that stands there, and whether it is ours."""
        ...

    def writer(
        self, bucket: str, name: str, content_type: str
    ) -> AbstractContextManager[ObjectWriter]:
        """Write once, pushing pieces. An exception in the block cancels the whole object.

        ``name`` has to be one that only this attempt knows.
        """
        ...

    def compose(
        self, bucket: str, name: str, parts: Sequence[ObjectRef], content_type: str
    ) -> tuple[ObjectInfo, bool]:
        """Join objects of the same bucket, in order, any number of them; write once."""
        ...

    def replace(self, bucket: str, name: str, data: bytes, generation: int) -> ObjectRef | None:
        """Small object written if its live generation is ``generation`` (0: absent); else None."""
        ...

    def delete(self, ref: ObjectRef) -> None:
        """Remove that generation; already gone is fine."""
        ...

    def copy(self, ref: ObjectRef, bucket: str, name: str) -> tuple[ObjectInfo, bool]:
        """Copy without moving bytes through us; write once."""
        ...
