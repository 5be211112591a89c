"""Starts the local Cloud Storage server for a test, and ends it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

LOCAL_CLOUD = Path(__file__).parents[2] / "infra" / "local"
FUNCTIONS = Path(__file__).parents[2] / "functions"


@dataclass(frozen=True)
class StorageServer:
    """A running server: its root URL (the value of STORAGE_EMULATOR_HOST) and process id."""

    url: str
    pid: int


@contextmanager
def storage_server(data: Path, pubsub: str | None = None, port: int = 0) -> Iterator[StorageServer]:
    """The server as a process of its own, keeping everything under ``data``.

    ``pubsub`` is the HOST:PORT that bucket notifications are published to. Leaving the context
    asks the process to stop and insists that it stopped cleanly.
    """
    command = [sys.executable, "-m", "cinestow_local.storage", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--data", str(data)]
    if pubsub is not None:
        command += ["--pubsub", pubsub]
    environment = os.environ | {"PYTHONPATH": f"{LOCAL_CLOUD}{os.pathsep}{FUNCTIONS}"}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        yield StorageServer(_announced_url(process), process.pid)
    finally:
        process.terminate()
        try:
            code = process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            assert process.stdout is not None
            process.stdout.close()
    assert code in (0, -9), f"the storage server ended with {code}"


def _announced_url(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    for line in process.stdout:
        name, _, url = line.strip().partition("=")
        if name == "STORAGE_EMULATOR_HOST":
            return url
    raise AssertionError(f"the storage server never got ready: exit code {process.wait()}")


def storage_client(url: str, project: str = "test-project") -> storage.Client:
    """Google's own client, talking to the server at ``url``; the caller closes it."""
    return storage.Client(
        project=project,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": url},
    )
