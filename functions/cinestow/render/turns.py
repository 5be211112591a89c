"""Whose turn it is inside one process: expensive work once per name, and little of it at a time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from cinestow.errors import WorkInProgress


class Turns:
    """Locks by name, and a bound on how many names are worked on at once.

    Who waits for longer than ``patience_s`` gets ``WorkInProgress``: a request that comes to its
    turn after the platform gave it up would work for nobody. All of it only saves work: correctness
    across processes comes from write-once objects.
    """

    def __init__(self, at_once: int, patience_s: float) -> None:
        self._patience_s = patience_s
        self._slots = threading.BoundedSemaphore(at_once)
        self._guard = threading.Lock()
        self._turns: dict[str, tuple[threading.Semaphore, int]] = {}

    @property
    def names(self) -> int:
        """How many names somebody works on or waits for."""
        return len(self._turns)

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Wait until nobody else is inside a block of that ``name``."""
        with self._guard:
            turn, waiting = self._turns.get(name, (threading.BoundedSemaphore(1), 0))
            self._turns[name] = (turn, waiting + 1)
        try:
            with self._held(turn):
                yield
        finally:
            self._leave(name)

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait for one of the places for heavy work."""
        with self._held(self._slots):
            yield

    @contextmanager
    def _held(self, turn: threading.Semaphore) -> Iterator[None]:
        if not turn.acquire(timeout=self._patience_s):
            raise WorkInProgress(f"It was not our turn within {self._patience_s:g} s")
        try:
            yield
        finally:
            turn.release()

    def _leave(self, name: str) -> None:
        with self._guard:
            turn, waiting = self._turns[name]
            if waiting == 1:
                del self._turns[name]
            else:
                self._turns[name] = (turn, waiting - 1)
