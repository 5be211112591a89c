"""Ends every process group of a local cloud whose supervisor is gone, however it went.

Reads ``+PID`` and ``-PID`` lines on its standard input. The pipe ends when the supervisor does,
even after SIGKILL: what is then still listed is stopped. Standard library only.
"""

import os
import signal
import sys
import time
from collections.abc import Iterable

GRACE_S = 5.0


def main() -> None:
    """Wait for the pipe to end, then clean up."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    end_groups(_listed(sys.stdin))


def _listed(lines: Iterable[str]) -> list[int]:
    groups: list[int] = []
    for line in lines:
        group = int(line[1:])
        if line[0] == "+":
            groups.append(group)
        elif group in groups:
            groups.remove(group)
    return groups


def end_groups(groups: Iterable[int]) -> None:
    """SIGTERM to whole groups, latest first; SIGKILL to what is left after the grace period."""
    left = [group for group in reversed(list(groups)) if signal_group(group, signal.SIGTERM)]
    deadline = time.monotonic() + GRACE_S
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [group for group in left if signal_group(group, 0)]
    for group in left:
        signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> bool:
    """Whether the group had a process to signal."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
