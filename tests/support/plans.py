"""Plans made by hand from what FFmpeg's tools say of a file, for tests of the transcoder alone."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from cinestow.media.model import Limits, Plan, Ratio, Recording, SegmentPlan, Sound, ratio
from cinestow.media.plan import plan
from cinestow.media.probe import probe as probe_recording
from cinestow.media.source import FileSource
from support.ffmpeg import probe

_MATRICES = {"bt709": "bt709", "smpte170m": "bt601", "bt470bg": "bt601", "bt2020nc": "bt2020"}


def recording_of(path: Path, **changes: Any) -> Recording:
    """A file's recording as ffprobe sees it, with ``changes``."""
    streams = probe(path, "-show_streams")["streams"]
    video = next(stream for stream in streams if stream["codec_type"] == "video")
    sound = next((stream for stream in streams if stream["codec_type"] == "audio"), None)
    packets = probe(path, "-select_streams", str(video["index"]), "-show_packets")["packets"]
    times = sorted(packet["pts"] for packet in packets if "pts" in packet)
    time_base = Fraction(video["time_base"])
    steps = sorted(after - before for before, after in pairwise(times))
    recording = replace(
        progressive_recording(video["width"], video["height"]),
        stream_index=video["index"],
        codec=video["codec_name"],
        sample_aspect=ratio(Fraction(video.get("sample_aspect_ratio", "1").replace(":", "/"))),
        pixel_format=video["pix_fmt"],
        full_range=video.get("color_range") == "pc",
        matrix=_MATRICES.get(video.get("color_space", ""), "bt601"),
        frames=len(times),
        time_base=ratio(time_base),
        first_pts=times[0],
        last_pts=times[-1],
        frame_interval=ratio(steps[len(steps) // 2] * time_base),
        sound=_sound(sound),
    )
    return replace(recording, **changes)


def progressive_recording(width: int, height: int) -> Recording:
    """Square, upright, limited-range BT.601 pictures at 30 a second for a minute."""
    return Recording(
        container="",
        stream_index=0,
        codec="rawvideo",
        profile="",
        width=width,
        height=height,
        sizes=1,
        sample_aspect=Ratio(1, 1),
        rotation=0,
        flipped=False,
        pixel_format="yuv420p",
        full_range=False,
        matrix="bt601",
        alpha=False,
        interlaced=False,
        top_field_first=True,
        frames=1800,
        time_base=Ratio(1, 30),
        first_pts=0,
        last_pts=1799,
        frame_interval=Ratio(1, 30),
        intervals_ms=(33, 33, 33, 33, 33),
        drops_by_rate={},
        sound=None,
        truncated=False,
    )


def _sound(stream: dict[str, Any] | None) -> Sound | None:
    if stream is None:
        return None
    return Sound(
        stream["index"], stream["codec_name"], int(stream["sample_rate"]), stream["channels"]
    )


def planned(path: Path) -> Plan:
    """The plan that the pipeline would make."""
    with FileSource(path) as source:
        return plan(probe_recording(source, Limits()))


def plan_of(
    recording: Recording,
    rate: Fraction = Fraction(30),
    size: tuple[int, int] | None = None,
    cuts: tuple[int, ...] = (),
) -> Plan:
    """A plan for ``recording``: its own size made even, segments starting at ``cuts`` too."""
    columns, rows = size or (recording.width + 1 & ~1, recording.height + 1 & ~1)
    starts = (0, *cuts)
    ends = (*cuts, None)
    return Plan(
        action="transcode",
        why="a test",
        transfer_syntax="MPEG4HP41",
        recording=recording,
        width=columns,
        height=rows,
        frame_rate=ratio(rate),
        frames=round(recording.duration * rate),
        segments=tuple(SegmentPlan(first, end) for first, end in zip(starts, ends, strict=True)),
    )
