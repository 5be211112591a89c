"""``cinestow render``: a playable preview of a DICOM file, a WADO-RS URL or any video file."""

from pathlib import Path

import click

from cinestow.cli.outputs import check_output
from cinestow.cli.preview_file import KINDS, is_instance_url, preview
from cinestow.media.model import Limits
from cinestow.media.preview_model import PreviewSettings


@click.command()
@click.argument("source", metavar="IN")
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Its suffix says what: .webm, .mp4, .jpg, .png or .gif.",
)
@click.option("--crf", type=click.IntRange(0, 63), help="Quality of a WebM; lower is better.")
@click.option("--title", default="", help="Title inside a WebM.")
def render(source: str, output: Path, crf: int | None, title: str) -> None:
    """Make a preview. IN is a DICOM file, a WADO-RS URL of an instance, or any video file."""
    if output.suffix.lower() not in KINDS:
        raise click.UsageError(f"{output.suffix!r} is none of {', '.join(KINDS)}")
    if not output.parent.is_dir():
        raise click.UsageError(f"{output.parent} is no folder")
    if Path(source).is_file():
        check_output(output, [Path(source)])
    elif not is_instance_url(source):
        raise click.UsageError(
            f"{source} is neither a file nor the WADO-RS URL of an instance "
            "(ROOT/studies/UID/series/UID/instances/UID)"
        )
    settings = PreviewSettings(title=title)
    if crf is not None:
        settings = PreviewSettings(crf=crf, title=title)
    preview(source, output, settings, Limits())
