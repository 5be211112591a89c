"""The parent's side of the talk with a limited child, which its input may have taken over."""

import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from cinestow.errors import AlarmRaised, CinestowError, InputRefused, RefusalCode
from cinestow.media.model import Limits, Sink, Source
from cinestow.media.wire import MAX_BYTES, READ, SINK, Kind, Refusal, Task, Wire

_SECONDS_TO_DIE = 10.0
_LONGEST_SENTENCE = 500
_LONGEST_PLACE = 500


class Conversation:
    """Gives the child what it asks for, believing nothing; time spent on our side is not its."""

    def __init__(
        self,
        wire: Wire,
        child: subprocess.Popen[bytes],
        source: Source,
        sinks: Sequence[Sink],
        limits: Limits,
    ) -> None:
        self._wire = wire
        self._child = child
        self._source = source
        self._sinks = sinks
        self._limits = limits
        wire.deadline = time.monotonic() + limits.wall_s

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
                    place = content.decode(errors="replace")[:_LONGEST_PLACE]
                    raise AlarmRaised(f"the task {name} failed in its child: {place}")
                case _:
                    raise crashed()

    def _read(self, content: bytes) -> None:
        if len(content) != READ.size:
            raise crashed()
        offset, length = READ.unpack(content)
        if length > MAX_BYTES:
            raise crashed()
        with self._own_time():
            data = self._source.read_at(offset, length) if offset < self._source.size else b""
        self._send(Kind.DATA, data)

    def _write(self, content: bytes) -> None:
        if not content or content[0] >= len(self._sinks):
            raise crashed()
        with self._own_time():
            self._sinks[content[0]](content[SINK.size :])

    @contextmanager
    def _own_time(self) -> Iterator[None]:
        start = time.monotonic()
        yield
        if self._wire.deadline is not None:
            self._wire.deadline += time.monotonic() - start

    def _send(self, kind: Kind, content: bytes) -> None:
        with self._blaming_the_child():
            self._wire.send(kind, content)

    def _receive(self) -> tuple[Kind, bytes]:
        with self._blaming_the_child():
            return self._wire.receive()

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
        return InputRefused(RefusalCode(refusal.code), refusal.sentence[:_LONGEST_SENTENCE])
    except ValueError:
        return crashed()


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
