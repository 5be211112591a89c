"""``cinestow status``: where an upload stands."""

import click
import msgspec

from cinestow.cli import deployment
from cinestow.pipeline import names
from cinestow.pipeline.status import Status
from cinestow.pipeline.status import status as status_of


@click.command()
@click.argument("upload_id")
@click.option("--json", "as_json", is_flag=True)
def status(upload_id: str, as_json: bool) -> None:
    """Say where an upload stands, from what exists in the buckets."""
    if not names.UPLOAD_ID.fullmatch(upload_id):
        raise click.UsageError("an upload's id is 32 hexadecimal digits, as `send` prints it")
    settings = deployment.settings()
    current = status_of(deployment.objects(settings), settings, upload_id)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(current)).decode())
    else:
        tell(current)


def tell(current: Status) -> None:
    """Print a status for people."""
    click.echo(f"upload {current.upload_id}: {current.state}")
    if current.state == "queued":
        click.echo("  nothing has been done for this id yet")
    if current.state == "waiting":
        click.echo("  for metadata: put OBJECT.json, OBJECT.xml or OBJECT.dcm beside the object")
    if current.state == "transcoding":
        click.echo(f"  {current.parts_done} of {current.parts} parts")
    if current.refusal is not None:
        click.echo(f"  {current.refusal.code}: {current.refusal.sentence}")
    if current.uids is not None:
        click.echo(f"  study    {current.uids.study}")
        click.echo(f"  series   {current.uids.series}")
        click.echo(f"  instance {current.uids.instance}")
    if current.report is not None:
        report = current.report
        click.echo(
            f"  {report.output.sop_class}, {report.output.frames} frames, "
            f"SSIM {report.quality.ssim_mean:.4f}"
        )
        if report.input.truncated:
            click.echo("  the recording was cut off; this is what could be decoded of it")
