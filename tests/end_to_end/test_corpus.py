"""Every recording of the corpus goes in through the bucket and comes out playable and true.

`make test-corpus` runs this over the folder that CINESTOW_CORPUS names, and over the recordings
that are part of the project in any case; it prints a table of what became of each.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cinestow.pipeline.report import Report
from cinestow.pipeline.status import Status
from support import judge
from support.dicom3tools import dciodvfy_errors
from support.instance_file import retrieve
from support.summary import SUMMARY
from support.way import Cloud

pytestmark = [pytest.mark.corpus, pytest.mark.timeout(1800)]

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
FOLDERS = ("webm/mediarecorder", "clinical")
MODALITY = {"us_": "US", "endo_": "ES"}


def recordings() -> list[Path]:
    corpus = os.environ.get("CINESTOW_CORPUS")
    found = sorted(RECORDED.iterdir())
    for folder in FOLDERS if corpus else ():
        found += sorted((Path(corpus or "") / folder).iterdir())
    return found


@dataclass
class Row:
    """One line of the table."""

    name: str
    outcome: str = "?"
    report: Report | None = None
    ssim: judge.Ssim | None = None


def lines(rows: list[Row]) -> Iterator[str]:
    """The table, for people."""
    heads = f"{'action':10} {'frames':>6} {'rate':>6} {'SSIM':>7} {'1st %':>7} {'s':>6}"
    yield f"{'file':52} {heads}"
    for row in rows:
        report, ssim = row.report, row.ssim
        if report is None or ssim is None:
            yield f"{row.name:52} {row.outcome}"
            continue
        rate = 1000 / report.output.frame_time_ms
        seconds = sum(report.timings_s.values())
        yield (
            f"{row.name:52} {report.action:10} {report.output.frames:6} {rate:6.2f} "
            f"{ssim.mean:7.4f} {ssim.p1:7.4f} {seconds:6.2f}"
        )


@pytest.fixture(scope="module")
def table(cloud: Cloud, pytestconfig: pytest.Config) -> Iterator[list[Row]]:
    rows: list[Row] = []
    yield rows
    peaks = cloud.running.peak_memory()
    limits = {name: f.memory for name, f in cloud.running.pipeline.functions.items()}
    memory = [f"peak memory of {n}: {peak:.0f} of {limits[n]} MiB" for n, peak in peaks.items()]
    pytestconfig.stash[SUMMARY] = [*lines(rows), *memory]


@pytest.fixture(scope="module")
def uploads(cloud: Cloud) -> dict[Path, str]:
    """All recordings are dropped into the bucket at once, as on a busy day."""
    uploaded = {}
    for path in recordings():
        modality = next((m for start, m in MODALITY.items() if path.name.startswith(start)), "XC")
        metadata = {"PatientID": "corpus", "PatientName": "Corpus^Test", "Modality": modality}
        uploaded[path] = cloud.upload(path, metadata)
    return uploaded


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.name)
def test_recording(
    cloud: Cloud, uploads: dict[Path, str], table: list[Row], path: Path, tmp_path: Path
) -> None:
    row = Row(path.name)
    table.append(row)
    status = cloud.settled(uploads[path], timeout=1500)
    row.outcome = status.state
    if not judge.stream_entries(path, "codec_name"):
        assert status.refusal is not None
        assert status.refusal.code == "no-video-stream"
        row.outcome = f"refused: {status.refusal.code}"
        return
    assert status.state == "verified", status
    assert status.report is not None
    row.report = status.report
    file, video = retrieve(cloud, status, tmp_path)
    assert dciodvfy_errors(file) == []
    assert judge.decoded_frames(video) == status.report.output.frames
    row.ssim = _picture_matches(path, video, status.report, tmp_path)
    _duration_is_kept(path, status.report)
    _preview_plays(cloud, path, status, tmp_path)


def _duration_is_kept(path: Path, report: Report) -> None:
    times = judge.source_times(path)
    frame = max(times.frame, report.output.frame_time_ms / 1000)
    duration = report.output.frames * report.output.frame_time_ms / 1000
    assert abs(duration - times.duration) <= frame


def _picture_matches(path: Path, video: Path, report: Report, tmp_path: Path) -> judge.Ssim:
    picture = judge.expected_picture(path, video)
    rate = 1000 / report.output.frame_time_ms
    frames = report.output.frames
    ssim = judge.ssim(path, video, picture, rate, frames, tmp_path / "ssim.log")
    assert ssim.frames == frames
    assert ssim.mean >= 0.95
    assert ssim.p1 >= 0.90
    return ssim


def _preview_plays(cloud: Cloud, path: Path, status: Status, tmp_path: Path) -> None:
    times = judge.source_times(path)
    cloud.rendered(status, "*/*", tmp_path / "preview.webm")
    preview = tmp_path / "preview.webm"
    assert abs(judge.container_duration(preview) - times.duration) <= 0.1
    assert judge.decoded_frames(preview) > 0
    assert judge.seeks(preview, times.duration / 2)


def test_memory_stays_within_what_the_platform_gives(
    cloud: Cloud, uploads: dict[Path, str]
) -> None:
    for upload_id in uploads.values():
        cloud.settled(upload_id)
    limits = {name: f.memory for name, f in cloud.running.pipeline.functions.items()}
    peaks = cloud.running.peak_memory()
    assert set(peaks) == set(limits)
    assert {name: peak for name, peak in peaks.items() if peak > limits[name]} == {}
