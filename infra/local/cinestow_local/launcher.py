"""Tells the guard its process id, then becomes the command: ``launcher.py FD COMMAND ARGUMENT...``.

Run with ``python -I -S`` and standard library only, so that it costs milliseconds.
"""

import os
import sys


def main() -> None:
    """Report, close the pipe on exec, exec."""
    guard, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(guard, False)
    os.write(guard, b"+%d\n" % os.getpid())
    os.execvp(command[0], command)  # noqa: S606 - the supervisor gives a list and no shell


if __name__ == "__main__":
    main()
