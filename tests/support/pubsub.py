"""Starts the local Pub/Sub server as a process of its own, on a free port."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY = "PUBSUB_EMULATOR_HOST="


@dataclass(frozen=True)
class PubSubServer:
    """A server that is ready."""

    host: str
    """``127.0.0.1:PORT``, the value for ``PUBSUB_EMULATOR_HOST``."""
    pid: int

    @property
    def port(self) -> int:
        return int(self.host.rpartition(":")[2])


@contextmanager
def pubsub_server(data: Path, port: int = 0) -> Iterator[PubSubServer]:
    """Serve from ``data`` until the block ends; it is fine to kill the process in between."""
    command = [sys.executable, "-m", "cinestow_local.pubsub"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = next((line for line in process.stdout if line.startswith(READY)), None)
            assert ready is not None, "the Pub/Sub server never got ready"
            yield PubSubServer(ready.strip().removeprefix(READY), process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(15)
    assert code in {0, -signal.SIGKILL}, f"the Pub/Sub server ended with {code}"
