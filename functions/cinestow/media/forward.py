"""A seekable-looking output that streams on: only its first bytes can be written again.

libav's Matroska muxer patches sizes, Duration and the SeekHead at the very end, all of them before
the first cluster; everything behind the head goes on as it comes.
"""

import os

from cinestow.media.model import Sink


class ForwardFile:
    """File object for a muxer: keeps the first ``head_bytes``, hands the rest to ``sink``."""

    def __init__(self, sink: Sink, head_bytes: int) -> None:
        self._sink = sink
        self._head_bytes = head_bytes
        self._head = bytearray()
        self._position = 0
        self._end = 0

    @property
    def head(self) -> bytes:
        """The first bytes, as patched so far; fewer than ``head_bytes`` in a short output."""
        return bytes(self._head)

    @property
    def body_bytes(self) -> int:
        """How many bytes went to the sink."""
        return self._end - len(self._head)

    def write(self, data: bytes) -> int:
        """Write at the position. ``ValueError``: what was handed on would change."""
        start, end = self._position, self._position + len(data)
        if start != self._end and end > len(self._head):
            raise ValueError(f"bytes {start} to {end} are written after they were sent on")
        kept = max(0, min(end, self._head_bytes) - start)
        if kept:
            self._head[start : start + kept] = data[:kept]
        if kept < len(data):
            self._sink(bytes(data[kept:]))
        self._position = end
        self._end = max(self._end, end)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position and return it."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._end}
        self._position = origin[whence] + offset
        return self._position

    def tell(self) -> int:
        """The position, in bytes from the start."""
        return self._position
