"""Child processes of the local cloud: started under a guard, watched, stopped as whole groups."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cinestow.errors import AlarmRaised
from cinestow_local import guard as guard_program
from cinestow_local import launcher
from cinestow_local.guard import signal_group

STOP_GRACE_S = 5.0
POLL_S = 0.02
LOG_TAIL_CHARACTERS = 1500

# The user's credentials and proxies stay outside: nothing local may reach a real project.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ")


@dataclass(frozen=True)
class Watched:
    """A running child of ours, leader of a process group of its own."""

    name: str
    pid: int
    log: Path


@dataclass(frozen=True)
class Child(Watched):
    """A child that ``start`` started and ``stop`` ends."""

    process: subprocess.Popen[bytes]


@dataclass(frozen=True)
class Guard(Watched):
    """The process that ends all others when the supervisor is gone."""

    pipe: int

    def adopt(self, pid: int) -> None:
        """Answer for a process group that was not started with ``start``."""
        os.write(self.pipe, b"+%d\n" % pid)

    def release(self, pid: int) -> None:
        """Forget a process group that is gone: its number may be given to another."""
        with suppress(BrokenPipeError):
            os.write(self.pipe, b"-%d\n" % pid)


@contextmanager
def guarded(logs: Path) -> Iterator[Guard]:
    """Run a guard for the length of a ``with`` block."""
    receiving, sending = os.pipe()
    log = logs / "guard.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", guard_program.__file__],
            stdin=receiving,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    os.close(receiving)
    try:
        yield Guard("guard", process.pid, log, sending)
    finally:
        os.close(sending)
        process.wait()


def start(
    guard: Guard, name: str, command: Sequence[str], logs: Path, environment: Mapping[str, str]
) -> Child:
    """Start a command; its output goes to ``logs/NAME.log``.

    ``environment`` is added to the few variables that every child inherits.
    """
    log = logs / f"{name}.log"
    inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", launcher.__file__, str(guard.pipe), *command],
            env=inherited | {"PYTHONUNBUFFERED": "1"} | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=[guard.pipe],
            process_group=0,
        )
    return Child(name, process.pid, log, process)


def wait_for(child: Watched, pattern: str, timeout_s: float) -> str:
    """First group of ``pattern`` in the child's log, as soon as it stands there.

    Raises:
        AlarmRaised: the child ended first, or the time is over.
    """
    deadline = time.monotonic() + timeout_s
    expected = re.compile(pattern, re.MULTILINE)
    while time.monotonic() < deadline:
        check(child)
        found = expected.search(child.log.read_text(errors="replace"))
        if found:
            return found.group(1)
        time.sleep(POLL_S)
    raise AlarmRaised(f"{child.name} was not ready within {timeout_s:.0f} s. {_tail(child.log)}")


def check(child: Watched) -> None:
    """Raise ``AlarmRaised`` if the child no longer runs. It stays unreaped, its number taken."""
    ended = _ended(child)
    if ended is not None:
        how = "with exit code" if ended.si_code == os.CLD_EXITED else "by signal"
        raise AlarmRaised(f"{child.name} ended {how} {ended.si_status}. {_tail(child.log)}")


def stop(guard: Guard, children: Sequence[Child]) -> None:
    """SIGTERM to each leader; SIGKILL to what is left of its group when it ended or after 5 s."""
    for child in children:
        os.kill(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_GRACE_S
    for child in children:
        while _ended(child) is None and time.monotonic() < deadline:
            time.sleep(POLL_S)
        signal_group(child.pid, signal.SIGKILL)
        child.process.wait()
        guard.release(child.pid)


def _ended(child: Watched) -> os.waitid_result | None:
    return os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)


def _tail(log: Path) -> str:
    text = log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]
    return f"The end of {log}:\n{text}"
