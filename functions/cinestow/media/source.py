"""Sources of bytes: a local file, and any source dressed as the file object that libav reads."""

import os
from pathlib import Path
from types import TracebackType
from typing import Self

from cinestow.media.model import Source


class FileSource:
    """A local file as a ``Source``; close it, or use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.size = os.fstat(self._descriptor).st_size

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; fewer only where the file ends."""
        pieces = []
        while length > 0 and (piece := os.pread(self._descriptor, length, offset)):
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class SourceFile:
    """A ``Source`` as a read-only, seekable file object."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._position = 0

    def read(self, length: int) -> bytes:
        """Up to ``length`` bytes from the position; none at the end."""
        data = self._source.read_at(self._position, length) if self._inside() else b""
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position, which may lie behind the end, and return it."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._source.size}
        position = origin[whence] + offset
        if position < 0:
            raise ValueError(f"seek to {position}, before the start of the source")
        self._position = position
        return position

    def tell(self) -> int:
        """The position, in bytes from the start."""
        return self._position

    def _inside(self) -> bool:
        return self._position < self._source.size
