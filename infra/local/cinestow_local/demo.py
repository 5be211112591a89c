"""The demonstration: a bundled recording goes through, and what came out is judged by FFmpeg."""

import os
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import httpx

from cinestow.cli import deployment
from cinestow.cli.send import upload
from cinestow.dicomweb.client import DicomWeb
from cinestow.dicomweb.wado import retrieve
from cinestow.errors import AlarmRaised
from cinestow.pipeline.records import InstanceUids
from cinestow.pipeline.report import Report
from cinestow.pipeline.status import TERMINAL, Status
from cinestow.pipeline.status import status as status_of
from cinestow.settings import Settings, settings_from
from cinestow_local.endpoints import Endpoints

TIMEOUT_S = 300.0
POLL_S = 0.2


@dataclass(frozen=True)
class Demonstration:
    """What came of the recording."""

    recording: Path
    uids: InstanceUids
    report: Report
    preview_url: str
    preview: Path
    preview_frames: int
    instance_frames: int
    """Number of Frames (0028,0008), as the retrieved instance states it."""
    decoded_frames: int
    """Frames that FFmpeg's command line decoded out of the retrieved instance."""


def demonstrate(
    endpoints: Endpoints,
    recording: Path,
    metadata: Path,
    folder: Path,
    check: Callable[[], None],
) -> Demonstration:
    """Send a recording through; its preview and its bit stream are put into ``folder``.

    ``check`` is called while waiting, and raises when the cloud is no longer whole.

    Raises:
        AlarmRaised: the recording was refused, got stuck, or what came out does not decode whole.
    """
    os.environ.update(endpoints.environment)
    settings = settings_from(endpoints.environment)
    upload_id = upload(settings, recording, metadata, f"{uuid.uuid4()}{recording.suffix}")
    status = _settled(settings, upload_id, check)
    if status.state != "verified" or status.uids is None or status.report is None:
        reason = f": {status.refusal.sentence}" if status.refusal else ""
        raise AlarmRaised(
            f"the recording is {status.state}{reason}; see {endpoints.logs} for what happened"
        )
    folder.mkdir(parents=True, exist_ok=True)
    video, preview = folder / "instance.mp4", folder / "preview.webm"
    preview_url = _preview_url(endpoints, status.uids)
    _fetch_preview(preview_url, preview)
    stated = _fetch_bit_stream(endpoints.dicomweb, status.uids, video)
    done = Demonstration(
        recording=recording,
        uids=status.uids,
        report=status.report,
        preview_url=preview_url,
        preview=preview,
        preview_frames=count_frames(preview),
        instance_frames=stated,
        decoded_frames=count_frames(video),
    )
    if done.decoded_frames != done.instance_frames or done.preview_frames == 0:
        raise AlarmRaised("\n".join(["what came out does not decode whole:", *lines(done)]))
    return done


def lines(done: Demonstration) -> Iterable[str]:
    """The result, for people."""
    source, quality = done.report.input, done.report.quality
    yield f"recording   {done.recording.name}: {source.duration_s:.2f} s, {source.codec}"
    yield f"study       {done.uids.study}"
    yield f"series      {done.uids.series}"
    yield f"instance    {done.uids.instance}"
    yield f"quality     SSIM {quality.ssim_mean:.4f}, 1st percentile {quality.ssim_p1:.4f}"
    yield (
        f"frames      ffmpeg decoded {done.decoded_frames}; "
        f"the instance states {done.instance_frames}"
    )
    yield f"preview     {done.preview}: ffmpeg decoded {done.preview_frames} frames"
    yield f"            from {done.preview_url}"


def count_frames(video: Path) -> int:
    """Frames that FFmpeg's command line decodes out of the first video stream.

    Raises:
        AlarmRaised: it had to complain.
    """
    command = ["ffmpeg", "-nostdin", "-v", "error", "-i", str(video), "-map", "0:v:0"]
    command += ["-fps_mode", "passthrough", "-progress", "pipe:1", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or done.stderr:
        raise AlarmRaised(f"ffmpeg does not decode {video}: {done.stderr.strip()}")
    return int(re.findall(r"^frame=(\d+)$", done.stdout, re.MULTILINE)[-1])


def _settled(settings: Settings, upload_id: str, check: Callable[[], None]) -> Status:
    objects = deployment.objects(settings)
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        check()
        status = status_of(objects, settings, upload_id)
        if status.state in TERMINAL or time.monotonic() > deadline:
            return status
        time.sleep(POLL_S)


def _preview_url(endpoints: Endpoints, uids: InstanceUids) -> str:
    path = f"studies/{uids.study}/series/{uids.series}/instances/{uids.instance}/rendered"
    return f"{endpoints.render}/{path}"


def _fetch_preview(url: str, path: Path) -> None:
    with httpx.stream("GET", url, headers={"Accept": "video/webm"}, timeout=TIMEOUT_S) as answer:
        if answer.status_code != httpx.codes.OK:
            raise AlarmRaised(f"render answered {answer.status_code} for {url}")
        with path.open("wb") as file:
            file.writelines(answer.iter_bytes())


def _fetch_bit_stream(dicomweb: str, uids: InstanceUids, path: Path) -> int:
    """Write the instance's video to a file; its Number of Frames."""
    with (
        DicomWeb(dicomweb) as store,
        retrieve(store, uids.study, uids.series, uids.instance) as instance,
        path.open("wb") as file,
    ):
        file.writelines(instance.bit_stream())
        return int(instance.dataset.NumberOfFrames)
