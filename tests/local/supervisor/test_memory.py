"""Peak memory is that of the whole tree, with shared pages counted once."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from cinestow_local.memory import PeakMemory

HOLDER = """
import os, sys, time
block = b"x" * {mib} * 2**20
if {fork} and os.fork():
    pass
os.write(1, b"ready\\n")
sys.stdin.read()
"""
CHILD_HOLDER = """
import subprocess, sys
with subprocess.Popen([sys.executable, "-c", {holder!r}], stdin=sys.stdin):
    pass
"""


@contextmanager
def running(program: str, ready: int = 1) -> Iterator[int]:
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        for _ in range(ready):
            assert process.stdout.readline() == b"ready\n"
        yield process.pid
        process.communicate()


def peak(pid: int) -> float:
    memory = PeakMemory({"it": pid})
    memory.sample()
    return memory.peaks()["it"]


def test_the_memory_of_one_process() -> None:
    with running(HOLDER.format(mib=100, fork=False)) as pid:
        assert 100 < peak(pid) < 125


def test_children_are_added() -> None:
    with running(CHILD_HOLDER.format(holder=HOLDER.format(mib=100, fork=False))) as pid:
        assert 100 < peak(pid) < 140


def test_pages_shared_by_a_fork_count_once() -> None:
    with running(HOLDER.format(mib=100, fork=True), ready=2) as pid:
        assert 100 < peak(pid) < 125


def test_the_peak_stays_when_the_memory_is_given_back() -> None:
    with running(HOLDER.format(mib=100, fork=False)) as pid:
        memory = PeakMemory({"it": pid})
        memory.sample()
    memory.sample()
    assert memory.peaks()["it"] > 100
