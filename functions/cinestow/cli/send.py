"""``cinestow send``: upload a recording into the bucket and watch it on its way."""

import mimetypes
import sys
import time
import uuid
from pathlib import Path

import click

from cinestow.cli import deployment
from cinestow.cli.status import tell
from cinestow.cloud.gcs import GcsObjects
from cinestow.cloud.objects import ObjectInfo
from cinestow.dicom import uids
from cinestow.pipeline.sidecars import recording_of, suffix_of
from cinestow.pipeline.status import TERMINAL, Status
from cinestow.pipeline.status import status as status_of
from cinestow.settings import Settings

PIECE = 1 << 20
POLL_S = 0.5


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--metadata",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON, Native DICOM Model XML or a DICOM file; goes beside the recording.",
)
@click.option("--name", help="Object name. Default: random, since file names may name a patient.")
@click.option("--watch", is_flag=True, help="Wait until it is verified or refused.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds to watch.")
def send(file: Path, metadata: Path | None, name: str | None, watch: bool, timeout: float) -> None:
    """Upload a recording; the pipeline does the rest."""
    name = name or f"{uuid.uuid4()}{file.suffix}"
    if recording_of(name) is not None:
        raise click.UsageError(
            f"{file.name} is metadata by its name; send the recording, and this with --metadata"
        )
    settings = deployment.settings()
    upload_id = upload(settings, file, metadata, name)
    click.echo(f"object {name}", err=True)
    if not watch:
        click.echo(upload_id)
        return
    last = watch_until_settled(settings, upload_id, timeout)
    tell(last)
    if last.state != "verified":
        raise SystemExit(3 if last.state == "refused" else 1)


def upload(settings: Settings, file: Path, metadata: Path | None, name: str) -> str:
    """Upload metadata first, then the recording; returns the upload's id."""
    objects = deployment.objects(settings)
    bucket = settings.buckets.uploads
    if objects.stat(bucket, name) is not None:  # before its patient becomes that of another
        raise _taken(name)
    if metadata is not None:
        _create(objects, bucket, f"{name}{suffix_of(metadata)}", metadata)
    info = _create(objects, bucket, name, file)
    return uids.upload_id(settings.key, bucket, name, info.ref.generation)


def _create(objects: GcsObjects, bucket: str, name: str, file: Path) -> ObjectInfo:
    content_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    with file.open("rb") as content:
        pieces = iter(lambda: content.read(PIECE), b"")
        info, ours = objects.create(bucket, name, pieces, content_type)
    if not ours:
        raise _taken(name)
    return info


def _taken(name: str) -> click.UsageError:
    return click.UsageError(f"an object with that name is there already: {name}")


def watch_until_settled(settings: Settings, upload_id: str, timeout: float) -> Status:
    """Poll what exists until the upload has come to its end, or the time is over."""
    objects = deployment.objects(settings)
    deadline = time.monotonic() + timeout
    last = None
    while True:
        current = status_of(objects, settings, upload_id)
        if sys.stderr.isatty() and current.state != last:
            click.echo(current.state, err=True)
        last = current.state
        if current.state in TERMINAL or time.monotonic() > deadline:
            return current
        time.sleep(POLL_S)
