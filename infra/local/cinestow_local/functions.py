"""One functions-framework process per function, run as the platform runs one instance of it."""

import sys
from collections.abc import Mapping
from pathlib import Path

from cinestow_local.pipeline_file import Function
from cinestow_local.processes import Child, Guard, start

FRAMEWORK = Path(sys.executable).with_name("functions-framework")
LISTENING = r"Listening at: (http://127\.0\.0\.1:\d+)"
"""What gunicorn says once it takes requests."""


def start_function(
    guard: Guard,
    name: str,
    function: Function,
    source: Path,
    state_dir: Path,
    environment: Mapping[str, str],
) -> Child:
    """Start one instance on a free port; ``LISTENING`` finds its URL in the log.

    It serves ``concurrency`` requests at the same time, in threads. The front in front of it
    keeps the time limit, as the platform does, so gunicorn has none.
    """
    command = [str(FRAMEWORK), "--source", str(source), "--target", function.target]
    command += ["--signature-type", "http", "--host", "127.0.0.1", "--port", "0"]
    # gunicorn puts a control socket there, else into the home folder for all functions alike.
    runtime = state_dir / "run" / name
    runtime.mkdir(parents=True, exist_ok=True)
    settings = {
        "THREADS": str(function.concurrency),
        "GUNICORN_LOG_LEVEL": "info",
        "XDG_RUNTIME_DIR": str(runtime),
        "K_SERVICE": name,
    }
    return start(guard, name, command, state_dir / "logs", settings | dict(environment))
