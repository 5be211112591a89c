"""The parent's side of the talk with a limited child, which its input may have taken over."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from cinestow.errors import (
    AlarmRaised,
    CinestowError,
    InputRefused,
    RefusalCode,
    StorageUnavailable,
)
from cinestow.media.model import Limits, Sink, Source
from cinestow.media.wire import MAX_BYTES, READ, SINK, Kind, Refusal, Task, Wire

_SECONDS_TO_DIE = 10.0
_OWN_TIME_FACTOR = 2
"""How often the child's time may pass on our side, in all: then nobody waits for it any more."""
_LONGEST_SENTENCE = 500
_PLACE = re.compile(r"[\w.:<> ]{0,500}")


class Conversation:
    """Gives the child what it asks for, believing nothing; time spent on our side is not its."""

    def __init__(
        self,
        wire: Wire,
        child: subprocess.Popen[bytes],
        source: Source,
        sinks: Sequence[Sink],
        limits: Limits,
        longest_result: int,
    ) -> None:
        self._wire = wire
        self._child = child
        self._source = source
        self._sinks = sinks
        self._limits = limits
        self._longest_result = longest_result
        self._output_left = limits.output_bytes
        self._own_time_left = _OWN_TIME_FACTOR * limits.wall_s
        self._deadline = time.monotonic() + limits.wall_s
        wire.deadline = self._deadline

    def hold(self, name: str, arguments: object) -> bytes:
        """The result's JSON."""
        task = Task(
            name=name,
            arguments=msgspec.Raw(msgspec.json.encode(arguments)),
            source_size=self._source.size,
            sinks=len(self._sinks),
            limits=self._limits,
        )
        self._send(Kind.TASK, msgspec.json.encode(task))
        while True:
            kind, content = self._receive()
            match kind:
                case Kind.RESULT:
                    return content
                case Kind.READ:
                    self._read(content)
                case Kind.WRITE:
                    self._write(content)
                case Kind.REFUSED:
                    raise _refusal(content)
                case Kind.FAILED:
                    raise AlarmRaised(f"the task {name} failed in its child: {_place(content)}")
                case _:
                    raise crashed()

    def _read(self, content: bytes) -> None:
        if len(content) != READ.size:
            raise crashed()
        offset, length = READ.unpack(content)
        if length > MAX_BYTES:
            raise crashed()
        length = min(length, self._source.size - offset)
        with self._own_time():
            data = self._source.read_at(offset, length) if length > 0 else b""
        self._send(Kind.DATA, data)

    def _write(self, content: bytes) -> None:
        piece = content[SINK.size :]
        if not piece or content[0] >= len(self._sinks):
            raise crashed()
        self._output_left -= len(piece)
        if self._output_left < 0:
            raise InputRefused(
                RefusalCode.OVER_LIMIT,
                f"What the video becomes is larger than {self._limits.output_bytes >> 20} MiB; "
                "send it in shorter parts.",
            )
        with self._own_time():
            self._sinks[content[0]](piece)

    @contextmanager
    def _own_time(self) -> Iterator[None]:
        """Not the child's, but bounded all the same: it could ask for ever."""
        start = time.monotonic()
        yield
        elapsed = time.monotonic() - start
        self._own_time_left -= elapsed
        if self._own_time_left < 0:
            raise StorageUnavailable(
                "reading and writing for a child took more than "
                f"{_OWN_TIME_FACTOR * self._limits.wall_s:g} s"
            )
        self._deadline += elapsed
        self._wire.deadline = self._deadline

    def _send(self, kind: Kind, content: bytes) -> None:
        with self._blaming_the_child():
            self._wire.send(kind, content)

    def _receive(self) -> tuple[Kind, bytes]:
        with self._blaming_the_child():
            return self._wire.receive(self._longest_result)

    @contextmanager
    def _blaming_the_child(self) -> Iterator[None]:
        try:
            yield
        except TimeoutError as error:
            raise _timed_out() from error
        except EOFError as error:
            raise self._death() from error
        except ValueError as error:
            raise crashed() from error

    def _death(self) -> CinestowError:
        """Why the child is gone: signals are its input's doing, an exit is ours."""
        try:
            code = self._child.wait(_SECONDS_TO_DIE)
        except subprocess.TimeoutExpired:
            return crashed()
        if code > 0:
            return AlarmRaised(f"the decoding child could not start or ended with status {code}")
        if code == -signal.SIGXCPU:
            return _timed_out()
        if code == -signal.SIGKILL:
            return InputRefused(
                RefusalCode.OVER_LIMIT, "Decoding the video needs more memory than there is."
            )
        return crashed()


def _refusal(content: bytes) -> InputRefused:
    """The child's own refusal, if it is one."""
    try:
        refusal = msgspec.json.decode(content, type=Refusal)
        code = RefusalCode(refusal.code)
    except (ValueError, RecursionError):
        return crashed()
    if not refusal.sentence.isprintable():
        return crashed()
    return InputRefused(code, refusal.sentence[:_LONGEST_SENTENCE])


def _place(content: bytes) -> str:
    """Where the child failed: names of functions and lines, nothing that could be a message."""
    found = _PLACE.match(content.decode(errors="replace"))
    return found.group() if found else ""


def crashed() -> InputRefused:
    """The refusal when a child died of its input, or said what it must not say."""
    return InputRefused(
        RefusalCode.DECODER_CRASHED,
        "The video is damaged in a way that made its decoder fail; "
        "send it again from the original, or convert it first.",
    )


def _timed_out() -> InputRefused:
    return InputRefused(
        RefusalCode.DECODER_TIMED_OUT,
        "Decoding the video took longer than allowed; send it in shorter parts.",
    )
