"""A payload on its way out: counted and hashed, never kept."""

import hashlib

from cinestow.media.model import Sink


class Payload:
    """Passes pieces on to a sink and remembers their sizes."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._hash = hashlib.sha256()
        self.sizes: list[int] = []

    def add(self, sample: bytes) -> None:
        """The next sample."""
        self._hash.update(sample)
        self.sizes.append(len(sample))
        self._sink(sample)

    @property
    def bytes(self) -> int:
        """Bytes so far."""
        return sum(self.sizes)

    @property
    def sha256(self) -> str:
        """Hexadecimal digest of the bytes so far."""
        return self._hash.hexdigest()
