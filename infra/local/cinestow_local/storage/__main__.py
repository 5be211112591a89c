"""``python -m cinestow_local.storage``: start the server, and stop it on SIGTERM or Ctrl-C."""

import logging
import signal
import socket
import sys
from pathlib import Path

import click
import uvicorn

from cinestow_local.faults import CuttableProtocol
from cinestow_local.storage.app import create_app


class AnnouncingServer(uvicorn.Server):
    """Says where it is once it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, then print the line that callers wait for."""
        await super().startup(sockets)
        host, port = (sockets or [])[0].getsockname()[:2]
        print(f"STORAGE_EMULATOR_HOST=http://{host}:{port}", flush=True)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=0, show_default=True, help="0 takes a free port.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), required=True)
@click.option("--pubsub", metavar="HOST:PORT", help="Where bucket notifications are published.")
def main(host: str, port: int, data: Path, pubsub: str | None) -> None:
    """Serve Cloud Storage's APIs from the folder DATA. For development only."""
    logging.basicConfig(level=logging.WARNING, format="storage: %(levelname)s: %(message)s")
    publish = None
    if pubsub is not None:
        # Imported on demand: gRPC is most of the server's memory.
        from cinestow_local.storage.pubsub_publisher import pubsub_publisher

        publish = pubsub_publisher(pubsub)
    data.mkdir(parents=True, exist_ok=True)
    with socket.create_server((host, port)) as listener:
        # Without it every answer waits for the caller's delayed acknowledgement (40 ms).
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        base_url = f"http://{host}:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            create_app(data, base_url, publish),
            http=CuttableProtocol,
            lifespan="on",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=3,
        )
        print("Cinestow's local Cloud Storage is a development server: anybody may do anything.")
        # uvicorn raises the signal again once it has stopped; the process then ends with 0.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        signal.signal(signal.SIGINT, lambda *_: sys.exit(0))
        AnnouncingServer(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
