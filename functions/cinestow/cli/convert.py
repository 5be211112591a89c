"""``cinestow convert``: the pipeline's own code on local files."""

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import cast, get_args

import click
import msgspec
import pydicom.uid
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

from cinestow.cli.outputs import check_output
from cinestow.errors import InputRefused
from cinestow.media.model import TransferSyntax
from cinestow.pipeline.context import Wishes
from cinestow.pipeline.convert import Converted, Progress
from cinestow.pipeline.convert import convert as convert_one


class UidOrKeyword(click.ParamType[UID | None]):
    """A UID, a pydicom keyword of one, or ``auto``."""

    name = "UID|KEYWORD|auto"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> UID | None:
        """The UID; None for ``auto``."""
        if isinstance(value, UID):
            return value
        if value == "auto":
            return None
        by_keyword = {entry[4]: uid for uid, entry in UID_dictionary.items()}
        uid = by_keyword.get(value, value)
        if uid not in UID_dictionary:
            self.fail(f"{value!r} is neither a UID nor a keyword that pydicom knows", param, ctx)
        return UID(uid)


@click.command()
@click.argument(
    "inputs",
    metavar="IN...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    help="A file, or a folder for several inputs. Default: beside each input.",
)
@click.option("--transfer-syntax", type=UidOrKeyword(), default="auto", show_default=True)
@click.option("--sop-class", type=UidOrKeyword(), default="auto", show_default=True)
@click.option(
    "--metadata",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON (flat or DICOM JSON), Native DICOM Model XML, or a DICOM file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report.")
def convert(
    inputs: tuple[Path, ...],
    output: str | None,
    transfer_syntax: UID | None,
    sop_class: UID | None,
    metadata: Path | None,
    as_json: bool,
) -> None:
    """Turn recordings into DICOM video instances, without any cloud.

    Exit code 0: done; 2: wrong usage; 3: an input was refused, with the reason on stderr.
    """
    targets = _targets(inputs, output)
    for target in targets:
        check_output(target, (*inputs, *([metadata] if metadata else [])))
    wishes = Wishes(_written(transfer_syntax), sop_class)
    refused = False
    for recording, target in zip(inputs, targets, strict=True):
        try:
            converted = _convert(recording, target, metadata, wishes)
        except InputRefused as refusal:
            refused = True
            click.echo(f"{recording.name}: refused ({refusal.code}): {refusal.sentence}", err=True)
            continue
        _tell(recording, target, converted, as_json)
    if refused:
        sys.exit(3)


def _written(wanted: UID | None) -> TransferSyntax | None:
    """The wanted transfer syntax, which has to be one that is written."""
    for keyword in get_args(TransferSyntax):
        if wanted == getattr(pydicom.uid, keyword):
            return cast(TransferSyntax, keyword)
    if wanted is not None:
        known = ", ".join(get_args(TransferSyntax))
        raise click.UsageError(f"{wanted.name} is not written yet; choose from {known}, auto")
    return None


def _targets(recordings: tuple[Path, ...], output: str | None) -> list[Path]:
    """One file for each recording; what ends in a slash is a folder, there or not."""
    if output is None:
        targets = [recording.with_suffix(".dcm") for recording in recordings]
    elif output.endswith(os.sep) or Path(output).is_dir():
        targets = [Path(output) / f"{recording.stem}.dcm" for recording in recordings]
    else:
        targets = [Path(output)]
        if len(recordings) > 1:
            raise click.UsageError("-o has to be a folder when there are several inputs")
    different = {target.resolve() for target in targets}
    if len(different) < len(targets):
        raise click.UsageError("two inputs of the same name would be written to the same file")
    return targets


def _convert(recording: Path, target: Path, metadata: Path | None, wishes: Wishes) -> Converted:
    """Work in a folder beside the target, so that the finished file only has to be moved."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".cinestow-", dir=target.parent) as work:
        try:
            converted = convert_one(recording, Path(work), metadata, wishes, _progress(recording))
        finally:
            _clear_progress()
        shutil.move(converted.instance, target)
    return converted


def _progress(recording: Path) -> Progress:
    def show(step: str) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{recording.name}: {step}", err=True, nl=False)

    return show


def _clear_progress() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)


def _tell(recording: Path, target: Path, converted: Converted, as_json: bool) -> None:
    report = converted.report
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(report)).decode())
        return
    click.echo(
        f"{recording.name} -> {target}: {report.output.sop_class}, {report.output.frames} frames, "
        f"{report.output.transfer_syntax}, SSIM {report.quality.ssim_mean:.4f} ({report.action}: "
        f"{report.why})"
    )
    if report.input.truncated:
        click.echo(
            f"{recording.name}: the recording was cut off; this is what could be decoded of it",
            err=True,
        )
