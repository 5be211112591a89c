"""One live subscription: what waits, what is handed out, for how long, and what comes back."""

import asyncio
import contextlib
import logging
import math
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from google.pubsub_v1 import types

from cinestow_local.pubsub.backlog import Backlog, Delivery
from cinestow_local.pubsub.filters import parse_filter
from cinestow_local.pubsub.journal import Journal

PUSH_BACKOFF_S = (0.1, 60.0)
"""Least and most, where a push subscription has no retry policy."""
REPLY_BYTES = 3_000_000
"""Clients of an emulator take replies up to 4 MB; one message above that goes out alone."""

_log = logging.getLogger(__name__)

Forward = Callable[[types.Subscription, types.PubsubMessage, int], bool]
"""Sends a message, after that many attempts, to the dead letter topic; False: it is not there."""


@dataclass(frozen=True)
class Leased:
    """A message handed out: whoever holds ``ack_id`` acknowledges it, or it comes again."""

    ack_id: str
    message: types.PubsubMessage
    size: int
    attempt: int


@dataclass(frozen=True)
class _Lease:
    delivery: Delivery
    timer: asyncio.TimerHandle


class LiveSubscription:
    """Hands out messages under a lease; what is not acknowledged comes again or is dead.

    Of one ordering key at most one message is out at a time, also for pull.
    """

    def __init__(self, config: types.Subscription, journal: Journal, forward: Forward) -> None:
        self.config = config
        self.matches = parse_filter(config.filter)
        self.deleted = False
        self._journal = journal
        self._forward = forward
        self._backlog = Backlog(config.enable_message_ordering)
        self._leases: dict[str, _Lease] = {}
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def add(self, delivery: Delivery, hold_s: float = 0.0) -> None:
        """Take in a delivery, to be handed out in ``hold_s`` seconds at the earliest."""
        if not self._dead(delivery):
            self._backlog.add(delivery, self._loop.time() + hold_s)
            self._wake()

    def configure(self, config: types.Subscription) -> None:
        """Go on with other settings."""
        self.config = config
        self._wake()

    def delete(self) -> None:
        """Let go of everything; whoever waits is told."""
        self.deleted = True
        for lease in self._leases.values():
            lease.timer.cancel()
        self._leases.clear()
        self._wake()

    def holds(self, ack_id: str) -> bool:
        """Whether that lease still runs."""
        return ack_id in self._leases

    async def take(
        self, count: int, wait_s: float | None, lease_s: float | None = None
    ) -> list[Leased]:
        """Up to ``count`` messages; none when none came in ``wait_s`` seconds (None: for ever)."""
        end = None if wait_s is None else self._loop.time() + wait_s
        while not self.deleted:
            leased = self._lease_due(count, lease_s or self.config.ack_deadline_seconds)
            if leased or (end is not None and self._loop.time() >= end):
                return leased
            times = [at for at in (end, self._backlog.next_due) if at is not None]
            await self.change(min(times, default=None))
        return []

    async def change(self, until: float | None) -> None:
        """Wait until something happens here, at most ``until`` (the event loop's time)."""
        changed = self._changed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(until):
                await changed.wait()

    def acknowledge(self, ack_ids: list[str]) -> None:
        """Done with those; what is not or no longer handed out is passed over."""
        with self._journal.transaction():
            for ack_id in ack_ids:
                lease = self._end_lease(ack_id)
                if lease is not None:
                    self._finish(lease.delivery)
        self._wake()

    def modify_deadline(self, ack_id: str, seconds: int) -> None:
        """Keep the lease for ``seconds`` from now on; 0 gives the message back."""
        if seconds == 0:
            self._give_back(ack_id)
            return
        lease = self._end_lease(ack_id)
        if lease is not None:
            self._leases[ack_id] = self._lease(ack_id, lease.delivery, seconds)

    def _lease_due(self, count: int, lease_s: float) -> list[Leased]:
        leased: list[Leased] = []
        room = REPLY_BYTES
        with self._journal.transaction():
            while len(leased) < count:
                at_most = room if leased else math.inf
                waiting = self._backlog.take(self._loop.time(), at_most)
                if waiting is None:
                    break
                delivery = self._journal.count_attempt(waiting)
                room -= delivery.size
                ack_id = uuid.uuid4().hex
                self._leases[ack_id] = self._lease(ack_id, delivery, lease_s)
                message = self._journal.message(delivery)
                leased.append(Leased(ack_id, message, delivery.size, delivery.attempts))
        return leased

    def _lease(self, ack_id: str, delivery: Delivery, seconds: float) -> _Lease:
        return _Lease(delivery, self._loop.call_later(seconds, self._give_back, ack_id))

    def _end_lease(self, ack_id: str) -> _Lease | None:
        lease = self._leases.pop(ack_id, None)
        if lease is not None:
            lease.timer.cancel()
        return lease

    def _give_back(self, ack_id: str) -> None:
        lease = self._end_lease(ack_id)
        if lease is None:
            return
        if self._dead(lease.delivery):
            self._backlog.finish(lease.delivery, self._loop.time())
        else:
            due = self._loop.time() + self.backoff_s(lease.delivery.attempts)
            self._backlog.put_back(lease.delivery, due)
        self._wake()

    def _dead(self, delivery: Delivery) -> bool:
        """Whether the delivery had all its attempts and went to the dead letter topic."""
        policy = self.config.dead_letter_policy
        if not policy.dead_letter_topic or delivery.attempts < policy.max_delivery_attempts:
            return False
        message = self._journal.message(delivery)
        if not self._forward(self.config, message, delivery.attempts):
            return False
        _log.warning("%s: message %s is dead", self.config.name, delivery.message_id)
        with self._journal.transaction():
            self._journal.remove(delivery)
        return True

    def _finish(self, delivery: Delivery) -> None:
        self._journal.remove(delivery)
        self._backlog.finish(delivery, self._loop.time())

    def backoff_s(self, attempts: int) -> float:
        """Seconds from a failed attempt to the next."""
        if "retry_policy" in self.config:
            policy = self.config.retry_policy
            least = policy.minimum_backoff.total_seconds()
            most = policy.maximum_backoff.total_seconds()
        elif self.config.push_config.push_endpoint:
            least, most = PUSH_BACKOFF_S
        else:
            return 0.0
        return float(min(most, least * 2 ** min(attempts - 1, 32)))

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
