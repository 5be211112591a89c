"""The command line: ``cinestow convert | render | probe | validate | send | status``.

Exit codes: 0 done; 2 wrong usage, a wrong setting or a file that cannot be used; 3 the input was
refused; 1 anything else.
"""

import sys

import click

import cinestow
from cinestow.cli.convert import convert
from cinestow.cli.probe import probe
from cinestow.cli.render import render
from cinestow.cli.send import send
from cinestow.cli.status import status
from cinestow.cli.validate import validate
from cinestow.errors import CinestowError, ConfigurationError, InputRefused

FAILED, WRONG_USAGE, REFUSED = 1, 2, 3
UNUSABLE = (
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(cinestow.__version__)
def cli() -> None:
    """Recordings to DICOM video instances and playable previews."""


for command in (convert, render, probe, validate, send, status):
    cli.add_command(command)


def main() -> None:
    """Run the command line; what was to be expected is one line on stderr and an exit code."""
    try:
        cli()
    except InputRefused as refusal:
        _end(f"refused ({refusal.code}): {refusal.sentence}", REFUSED)
    except ConfigurationError as error:
        _end(str(error), WRONG_USAGE)
    except CinestowError as error:
        _end(f"{type(error).__name__}: {error}", FAILED)
    except OSError as error:
        unusable = isinstance(error, UNUSABLE)
        where = f"{error.filename}: " if error.filename else ""
        _end(f"{where}{error.strerror or error}", WRONG_USAGE if unusable else FAILED)


def _end(line: str, code: int) -> None:
    click.echo(line, err=True)
    sys.exit(code)
