"""Messages between the pipeline and its limited child: a kind, a length, bytes. No pickle."""

import socket
import struct
import time
from enum import IntEnum

import msgspec

from cinestow.media.model import Limits, Plan

HEADER = struct.Struct(">BI")
READ = struct.Struct(">QI")
SINK = struct.Struct(">B")

MAX_BYTES = 8 << 20
"""Most that one message carries, a result apart."""


class Kind(IntEnum):
    """What a message says."""

    TASK = 1
    """To the child: what to do (``Task``)."""
    DATA = 2
    """To the child: the bytes it asked for."""
    READ = 3
    """From the child: offset and length of bytes of the source."""
    WRITE = 4
    """From the child: the number of a sink, and its next bytes."""
    RESULT = 5
    """From the child: done; the result as JSON."""
    REFUSED = 6
    """From the child: the input is bad (``Refusal``)."""
    FAILED = 7
    """From the child: a bug of ours; where."""


class Task(msgspec.Struct, frozen=True):
    """What the child is to do."""

    name: str
    arguments: msgspec.Raw
    source_size: int
    sinks: int
    limits: Limits


class VideoArguments(msgspec.Struct, frozen=True):
    """Of the task ``encode_video``."""

    plan: Plan
    segment: int


class SoundArguments(msgspec.Struct, frozen=True):
    """Of the task ``encode_sound``."""

    plan: Plan
    frames: tuple[int, ...]


class Refusal(msgspec.Struct, frozen=True):
    """An ``InputRefused`` on its way to the parent."""

    code: str
    sentence: str


class Wire:
    """One end of the conversation. ``deadline`` is on the monotonic clock; None waits for ever.

    Every call raises ``TimeoutError`` behind the deadline, ``EOFError`` when the other end is gone
    and ``ValueError`` when it breaks the protocol.
    """

    def __init__(self, end: socket.socket) -> None:
        self.deadline: float | None = None
        self._end = end

    def send(self, kind: Kind, *parts: bytes) -> None:
        """Send one message whose content is ``parts`` joined."""
        try:
            for part in (HEADER.pack(kind, sum(map(len, parts))), *parts):
                self._set_timeout()
                self._end.sendall(part)
        except ConnectionError as error:
            raise EOFError("the other end is gone") from error

    def receive(self, longest_result: int = MAX_BYTES) -> tuple[Kind, bytes]:
        """The next message: its kind and content, which is never longer than it may be."""
        number, length = HEADER.unpack(self._receive(HEADER.size))
        kind = Kind(number)
        if length > (longest_result if kind is Kind.RESULT else MAX_BYTES):
            raise ValueError(f"a {kind.name} of {length} bytes")
        return kind, bytes(self._receive(length))

    def _receive(self, length: int) -> bytearray:
        data = bytearray(length)
        view = memoryview(data)
        while view:
            self._set_timeout()
            try:
                count = self._end.recv_into(view)
            except ConnectionError as error:
                raise EOFError("the other end is gone") from error
            if not count:
                raise EOFError("the other end is gone")
            view = view[count:]
        return data

    def _set_timeout(self) -> None:
        if self.deadline is None:
            return
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._end.settimeout(left)
