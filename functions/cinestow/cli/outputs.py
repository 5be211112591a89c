"""Where a command writes: into a file of its own, never over what it reads."""

from collections.abc import Iterable
from pathlib import Path

import click


def check_output(target: Path, read: Iterable[Path]) -> None:
    """Raise ``UsageError`` where writing ``target`` would destroy a device or what is read."""
    if not target.exists():
        return
    if not target.is_file():
        raise click.UsageError(f"{target} is there and is no file")
    for path in read:
        if target.samefile(path):
            raise click.UsageError(f"{target} would be overwritten although it is read: choose -o")
