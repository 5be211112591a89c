"""The command line: ``cinestow convert | render | probe | validate | send | status``."""

import sys

import click

import cinestow
from cinestow.cli.convert import convert
from cinestow.cli.probe import probe
from cinestow.cli.render import render
from cinestow.cli.send import send
from cinestow.cli.status import status
from cinestow.cli.validate import validate
from cinestow.errors import InputRefused

REFUSED = 3


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(cinestow.__version__)
def cli() -> None:
    """Recordings to DICOM video instances and playable previews."""


for command in (convert, render, probe, validate, send, status):
    cli.add_command(command)


def main() -> None:
    """Run the command line; a refused input is one line on stderr and exit code 3."""
    try:
        cli()
    except InputRefused as refusal:
        click.echo(f"refused ({refusal.code}): {refusal.sentence}", err=True)
        sys.exit(REFUSED)
