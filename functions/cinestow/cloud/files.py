"""Objects in a folder: the same contract as Cloud Storage, for ``cinestow convert`` and tests."""

import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote, unquote

import msgspec

from cinestow.cloud.objects import ObjectInfo, ObjectRef, ObjectWriter
from cinestow.errors import Superseded

PIECE = 1 << 20


@dataclass(frozen=True)
class _Record:
    """What lies beside the bytes: the object's properties and where its bytes are."""

    generation: int
    content_type: str
    metadata: dict[str, str]
    created: str
    path: str


class FileReader:
    """Ranged reads from one file."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._size = path.stat().st_size

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; fewer only at the end."""
        return os.pread(self._file.fileno(), length, offset)

    def __del__(self) -> None:
        self._file.close()


class FileObjects:
    """Buckets are folders below ``root``; an object is a record and the file it points at."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def adopt(self, bucket: str, name: str, path: Path, metadata: Mapping[str, str]) -> ObjectInfo:
        """Make an existing file an object, in place: nothing is copied."""
        created = datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()
        record = _Record(
            1, "application/octet-stream", dict(metadata), created, str(path.resolve())
        )
        self._write_record(bucket, name, record, replace=True)
        return self._info(bucket, name, record)

    def path(self, ref: ObjectRef) -> Path:
        """Where the bytes of an object lie."""
        return Path(self._pinned(ref).path)

    def stat(self, bucket: str, name: str) -> ObjectInfo | None:
        """The live generation of an object, or None."""
        record = self._read_record(bucket, name)
        return None if record is None else self._info(bucket, name, record)

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        """Objects whose names start with ``prefix``, by name."""
        names = [unquote(file.stem) for file in (self._root / bucket).glob("*.record")]
        for name in sorted(names):
            if name.startswith(prefix) and (info := self.stat(bucket, name)):
                yield info

    def read(self, ref: ObjectRef) -> bytes:
        """The whole of a small object."""
        return self.path(ref).read_bytes()

    def reader(self, ref: ObjectRef, block: int = 8 << 20) -> FileReader:  # noqa: ARG002
        """Ranged reads; files need no blocks."""
        return FileReader(self.path(ref))

    def stream(self, ref: ObjectRef, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes ``start`` up to, not including, ``end``, in pieces of at most 1 MiB."""
        path = self.path(ref)
        with path.open("rb") as file:
            left = (path.stat().st_size if end is None else end) - start
            file.seek(start)
            while left > 0 and (piece := file.read(min(PIECE, left))):
                yield piece
                left -= len(piece)

    def create(
        self,
        bucket: str,
        name: str,
        pieces: Iterable[bytes],
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> tuple[ObjectInfo, bool]:
        """Write once, streaming. The object that stands there, and whether it is ours."""
        if existing := self.stat(bucket, name):
            return existing, False
        path = self._fresh_path(bucket)
        with path.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        return self._commit(bucket, name, path, content_type, metadata or {})

    @contextmanager
    def writer(self, bucket: str, name: str, content_type: str) -> Iterator[ObjectWriter]:
        """Write once, pushing pieces. An exception in the block cancels the whole object."""
        path = self._fresh_path(bucket)
        try:
            with path.open("wb") as file:
                handle = ObjectWriter(file.write)
                yield handle
        except BaseException:
            path.unlink()
            raise
        handle.finish(self._commit(bucket, name, path, content_type, {})[0])

    def compose(
        self, bucket: str, name: str, parts: Sequence[ObjectRef], content_type: str
    ) -> tuple[ObjectInfo, bool]:
        """Join objects of the same bucket, in order; write once."""
        return self.create(
            bucket, name, (piece for part in parts for piece in self.stream(part)), content_type
        )

    def replace(self, bucket: str, name: str, data: bytes, generation: int) -> ObjectRef | None:
        """Written if the live generation is ``generation`` (0: absent); else None.

        One process at a time works in a folder, so the check and the write need no lock.
        """
        existing = self._read_record(bucket, name)
        if (existing.generation if existing else 0) != generation:
            return None
        path = self._fresh_path(bucket)
        path.write_bytes(data)
        record = self._record(path, "application/json", {}, generation + 1)
        self._write_record(bucket, name, record, replace=True)
        return ObjectRef(bucket, name, record.generation)

    def delete(self, ref: ObjectRef) -> None:
        """Remove that generation; already gone is fine."""
        record = self._read_record(ref.bucket, ref.name)
        if record is not None and record.generation == ref.generation:
            self._record_path(ref.bucket, ref.name).unlink(missing_ok=True)
            if Path(record.path).is_relative_to(self._root.resolve()):
                Path(record.path).unlink(missing_ok=True)

    def copy(self, ref: ObjectRef, bucket: str, name: str) -> tuple[ObjectInfo, bool]:
        """Copy; write once."""
        record = self._pinned(ref)
        return self.create(bucket, name, self.stream(ref), record.content_type, record.metadata)

    def _commit(
        self,
        bucket: str,
        name: str,
        path: Path,
        content_type: str,
        metadata: Mapping[str, str],
    ) -> tuple[ObjectInfo, bool]:
        record = self._record(path, content_type, metadata, 1)
        ours = self._write_record(bucket, name, record, replace=False)
        if not ours:
            path.unlink()
        info = self.stat(bucket, name)
        assert info is not None
        return info, ours

    def _record(
        self, path: Path, content_type: str, metadata: Mapping[str, str], generation: int
    ) -> _Record:
        created = datetime.now(UTC).isoformat()
        return _Record(generation, content_type, dict(metadata), created, str(path.resolve()))

    def _fresh_path(self, bucket: str) -> Path:
        folder = self._root / bucket / "bytes"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / uuid.uuid4().hex

    def _record_path(self, bucket: str, name: str) -> Path:
        return self._root / bucket / f"{quote(name, safe='')}.record"

    def _read_record(self, bucket: str, name: str) -> _Record | None:
        try:
            data = self._record_path(bucket, name).read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(data, type=_Record)

    def _write_record(self, bucket: str, name: str, record: _Record, *, replace: bool) -> bool:
        target = self._record_path(bucket, name)
        temporary = self._fresh_path(bucket)
        temporary.write_bytes(msgspec.json.encode(record))
        if replace:
            temporary.replace(target)
            return True
        try:
            target.hardlink_to(temporary)
        except FileExistsError:
            return False
        finally:
            temporary.unlink()
        return True

    def _pinned(self, ref: ObjectRef) -> _Record:
        record = self._read_record(ref.bucket, ref.name)
        if record is None or record.generation != ref.generation:
            raise Superseded(f"generation {ref.generation} of an object in {ref.bucket} is gone")
        return record

    @staticmethod
    def _info(bucket: str, name: str, record: _Record) -> ObjectInfo:
        return ObjectInfo(
            ref=ObjectRef(bucket, name, record.generation),
            size=Path(record.path).stat().st_size,
            content_type=record.content_type,
            metadata=record.metadata,
            created=record.created,
        )
