"""``python -m cinestow_local.pubsub --data DIR`` serves until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import logging
import signal
from pathlib import Path

from cinestow_local.pubsub.broker import Broker
from cinestow_local.pubsub.journal import Journal
from cinestow_local.pubsub.push import push_client
from cinestow_local.pubsub.server import grpc_server

STOP_GRACE_S = 0.5


async def serve(host: str, port: int, journal: Journal) -> None:
    """Serve from ``journal`` until told to stop, printing the address when ready."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with push_client() as client:
        broker = Broker(journal, client)
        server = grpc_server(broker)
        bound = server.add_insecure_port(f"{host}:{port}")
        await server.start()
        print("Pub/Sub development server: for this machine only, never for production.")
        print(f"PUBSUB_EMULATOR_HOST={host}:{bound}", flush=True)
        await stop.wait()
        await server.stop(STOP_GRACE_S)
        broker.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m cinestow_local.pubsub")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--data", type=Path, required=True, help="folder that outlives the server")
    options = parser.parse_args()
    logging.basicConfig(format="pubsub: %(message)s")
    journal = Journal(options.data)
    try:
        asyncio.run(serve(options.host, options.port, journal))
    finally:
        journal.close()


if __name__ == "__main__":
    main()
