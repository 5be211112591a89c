"""Resumable uploads: a session outlives connections and the server, and commits exactly once.

The blob's length on disk is what is persisted, in multiples of 256 KiB as the service counts.
"""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

import msgspec
from starlette.exceptions import HTTPException

from cinestow_local.storage.blobs import Blobs
from cinestow_local.storage.catalog import Catalog
from cinestow_local.storage.database import Database
from cinestow_local.storage.model import Description, ExpectedChecksums, StoredObject
from cinestow_local.storage.preconditions import Preconditions

QUANTUM = 256 * 1024
CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(frozen=True)
class Session:
    """One resumable upload."""

    id: str
    bucket: str
    name: str
    blob: str
    description: Description
    checks: Preconditions
    expected: ExpectedChecksums
    origin: str | None
    """The Origin of the call that began the session; the only one that browsers may use it from."""
    declared_size: int | None = None
    cancelled: bool = False
    result: StoredObject | None = None


@dataclass(frozen=True)
class Chunk:
    """What a PUT says it carries: bytes from ``start``, up to ``total`` in the end if known."""

    start: int | None
    """None: no bytes, only the question how much is persisted."""
    length: int | None
    total: int | None


@dataclass(frozen=True)
class Progress:
    """How an upload stands: ``persisted`` bytes, and the object once it is complete."""

    persisted: int
    result: StoredObject | None = None


def parse_chunk(content_range: str | None, content_length: str | None) -> Chunk:
    """Read Content-Range; without it the body is the whole object. Raises 400."""
    length = None if content_length is None else int(content_length)
    if content_range is None:
        return Chunk(0, length, length)
    found = CONTENT_RANGE.fullmatch(content_range.strip())
    if found is None:
        raise HTTPException(400, f"Failed to parse Content-Range header {content_range!r}.")
    first, last, of = found.groups()
    total = None if of == "*" else int(of)
    if first is None:
        return Chunk(None, 0, total)
    said = int(last) + 1 - int(first)
    if said < 1 or (length is not None and length != said) or (total or said) < said:
        raise HTTPException(400, f"Content-Range {content_range!r} does not fit the body.")
    final = total is not None and int(last) + 1 == total
    if not final and said < QUANTUM:
        raise HTTPException(
            400,
            "Invalid request. The number of bytes uploaded is required to be equal or greater than"
            f" {QUANTUM}, except for the final request. This request contained {said} bytes.",
        )
    return Chunk(int(first), said, total)


class Sessions:
    """All resumable uploads."""

    def __init__(self, database: Database, blobs: Blobs, catalog: Catalog) -> None:
        self._database = database
        self._blobs = blobs
        self._catalog = catalog
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._writers: dict[str, object] = {}

    def begin(
        self,
        bucket: str,
        name: str,
        description: Description,
        checks: Preconditions,
        expected: ExpectedChecksums,
        origin: str | None,
        declared_size: int | None,
    ) -> Session:
        """Open a session. Raises 404 for an unknown bucket, 412 where it could never commit."""
        checks.check_write(self._catalog.live(bucket, name))
        session = Session(
            uuid.uuid4().hex, bucket, name, self._blobs.create(), description, checks,
            expected, origin, declared_size,
        )  # fmt: skip
        self._database.execute(
            "INSERT INTO sessions VALUES (?, ?, ?)",
            *(session.id, session.blob, msgspec.json.encode(session)),
        )
        return session

    def get(self, session_id: str) -> Session:
        """A session, whatever its state. Raises 404."""
        row = self._database.row("SELECT record FROM sessions WHERE id=?", session_id)
        if row is None:
            raise HTTPException(404, "No such upload session.")
        return msgspec.json.decode(row[0], type=Session)

    async def cancel(self, session_id: str) -> None:
        """End a session without an object; a completed one stays as it is."""
        async with self._lock(session_id):
            session = self.get(session_id)
            if session.result is None:
                self._writers.pop(session_id, None)
                self._record(replace(session, cancelled=True))
                self._blobs.discard(session.blob)

    async def put(
        self, session_id: str, chunk: Chunk, body: AsyncIterator[bytes], expected: ExpectedChecksums
    ) -> Progress:
        """Take a chunk or answer a status query; the last byte makes the object.

        Later bytes take the session over from a call that still hangs on a dead connection.
        """
        writer = object()
        async with self._lock(session_id):
            session = self.get(session_id)
            if session.cancelled:
                raise HTTPException(499, "The upload session was cancelled.")
            if session.result is not None:
                return Progress(session.result.content.size, session.result)
            persisted = self._persisted(session, chunk.total)
            if chunk.start is not None or persisted == chunk.total:
                self._writers[session_id] = writer
        if chunk.start is not None:
            persisted = await self._append(session, writer, chunk, body, persisted)
            if chunk.total is None and chunk.length is None:
                chunk = replace(chunk, total=persisted)
        if chunk.total is None or persisted < chunk.total:
            return Progress(self._persisted(session, None))
        return await self._commit(session, writer, chunk.total, expected)

    async def _append(
        self,
        session: Session,
        writer: object,
        chunk: Chunk,
        body: AsyncIterator[bytes],
        persisted: int,
    ) -> int:
        """Write the chunk's bytes that are not persisted yet; the new length."""
        position = chunk.start or 0
        if position > persisted:
            raise HTTPException(
                503,
                "Invalid request. According to the Content-Range header, the upload offset is"
                f" {position} byte(s), which exceeds already uploaded size of {persisted} byte(s).",
            )
        with self._blobs.path(session.blob).open("ab", buffering=0) as file:
            # A torn tail did not count, so it is sent again.
            file.truncate(persisted)
            async for piece in body:
                self._check_writer(session, writer)
                new = piece[max(persisted - position, 0) :]
                file.write(new)
                persisted += len(new)
                position += len(piece)
        self._check_writer(session, writer)
        return persisted

    async def _commit(
        self, session: Session, writer: object, total: int, expected: ExpectedChecksums
    ) -> Progress:
        async with self._lock(session.id):
            session = self.get(session.id)
            if session.result is not None:
                return Progress(session.result.content.size, session.result)
            self._check_writer(session, writer)
            content = await self._blobs.describe(session.blob)
            if content.size != total or session.declared_size not in (None, total):
                raise HTTPException(400, f"The upload has {content.size} bytes, not as declared.")
            session.expected.merged(expected).check(content)
            with self._database.transaction():
                result = self._catalog.insert(
                    session.bucket, session.name, content, session.description, session.checks
                )
                self._record(replace(session, result=result))
            del self._writers[session.id]
            return Progress(total, result)

    def _check_writer(self, session: Session, writer: object) -> None:
        if self._writers.get(session.id) is not writer:
            raise HTTPException(503, "A later call has taken this upload over.")

    def _persisted(self, session: Session, total: int | None) -> int:
        """The bytes that count: all of a complete upload, else whole multiples."""
        size = self._blobs.path(session.blob).stat().st_size
        return size if size == total else size - size % QUANTUM

    def _record(self, session: Session) -> None:
        # A finished session no longer holds on to the blob: the object does.
        blob = "" if session.cancelled or session.result else session.blob
        self._database.execute(
            "UPDATE sessions SET blob=?, record=? WHERE id=?",
            *(blob, msgspec.json.encode(session), session.id),
        )

    def _lock(self, session_id: str) -> asyncio.Lock:
        return self._locks.setdefault(session_id, asyncio.Lock())
