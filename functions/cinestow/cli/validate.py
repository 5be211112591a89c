"""``cinestow validate``: a DICOM video held against the standard and against its own stream."""

import sys
from pathlib import Path

import click

from cinestow.media.model import Limits
from cinestow.pipeline.validate import problems_of


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def validate(file: Path) -> None:
    """Check a DICOM video file. Exit code 0: nothing found; 1: problems, one a line."""
    problems = problems_of(file, Limits())
    for problem in problems:
        click.echo(f"{file.name}: {problem}")
    if problems:
        sys.exit(1)
    click.echo(f"{file.name}: no problems found")
