"""Runs several fronts in one process, each on a port of its own."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Generator, Mapping, Sequence

import uvicorn

from cinestow_local.faults import CuttableProtocol, FaultInjection
from cinestow_local.front.app import Front, FrontApp

HOST = "127.0.0.1"
STOP_GRACE_S = 1


class _Server(uvicorn.Server):
    """One of several servers side by side: none takes the process's signals for itself."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve_fronts(
    fronts: Sequence[Front], ready: Callable[[Mapping[str, int]], None], stop: asyncio.Event
) -> None:
    """Serve until ``stop``; ``ready`` is told each front's port as soon as all can be called.

    Each front has a fault switch of its own (``cinestow_local.faults``).
    """
    sockets = [socket.create_server((HOST, front.port)) for front in fronts]
    servers = [_server(front) for front in fronts]
    async with asyncio.TaskGroup() as tasks:
        for server, listening in zip(servers, sockets, strict=True):
            tasks.create_task(server.serve([listening]))
        ports = [listening.getsockname()[1] for listening in sockets]
        ready({front.name: port for front, port in zip(fronts, ports, strict=True)})
        await stop.wait()
        # Requests that are cut off by the stop are no news.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        for server in servers:
            server.should_exit = True


def _server(front: Front) -> _Server:
    config = uvicorn.Config(
        FaultInjection(FrontApp(front)),
        http=CuttableProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=STOP_GRACE_S,
    )
    return _Server(config)
