"""The messages of one subscription that wait for delivery, in the order they are due."""

import heapq
import itertools
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Delivery:
    """One message on its way to one subscription."""

    id: int
    message_id: int
    ordering_key: str
    size: int
    """Bytes of the message."""
    attempts: int
    """How often it was handed out."""


class Backlog:
    """Deliveries by the time they are due, those of one ordering key strictly one after another."""

    def __init__(self, ordered: bool) -> None:
        self._ordered = ordered
        self._due: list[tuple[float, int, Delivery]] = []
        self._turn = itertools.count()
        self._behind: dict[str, deque[Delivery]] = {}

    def add(self, delivery: Delivery, due: float) -> None:
        """Take in a delivery that is new."""
        key = self._key(delivery)
        if key and key in self._behind:
            self._behind[key].append(delivery)
            return
        if key:
            self._behind[key] = deque()
        self.put_back(delivery, due)

    def put_back(self, delivery: Delivery, due: float) -> None:
        """Take back a delivery that was handed out; those of its key go on waiting behind it."""
        heapq.heappush(self._due, (due, next(self._turn), delivery))

    def finish(self, delivery: Delivery, now: float) -> None:
        """Let the next delivery of the same key come up."""
        key = self._key(delivery)
        if not key:
            return
        if self._behind[key]:
            self.put_back(self._behind[key].popleft(), now)
        else:
            del self._behind[key]

    def take(self, now: float, max_size: float) -> Delivery | None:
        """The delivery due first, if it is due now and not above ``max_size`` bytes."""
        if not self._due or self._due[0][0] > now or self._due[0][2].size > max_size:
            return None
        return heapq.heappop(self._due)[2]

    @property
    def next_due(self) -> float | None:
        """When ``take`` will have something, as far as is known now."""
        return self._due[0][0] if self._due else None

    def _key(self, delivery: Delivery) -> str:
        return delivery.ordering_key if self._ordered else ""
