"""An independent judge: ffmpeg's command line against what the pipeline made of a recording."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np

KEY_FRAMES_S = 2.0
"""A preview may be entered at least so often."""


@dataclass(frozen=True)
class SourceTimes:
    """Presentation times of a recording's frames, in seconds, as ffprobe decodes them."""

    times: tuple[float, ...]

    @property
    def frame(self) -> float:
        """One frame: the median distance; a still lasts as long as it is said to elsewhere."""
        gaps = [b - a for a, b in zip(self.times, self.times[1:], strict=False) if b > a]
        return median(gaps) if gaps else 0.0

    @property
    def duration(self) -> float:
        """Last presentation time - first + one frame."""
        return self.times[-1] - self.times[0] + self.frame


@dataclass(frozen=True)
class Ssim:
    """Over all frames of an instance."""

    mean: float
    p1: float
    frames: int


@dataclass(frozen=True)
class Picture:
    """How a recording's frames are to look in the instance."""

    width: int
    height: int
    odd_width: bool
    odd_height: bool
    full_range: bool
    interlaced: bool

    @property
    def filters(self) -> str:
        """From a decoded frame to the instance's picture, for ffmpeg; odd edges are smeared."""
        right, bottom = int(self.odd_width), int(self.odd_height)
        deinterlaced = "bwdif=mode=send_frame," if self.interlaced else ""
        smeared = (
            # Without subsampling: the filters leave the last odd column and row of 4:2:0 alone.
            f"format=yuv444p,pad={self.width}:{self.height}:0:0,"
            f"fillborders=right={right}:bottom={bottom}:mode=smear,"
        )
        return (
            f"{deinterlaced}scale={self.width - right}:{self.height - bottom}"
            f":in_range={'full' if self.full_range else 'limited'}:out_range=limited"
            ":flags=bicubic+accurate_rnd+full_chroma_int,"
            f"{smeared if right or bottom else ''}format=yuv420p"
        )


def run(*command: str | Path) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run([str(word) for word in command], capture_output=True, check=True)
    return done.stdout.decode()


def source_times(path: Path) -> SourceTimes:
    """Times of the frames that decode; one without a time follows the frame before it."""
    text = run(
        *("ffprobe", "-v", "quiet", "-select_streams", "v:0", "-of", "json", "-show_entries"),
        "frame=best_effort_timestamp_time,pkt_duration_time",
        path,
    )
    times: list[float] = []
    follows = 0.0
    for frame in json.loads(text)["frames"]:
        time = float(frame.get("best_effort_timestamp_time", follows))
        follows = time + float(frame.get("pkt_duration_time", 0))
        times.append(time)
    return SourceTimes(tuple(times))


def stream_entries(path: Path, *names: str) -> dict[str, str]:
    """What ffprobe says of the first picture stream."""
    text = run("ffprobe", "-v", "quiet", "-select_streams", "v:0", "-show_entries",
               f"stream={','.join(names)}", "-of", "json", path)  # fmt: skip
    streams = json.loads(text)["streams"]
    return {name: str(value) for name, value in streams[0].items()} if streams else {}


def decoded_frames(path: Path) -> int:
    """Frames that ffmpeg's command line decodes; any message it has is an error."""
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", str(path), "-map", "0:v:0",
         "-fps_mode", "passthrough", "-f", "framecrc", "-"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert not done.stderr, done.stderr.decode()
    return sum(not line.startswith(b"#") for line in done.stdout.splitlines())


def ssim(
    source: Path, instance: Path, picture: Picture, rate: float, frames: int, stats: Path
) -> Ssim:
    """SSIM of each frame of ``instance`` against the source's frame shown at the same time."""
    times = source_times(source).times
    compare = subprocess.Popen(
        ["ffmpeg", "-nostdin", "-v", "error", "-f", "rawvideo", "-pix_fmt", "yuv420p",
         "-s", f"{picture.width}x{picture.height}", "-r", f"{rate:.9g}", "-i", "pipe:0",
         "-i", str(instance), "-lavfi",
         f"[0:v]settb=1/1000000,setpts=N*1000000[a];[1:v]settb=1/1000000,setpts=N*1000000[b];"
         f"[a][b]ssim=stats_file={stats}:shortest=1", "-f", "null", "-"],
        stdin=subprocess.PIPE,
    )  # fmt: skip
    assert compare.stdin is not None
    try:
        for frame in _shown(times, _raw_frames(source, picture), rate, frames):
            compare.stdin.write(frame)
        compare.stdin.close()
    except BrokenPipeError:
        pass  # the instance ended first; its frame count is checked elsewhere
    assert compare.wait() == 0
    values = [float(line.split("All:")[1].split()[0]) for line in stats.read_text().splitlines()]
    return Ssim(float(np.mean(values)), float(np.percentile(values, 1)), len(values))


def _raw_frames(source: Path, picture: Picture) -> Iterator[bytes]:
    """The source's decoded frames, brought to the instance's size and range, one by one."""
    reader = subprocess.Popen(
        ["ffmpeg", "-nostdin", "-v", "quiet", "-i", str(source), "-map", "0:v:0", "-vf",
         picture.filters, "-fps_mode", "passthrough", "-f", "rawvideo", "-"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    assert reader.stdout is not None
    size = picture.width * picture.height * 3 // 2
    try:
        while len(frame := reader.stdout.read(size)) == size:
            yield frame
    finally:
        reader.kill()
        reader.stdout.close()
        reader.wait()


def _shown(
    times: tuple[float, ...], pictures: Iterator[bytes], rate: float, frames: int
) -> Iterator[bytes]:
    """One picture per frame: the latest whose time, rounded to frames, has come."""
    current = b""
    frame = 0
    for time, picture in zip(times, pictures, strict=False):
        while frame < round((time - times[0]) * rate):
            yield current
            frame += 1
        current = picture
    while frame < frames:
        yield current
        frame += 1


def expected_picture(source: Path, instance: Path) -> Picture:
    """What ffprobe says of both, put into how the one becomes the other."""
    before = stream_entries(source, "width", "height", "color_range", "field_order")
    after = stream_entries(instance, "width", "height")
    width, height = int(after["width"]), int(after["height"])
    return Picture(
        width=width,
        height=height,
        odd_width=width - int(before["width"]) == 1,
        odd_height=height - int(before["height"]) == 1,
        full_range=before.get("color_range") == "pc",
        interlaced=before.get("field_order", "progressive") not in ("progressive", "unknown"),
    )


def container_duration(path: Path) -> float:
    """Seconds, as the container's header says."""
    text = run("ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "json", path)
    return float(json.loads(text)["format"]["duration"])


def seeks(path: Path, to_s: float) -> bool:
    """Whether ffmpeg's command line lands on the last key frame before ``to_s``, and near it."""
    times, keys = [], []
    for time, flags in _packets(path):
        times.append(time)
        if flags.startswith("K"):
            keys.append(time)
    longest_gap = max((b - a for a, b in pairwise(sorted(times))), default=0.0)
    ((landed, _),) = _packets(path, "-read_intervals", f"{to_s}%+#1")
    return (
        landed == max(key for key in keys if key <= to_s)
        and to_s - landed <= KEY_FRAMES_S + longest_gap
    )


def _packets(path: Path, *options: str) -> list[tuple[float, str]]:
    """Time and flags of the first picture stream's packets."""
    text = run("ffprobe", "-v", "error", "-select_streams", "v:0", *options,
               "-show_entries", "packet=pts_time,flags", "-of", "csv=p=0", path)  # fmt: skip
    fields = [line.split(",") for line in text.split()]
    return [(float(time), flags) for time, flags, *_ in fields]
