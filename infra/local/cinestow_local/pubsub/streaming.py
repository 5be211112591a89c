"""StreamingPull: messages one way, acknowledgements and deadlines the other way."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator

from google.pubsub_v1 import types

from cinestow_local.pubsub import rules
from cinestow_local.pubsub.status import invalid, not_found
from cinestow_local.pubsub.subscription import Leased, LiveSubscription

MAX_MESSAGES_PER_REPLY = 100
_LOOK_S = 1.0
"""How often a quiet stream looks whether it was ended."""


class _Stream:
    """One client's stream: its flow control, its lease time, what it has in hand."""

    def __init__(self, subscription: LiveSubscription, first: types.StreamingPullRequest) -> None:
        self._subscription = subscription
        self._lease_s = first.stream_ack_deadline_seconds
        rules.check_ack_deadline(self._lease_s)
        self._max_messages = first.max_outstanding_messages or math.inf
        self._max_bytes = first.max_outstanding_bytes or math.inf
        self._in_hand: dict[str, int] = {}

    async def read(self, requests: AsyncIterator[types.StreamingPullRequest]) -> None:
        """Do what the client's further requests say, until it has no more."""
        async for request in requests:
            if request.stream_ack_deadline_seconds:
                rules.check_ack_deadline(request.stream_ack_deadline_seconds)
                self._lease_s = request.stream_ack_deadline_seconds
            self.settle(request)

    def settle(self, request: types.StreamingPullRequest) -> None:
        """Acknowledge, extend and give back."""
        self._subscription.acknowledge(list(request.ack_ids))
        deadlines = list(request.modify_deadline_seconds)
        if len(deadlines) != len(request.modify_deadline_ack_ids):
            raise invalid("Each of modify_deadline_ack_ids needs its modify_deadline_seconds.")
        for ack_id, seconds in zip(request.modify_deadline_ack_ids, deadlines, strict=True):
            rules.check_extension(seconds)
            self._subscription.modify_deadline(ack_id, seconds)

    async def next(self) -> list[Leased]:
        """What the client may have now; nothing when it is quiet for a while or full."""
        held = self._subscription.holds
        self._in_hand = {ack_id: size for ack_id, size in self._in_hand.items() if held(ack_id)}
        room = min(self._max_messages - len(self._in_hand), MAX_MESSAGES_PER_REPLY)
        if room <= 0 or sum(self._in_hand.values()) >= self._max_bytes:
            await self._subscription.change(asyncio.get_running_loop().time() + _LOOK_S)
            return []
        leased = await self._subscription.take(int(room), _LOOK_S, self._lease_s)
        self._in_hand |= {message.ack_id: message.size for message in leased}
        return leased


async def streaming_pull(
    subscription: LiveSubscription,
    first: types.StreamingPullRequest,
    requests: AsyncIterator[types.StreamingPullRequest],
) -> AsyncIterator[list[Leased]]:
    """Messages as they come and as the client has room, until it ends the stream."""
    stream = _Stream(subscription, first)
    stream.settle(first)
    reader = asyncio.create_task(stream.read(requests))
    try:
        while not reader.done():
            if leased := await stream.next():
                yield leased
            if subscription.deleted:
                raise not_found(subscription.config.name)
        await reader
    finally:
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([reader])
