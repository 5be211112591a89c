"""The limited child: ``python -m cinestow.media.child SOCKET PARENT`` does one task and ends.

It decodes bytes that nobody vouches for, so it has no environment, can open neither file nor
socket, sees the source through its parent alone, and dies with it.
"""

import ctypes
import mmap
import os
import resource
import signal
import socket
import sys
import traceback
from contextlib import suppress
from functools import partial
from types import TracebackType

import av

# PyAV loads these when it meets the first stream, where no file can be opened any more.
import av.subtitles.codeccontext
import av.subtitles.stream
import msgspec

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.model import Limits, Sink
from cinestow.media.tasks import TASKS, Call
from cinestow.media.wire import MAX_BYTES, READ, SINK, Kind, Refusal, Task, Wire

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_NOBODY = 65534
_GRACE_CPU_S = 5


class RemoteSource:
    """The source, read by the parent."""

    def __init__(self, wire: Wire, size: int) -> None:
        self._wire = wire
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; fewer only where the source ends."""
        pieces = []
        end = min(offset + length, self.size)
        while offset < end:
            count = min(end - offset, MAX_BYTES)
            self._wire.send(Kind.READ, READ.pack(offset, count))
            _, data = self._wire.receive()
            pieces.append(data)
            offset += count
        return b"".join(pieces)


def main() -> None:
    """Do the one task that comes over the socket."""
    descriptor, parent = map(int, sys.argv[1:])
    _give_up_root()
    _die_with(parent)
    wire = Wire(socket.socket(fileno=descriptor))
    sys.excepthook = partial(_report, wire)
    _, message = wire.receive()
    task = msgspec.json.decode(message, type=Task)
    _confine(task.limits)
    call = Call(
        arguments=task.arguments,
        source=RemoteSource(wire, task.source_size),
        sinks=[_sink(wire, number) for number in range(task.sinks)],
        limits=task.limits,
    )
    try:
        result = msgspec.json.encode(TASKS[task.name](call))
    except InputRefused as refused:
        _refuse(wire, refused.code, refused.sentence)
    except MemoryError:
        _refuse_for_memory(wire)
    except av.FFmpegError:
        if not _memory_is_short(task.limits):
            raise
        _refuse_for_memory(wire)
    else:
        wire.send(Kind.RESULT, result)


def _sink(wire: Wire, number: int) -> Sink:
    def write(data: bytes) -> None:
        for start in range(0, len(data), MAX_BYTES // 2):
            wire.send(Kind.WRITE, SINK.pack(number), data[start : start + MAX_BYTES // 2])

    return write


def _refuse(wire: Wire, code: RefusalCode, sentence: str) -> None:
    wire.send(Kind.REFUSED, msgspec.json.encode(Refusal(code, sentence)))


def _refuse_for_memory(wire: Wire) -> None:
    _refuse(wire, RefusalCode.OVER_LIMIT, "Decoding the video needs more memory than allowed.")


def _memory_is_short(limits: Limits) -> bool:
    """Codecs seldom say that it was memory that they lacked: is an eighth of it left now?

    To be asked while the exception still keeps alive what used the memory.
    """
    eighth = limits.memory_mib << 17
    try:
        mmap.mmap(-1, eighth, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS).close()
    except OSError:
        return True
    return False


def _report(
    wire: Wire, kind: type[BaseException], _: BaseException, trace: TracebackType | None
) -> None:
    """Where a bug is, without its message: that may quote the recording."""
    frames = traceback.extract_tb(trace)
    place = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    wire.send(Kind.FAILED, f"{kind.__name__} in {place}".encode())


def _give_up_root() -> None:
    """Root could raise its own limits, and reach into its parent."""
    if os.getuid() == 0:
        with suppress(OSError):
            os.setgroups([])
            os.setgid(_NOBODY)
            os.setuid(_NOBODY)


def _die_with(parent: int) -> None:
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent is gone")


def _confine(limits: Limits) -> None:
    memory = limits.memory_mib << 20
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + _GRACE_CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))


if __name__ == "__main__":
    main()
