"""Multipart bodies, part by part, without holding one in memory (RFC 2046)."""

import re
from collections.abc import AsyncIterator
from email.message import Message
from email.parser import BytesHeaderParser

from starlette.exceptions import HTTPException

LONGEST_HEADERS = 1 << 16
BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)


class MultipartReader:
    """Reads a body's parts in order."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        found = BOUNDARY.search(content_type)
        if found is None:
            raise HTTPException(400, f"Content-Type {content_type!r} names no boundary.")
        self._delimiter = b"\r\n--" + found[1].encode()
        self._body = body
        # The first delimiter has no line before it; what precedes it is skipped like a part.
        self._buffer = b"\r\n"
        self._in_part = True

    async def next_part(self) -> Message:
        """Skip to the next part and read its headers. Raises 400 where there is none."""
        async for _ in self.content():
            pass
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if self._buffer.startswith(b"--") or len(self._buffer) > LONGEST_HEADERS:
                raise HTTPException(400, "A part is missing from the multipart body.")
            await self._more()
        headers, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        self._in_part = True
        return BytesHeaderParser().parsebytes(headers.lstrip(b"\r\n"))

    async def content(self) -> AsyncIterator[bytes]:
        """The content of the part, up to the next delimiter. Raises 400 where the body ends."""
        if not self._in_part:
            return
        while (end := self._buffer.find(self._delimiter)) < 0:
            keep = len(self._delimiter) - 1
            if len(self._buffer) > keep:
                yield self._buffer[:-keep]
                self._buffer = self._buffer[-keep:]
            await self._more()
        rest, self._buffer = self._buffer[:end], self._buffer[end + len(self._delimiter) :]
        self._in_part = False
        yield rest

    async def small_content(self, limit: int) -> bytes:
        """The content of a part that has to be small. Raises 413."""
        content = b""
        async for piece in self.content():
            content += piece
            if len(content) > limit:
                raise HTTPException(413, f"A part of the multipart body exceeds {limit} bytes.")
        return content

    async def _more(self) -> None:
        try:
            self._buffer += await anext(self._body)
        except StopAsyncIteration as error:
            raise HTTPException(400, "The multipart body ends before its last boundary.") from error
