"""A viewer of another origin plays and seeks what the running function serves."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import ffmpeg
from support.chromium import answer_of
from support.instances import sample
from support.orthanc import Orthanc
from support.renderer import running_renderer
from support.stored import Stored, put_video

FRAMES = (37, 3, 48, 0, 25)
"""Sought in this order, at ten frames a second."""

PAGE = """<!doctype html><video muted preload="metadata"></video><script>
const frames = FRAMES, shown = [];
const video = document.querySelector("video");
const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
const answer = body => fetch("/answer", {method: "POST", body: JSON.stringify(body)});
const seek = () => video.currentTime = (frames[shown.length] + 0.5) / 10;
video.onerror = () => answer({error: video.error.message});
video.onloadedmetadata = () => video.duration === Infinity ? answer({error: "endless"}) : seek();
video.onseeked = () => {
  canvas.drawImage(video, 0, 0);
  shown.push(canvas.getImageData(20, 20, 1, 1).data[1]);
  if (shown.length < frames.length) return seek();
  answer({duration: video.duration, shown, width: video.videoWidth});
};
video.crossOrigin = "anonymous";
video.src = URL;
</script>"""


@pytest.fixture(scope="module")
def running(store: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_renderer(store.root_url, tmp_path_factory.mktemp("process")) as url:
        yield url


@pytest.fixture(scope="module")
def large_video(store: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """Noise round the counting patch: several of the pieces that ranges are served in."""
    path = tmp_path_factory.mktemp("large") / "large.mp4"
    noise = "color=gray:s=960x540:r=10:d=5,noise=alls=100:allf=t"
    counter = "nullsrc=s=160x120:r=10:d=5,geq=lum=16+4*N:cb=128:cr=128"
    ffmpeg.run("-f", "lavfi", "-i", noise, "-f", "lavfi", "-i", counter, "-filter_complex",
               "[0][1]overlay,format=yuv420p", "-c:v", "libx264", "-preset", "ultrafast",
               "-qp", "3", "-g", "20", "-movflags", "+faststart", path)  # fmt: skip
    assert path.stat().st_size > 20_000_000
    return put_video(store, sample(), path.read_bytes())


def played(url: str, folder: Path) -> dict[str, Any]:
    page = PAGE.replace("FRAMES", json.dumps(FRAMES)).replace("URL", json.dumps(url))
    answer: dict[str, Any] = answer_of(page, folder / "profile")
    assert "error" not in answer
    return answer


def numbers(shown: list[int]) -> tuple[int, ...]:
    """Frame numbers, from green in full range: luma is 16 + 4 N."""
    return tuple(round(green * 219 / 255 / 4) for green in shown)


def test_a_preview_has_its_duration_and_seeks(running: str, video: Stored, tmp_path: Path) -> None:
    answer = played(f"{running}{video.rendered}", tmp_path)
    assert answer["duration"] == pytest.approx(5.0, abs=0.1)
    assert answer["width"] == 160
    assert numbers(answer["shown"]) == FRAMES


def test_a_large_stored_mp4_plays_in_pieces(
    running: str, large_video: Stored, tmp_path: Path
) -> None:
    answer = played(f"{running}{large_video.rendered}?accept=video/mp4", tmp_path)
    assert answer["duration"] == pytest.approx(5.0, abs=0.1)
    assert numbers(answer["shown"]) == FRAMES
