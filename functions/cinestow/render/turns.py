"""Whose turn it is inside one process: expensive work once per name, and little of it at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Locks by name, and a bound on how many names are worked on at once.

    It only saves work: correctness across processes comes from write-once objects.
    """

    def __init__(self, at_once: int) -> None:
        self._slots = threading.BoundedSemaphore(at_once)
        self._guard = threading.Lock()
        self._locks: dict[str, tuple[threading.Lock, int]] = {}

    @property
    def names(self) -> int:
        """How many names somebody works on or waits for."""
        return len(self._locks)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Wait until nobody else is inside a block of that ``name``."""
        with self._guard:
            lock, waiting = self._locks.get(name, (threading.Lock(), 0))
            self._locks[name] = (lock, waiting + 1)
        try:
            with lock:
                yield
        finally:
            self._leave(name)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for one of the places for heavy work."""
        with self._slots:
            yield

    def _leave(self, name: str) -> None:
        with self._guard:
            lock, waiting = self._locks[name]
            if waiting == 1:
                del self._locks[name]
            else:
                self._locks[name] = (lock, waiting - 1)
