"""``python -m cinestow_local.front --config FILE.json`` serves fronts until SIGTERM or Ctrl-C.

The file holds a list of fronts (``app.Front``). One line says the port of each when all are ready.
"""

import argparse
import asyncio
import json
import logging
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from cinestow_local.front.app import Front
from cinestow_local.front.serve import serve_fronts


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m cinestow_local.front")
    parser.add_argument("--config", type=Path, required=True, help="JSON: a list of fronts")
    fronts = msgspec.json.decode(parser.parse_args().config.read_bytes(), type=list[Front])
    logging.basicConfig(format="front: %(message)s")
    asyncio.run(_serve(fronts))


async def _serve(fronts: Sequence[Front]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve_fronts(fronts, _print_ports, stop)


def _print_ports(ports: Mapping[str, int]) -> None:
    print(json.dumps(ports), flush=True)


if __name__ == "__main__":
    main()
