"""``cinestow probe``: what a file really is, and what would be done with it."""

from pathlib import Path

import click
import msgspec

from cinestow.media import isolated
from cinestow.media.model import Limits
from cinestow.media.plan import plan
from cinestow.media.source import FileSource


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print all that is known.")
def probe(file: Path, as_json: bool) -> None:
    """Look at a recording and say what would be done with it."""
    recording = isolated.probe(FileSource(file), Limits())
    decided = plan(recording)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(decided)).decode())
        return
    sound = f", {recording.sound.codec} sound" if recording.sound else ", no sound"
    click.echo(
        f"{recording.codec} {recording.width}x{recording.height} in {recording.container}, "
        f"{recording.frames} pictures in {float(recording.duration):.3f} s{sound}"
        f"{', truncated' if recording.truncated else ''}"
    )
    rate = decided.frame_rate.value
    click.echo(
        f"{decided.action} to {decided.transfer_syntax} {decided.width}x{decided.height} at "
        f"{float(rate):.5g} frames a second: {decided.why}"
    )
