"""Content on disk: one file a blob, never changed once an object refers to it."""

import asyncio
import base64
import hashlib
import shutil
import uuid
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from cinestow_local.storage.model import Content

PIECE = 1 << 18


class Blobs:
    """The folder of blobs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, blob: str) -> Path:
        """Where a blob lies."""
        return self._folder / blob

    def create(self) -> str:
        """A new, empty blob."""
        blob = uuid.uuid4().hex
        self.path(blob).touch()
        return blob

    def discard(self, blob: str) -> None:
        """Remove a blob; whoever has it open reads on."""
        self.path(blob).unlink(missing_ok=True)

    def keep_only(self, referenced: set[str]) -> None:
        """Remove what an earlier process left behind half done."""
        for file in self._folder.iterdir():
            if file.name not in referenced:
                file.unlink()

    async def receive(self, pieces: AsyncIterator[bytes]) -> Content:
        """Store a stream. When it breaks off, nothing stays."""
        blob = self.create()
        try:
            with self.path(blob).open("wb") as file:
                async for piece in pieces:
                    file.write(piece)
            return await self.describe(blob)
        except BaseException:
            self.discard(blob)
            raise

    async def describe(self, blob: str) -> Content:
        """Size and checksums of a blob, read from disk."""
        return await asyncio.to_thread(self._describe, blob)

    async def join(self, blobs: Sequence[str], component_count: int) -> Content:
        """A new blob of others' bytes, in order; like a composite object it has no MD5."""
        sources = [self.path(blob).open("rb") for blob in blobs]
        return await asyncio.to_thread(self._join, sources, component_count)

    def _describe(self, blob: str) -> Content:
        md5, crc, size = hashlib.md5(usedforsecurity=False), 0, 0
        with self.path(blob).open("rb") as file:
            while piece := file.read(PIECE):
                md5.update(piece)
                crc = google_crc32c.extend(crc, piece)
                size += len(piece)
        return Content(blob, size, _base64(crc.to_bytes(4, "big")), _base64(md5.digest()))

    def _join(self, sources: Sequence[BinaryIO], component_count: int) -> Content:
        blob = self.create()
        try:
            with self.path(blob).open("wb") as file:
                for source in sources:
                    shutil.copyfileobj(source, file, PIECE)
        finally:
            for source in sources:
                source.close()
        whole = self._describe(blob)
        return Content(blob, whole.size, whole.crc32c, None, component_count)


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
