"""Incremental reader of multipart bodies (RFC 2046 5.1, RFC 2387); holds one chunk at a time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser

from cinestow.errors import StoreUnavailable

MAX_PART_HEADER = 64 << 10
MAX_BOUNDARY_LINE = 256


@dataclass(frozen=True)
class Part:
    """One body part. ``chunks`` ends with the part; the next part begins only behind it."""

    headers: Mapping[str, str]
    """Names in lower case."""
    chunks: Iterator[bytes]


def boundary_of(content_type: str) -> str | None:
    """The boundary of a multipart Content-Type, quoted or not; None if it is no multipart.

    ``StoreUnavailable``: a multipart without a boundary.
    """
    message = Message()
    message["content-type"] = content_type
    if message.get_content_maintype() != "multipart":
        return None
    boundary = message.get_boundary()
    if not boundary:
        raise StoreUnavailable("The store's multipart answer states no boundary")
    return boundary


def read_parts(chunks: Iterable[bytes], boundary: str) -> Iterator[Part]:
    """The parts of a multipart body, in order; what of a part is not read is skipped.

    ``StoreUnavailable``: the body ends before its closing boundary, or is no such multipart.
    """
    buffer = _Buffer(chunks, boundary)
    for _preamble in buffer.until_delimiter():
        pass
    while buffer.another_part():
        part = Part(buffer.part_headers(), buffer.until_delimiter())
        yield part
        for _unread in part.chunks:
            pass
    buffer.skip_epilogue()


class _Buffer:
    """What was received and not yet given out."""

    def __init__(self, chunks: Iterable[bytes], boundary: str) -> None:
        self._chunks = iter(chunks)
        self._delimiter = b"\r\n--" + boundary.encode()
        # The first delimiter may stand at the very beginning, without the line break before it.
        self._held = bytearray(b"\r\n")

    def until_delimiter(self) -> Iterator[bytes]:
        """Bytes up to the next delimiter, which is consumed."""
        while (at := self._held.find(self._delimiter)) < 0:
            # All but what may be the beginning of a delimiter that the next chunk completes.
            sure = len(self._held) - len(self._delimiter) + 1
            if sure > 0:
                yield self._take(sure)
            self._receive("its closing boundary")
        if at:
            yield self._take(at)
        del self._held[: len(self._delimiter)]

    def another_part(self) -> bool:
        """Consume the rest of the delimiter's line; False if it was the closing one."""
        while len(self._held) < 2:
            self._receive("the end of a boundary")
        if self._held.startswith(b"--"):
            return False
        if self._line(MAX_BOUNDARY_LINE).strip(b" \t"):
            raise StoreUnavailable(
                "The store's multipart answer has a boundary with text behind it"
            )
        return True

    def part_headers(self) -> Mapping[str, str]:
        """Consume the header of a part."""
        lines = bytearray()
        while line := self._line(MAX_PART_HEADER):
            lines += line + b"\r\n"
            if len(lines) > MAX_PART_HEADER:
                raise StoreUnavailable("The store's multipart answer has an endless part header")
        parsed = BytesHeaderParser().parsebytes(bytes(lines))
        return {name.lower(): str(value) for name, value in parsed.items()}

    def skip_epilogue(self) -> None:
        """Read to the end, so that the connection can be used again."""
        for _epilogue in self._chunks:
            pass

    def _line(self, limit: int) -> bytes:
        while (at := self._held.find(b"\r\n")) < 0:
            if len(self._held) > limit:
                raise StoreUnavailable(
                    f"The store's multipart answer has a line of more than {limit} bytes"
                )
            self._receive("a part's header")
        line = self._take(at)
        del self._held[:2]
        return line

    def _take(self, length: int) -> bytes:
        taken = bytes(self._held[:length])
        del self._held[:length]
        return taken

    def _receive(self, awaited: str) -> None:
        chunk = next(self._chunks, None)
        if chunk is None:
            raise StoreUnavailable(f"The store's multipart answer was cut off before {awaited}")
        self._held += chunk
