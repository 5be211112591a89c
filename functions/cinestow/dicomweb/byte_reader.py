"""Reading exact lengths from an iterator of chunks, forward only."""

from collections.abc import Iterable, Iterator

from cinestow.errors import StoreUnavailable

PIECE = 1 << 20
"""Most bytes in one piece of a stream."""


class ByteReader:
    """Forward-only reader that holds one chunk."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._at = 0
        self._read = 0

    def at_end(self) -> bool:
        """Whether nothing is left."""
        while self._at == len(self._chunk):
            chunk = next(self._chunks, None)
            if chunk is None:
                return True
            self._chunk, self._at = chunk, 0
        return False

    def read(self, length: int) -> bytes:
        """Exactly ``length`` bytes, all in memory. ``StoreUnavailable``: fewer are left."""
        return b"".join(self.pieces(length))

    def pieces(self, length: int) -> Iterator[bytes]:
        """Exactly ``length`` bytes in pieces as they come, at most ``PIECE`` each.

        ``StoreUnavailable``: fewer are left.
        """
        while length:
            if self.at_end():
                raise StoreUnavailable(
                    f"The retrieved instance was cut off: it ends after {self._read} bytes, "
                    f"{length} more were announced"
                )
            end = min(self._at + min(length, PIECE), len(self._chunk))
            piece = self._chunk[self._at : end]
            self._at = end
            self._read += len(piece)
            length -= len(piece)
            yield piece
