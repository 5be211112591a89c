"""``python -m cinestow_local``: the whole pipeline on this machine (``make run``)."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from cinestow.errors import CinestowError
from cinestow_local.demo import demonstrate, lines
from cinestow_local.endpoints import Endpoints, published
from cinestow_local.startup import Ports
from cinestow_local.supervisor import REPOSITORY, LocalCloud, local_cloud, locked

RECORDING = REPOSITORY / "tests/data/recorded/vp8_opus.webm"
METADATA = REPOSITORY / "infra/local/demo-metadata.json"
WATCH_S = 0.5
INTERRUPTED = 130

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
PORT = click.IntRange(0, 65535)


@click.command()
@click.option("--once", is_flag=True, help="One recording through a fresh cloud, then end.")
@click.option("--demo/--no-demo", default=True, help="Send the bundled recording through.")
@click.option("--state-dir", type=click.Path(file_okay=False, path_type=Path), default=".local")
@click.option("--pipeline", type=FILE, default=REPOSITORY / "infra/pipeline.yaml")
@click.option("--functions", type=FILE, default=REPOSITORY / "functions/main.py")
@click.option("--port-storage", type=PORT, default=0, help="0, for every port: a free one.")
@click.option("--port-pubsub", type=PORT, default=0)
@click.option("--port-dicomweb", type=PORT, default=0)
@click.option("--port-render", type=PORT, default=0)
def command(
    once: bool,
    demo: bool,
    state_dir: Path,
    pipeline: Path,
    functions: Path,
    port_storage: int,
    port_pubsub: int,
    port_dicomweb: int,
    port_render: int,
) -> None:
    """Storage, Pub/Sub, DICOMweb store and all functions on this machine, until Ctrl-C."""
    ports = Ports(port_storage, port_pubsub, port_dicomweb, port_render)
    folder = _fresh_state(state_dir) if once else _kept_state(state_dir)
    with (
        folder as state,
        local_cloud(
            state, pipeline_path=pipeline, functions_source=functions, ports=ports
        ) as cloud,
        published(cloud.endpoints, state_dir),
    ):
        if demo:
            _demonstrate(cloud, state_dir)
        if not once:
            _show_endpoints(cloud.endpoints)
            _serve(cloud)


@contextmanager
def _kept_state(state_dir: Path) -> Iterator[Path]:
    yield state_dir


@contextmanager
def _fresh_state(state_dir: Path) -> Iterator[Path]:
    """A folder inside that is removed at the end; after a failure it stays, for its logs."""
    with locked(state_dir):
        fresh = Path(tempfile.mkdtemp(prefix="once-", dir=state_dir))
        yield fresh
        shutil.rmtree(fresh)


def _demonstrate(cloud: LocalCloud, state_dir: Path) -> None:
    click.echo(f"sending {RECORDING.name} through ...")
    done = demonstrate(cloud.endpoints, RECORDING, METADATA, state_dir / "result", cloud.check)
    for line in lines(done):
        click.echo(line)


def _show_endpoints(endpoints: Endpoints) -> None:
    click.echo(f"renderer    {endpoints.render}")
    click.echo(f"DICOMweb    {endpoints.dicomweb}")
    click.echo(f"storage     {endpoints.storage}, upload into {endpoints.uploads_bucket}")
    click.echo(f"Pub/Sub     {endpoints.pubsub}")
    click.echo(f"logs        {endpoints.logs}")
    click.echo("serving until Ctrl-C; .venv/bin/cinestow send FILE --watch sends a recording")


def _serve(cloud: LocalCloud) -> None:
    """Until asked to stop."""
    with suppress(KeyboardInterrupt):
        while True:
            cloud.check()
            time.sleep(WATCH_S)


def _interrupt(*_: object) -> None:
    """Ask once; while things are being stopped, asking again changes nothing."""
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, signal.SIG_IGN)
    raise KeyboardInterrupt


def main() -> None:
    """Exit code 0: it served until asked to stop, or the one recording went through.

    1: it failed, which is said in words; 130: it was interrupted before it was ready.
    """
    for asked in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(asked, _interrupt)
    try:
        command.main(standalone_mode=False)
    except click.Abort:
        sys.exit(INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except CinestowError as error:
        click.echo(f"cinestow_local: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
