"""Peak memory of each function, sampled over its whole process tree.

What is counted is near to what a container is charged with, and never less than its own share:
anonymous and shared memory by proportional share (a page that a worker shares with its parent by
fork counts once), plus the resident file pages of the process that has most of them.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil

INTERVAL_S = 0.25


class PeakMemory:
    """Highest memory seen, in MiB, of the process trees under some named processes."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._peaks = dict.fromkeys(roots, 0.0)

    def sample(self) -> None:
        """Look once at every tree."""
        children = _children_by_parent()
        for name, root in self._roots.items():
            self._peaks[name] = max(self._peaks[name], _tree_mib(root, children))

    def peaks(self) -> dict[str, float]:
        """MiB by name, as seen so far."""
        return {name: round(peak, 1) for name, peak in self._peaks.items()}


@contextmanager
def sampled(memory: PeakMemory, interval_s: float = INTERVAL_S) -> Iterator[None]:
    """Sample in a thread of its own for the length of a ``with`` block."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(interval_s):
            memory.sample()

    thread = threading.Thread(target=run, name="memory", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _children_by_parent() -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for process in psutil.process_iter(["ppid"]):
        children.setdefault(process.info["ppid"], []).append(process.pid)
    return children


def _tree_mib(root: int, children: Mapping[int, list[int]]) -> float:
    share_kib = largest_file_kib = 0
    waiting = [root]
    while waiting:
        pid = waiting.pop()
        waiting.extend(children.get(pid, ()))
        share, file = _process_kib(pid)
        share_kib += share
        largest_file_kib = max(largest_file_kib, file)
    return (share_kib + largest_file_kib) / 1024


def _process_kib(pid: int) -> tuple[int, int]:
    """Proportional share of anonymous and shared memory, and resident file pages; 0 if it ended."""
    try:
        rollup = _fields(Path(f"/proc/{pid}/smaps_rollup"))
        resident_file = _fields(Path(f"/proc/{pid}/status")).get("RssFile", 0)
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    return rollup.get("Pss_Anon", 0) + rollup.get("Pss_Shmem", 0), resident_file


def _fields(path: Path) -> dict[str, int]:
    """``Name:   123 kB`` lines of a file under /proc."""
    lines = (line.split() for line in path.read_text().splitlines() if line.endswith(" kB"))
    return {words[0].rstrip(":"): int(words[1]) for words in lines}
