"""Peak memory of a measuring process of its own."""

from pathlib import Path


def peak_mib() -> int:
    """Highest resident memory of this process so far.

    Not ru_maxrss: that starts at the peak of the process that started this one.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024
