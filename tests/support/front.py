"""Starts fronts as a process of their own, and a server that they stand before."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from cinestow_local.front.app import Front


@dataclass(frozen=True)
class Fronts:
    """Fronts that are ready, by name."""

    urls: dict[str, str]
    pid: int


@contextmanager
def front_process(fronts: Sequence[Front], config: Path) -> Iterator[Fronts]:
    """Serve fronts until the block ends, configured through the file ``config``."""
    config.write_text(json.dumps([asdict(front) for front in fronts]))
    command = [sys.executable, "-m", "cinestow_local.front", "--config", str(config)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ports = json.loads(process.stdout.readline())
            urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
            yield Fronts(urls, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            code = process.wait(15)
    assert code == 0, f"the fronts ended with {code}"


@contextmanager
def app_server(app: Starlette) -> Iterator[str]:
    """Serve ``app`` in a thread; its URL."""
    config = uvicorn.Config(
        app, port=0, lifespan="off", log_level="critical", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive(), "the server did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
