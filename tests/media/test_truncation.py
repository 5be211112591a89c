"""Files cut anywhere: told from whole ones, never an error."""

from pathlib import Path

import av
import pytest

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.model import DEFAULT_LIMITS, Recording
from cinestow.media.probe import probe
from support import ffmpeg
from support.recordings import RECORDED, BytesSource

NAMES = sorted(path.name for path in RECORDED.iterdir())
NO_PICTURE_LEFT = {RefusalCode.UNREADABLE, RefusalCode.NO_FRAMES}
NOT_ENOUGH_TO_TELL = 1000
"""Bytes of a transport stream."""
CUTS = [*range(40, 1000, 80), *(n / 23 for n in range(1, 23)), -1, -2, -3, -5, -60]


def probed_or_refused(data: bytes) -> Recording | RefusalCode:
    try:
        return probe(BytesSource(data), DEFAULT_LIMITS)
    except InputRefused as refused:
        return refused.code


def cut(data: bytes, where: float) -> bytes:
    return data[: int(where * len(data)) if isinstance(where, float) else where]


def demand_truncated(data: bytes, frames: int) -> int:
    """Cut everywhere; the number of cuts that left a recording."""
    left = 0
    for where in CUTS:
        found = probed_or_refused(cut(data, where))
        if isinstance(found, Recording):
            left += 1
            assert found.truncated, where
            assert found.frames <= frames
        elif found is RefusalCode.NOT_A_VIDEO:
            assert data[0] == 0x47, where
            assert 0 < where < NOT_ENOUGH_TO_TELL, where
        else:
            assert found in NO_PICTURE_LEFT, where
    return left


@pytest.mark.parametrize("name", NAMES)
def test_cut_anywhere(name: str) -> None:
    data = (RECORDED / name).read_bytes()
    whole = probe(BytesSource(data), DEFAULT_LIMITS)
    assert not whole.truncated
    assert demand_truncated(data, whole.frames) > 20


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("a.avi", ["mjpeg"]),
        ("a.avi", ["libx264"]),
        ("a.mpg", ["mpeg2video"]),
        ("a.ts", ["mpeg2video"]),
        ("a.mp4", ["libx264", "-movflags", "+faststart"]),
        ("a.mkv", ["libx264"]),
    ],
)
def test_other_containers_cut_anywhere(tmp_path: Path, name: str, encoder: list[str]) -> None:
    picture = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25:duration=3")
    sound = ("-f", "lavfi", "-i", "sine=duration=3")
    ffmpeg.run(*picture, *sound, "-c:v", *encoder, tmp_path / name)
    data = (tmp_path / name).read_bytes()
    whole = probe(BytesSource(data), DEFAULT_LIMITS)
    assert not whole.truncated
    assert whole.frames == 75
    assert demand_truncated(data, 75) > 15


def test_a_live_recording_cut_between_blocks_is_a_shorter_one() -> None:
    path = RECORDED / "vp9.webm"
    with av.open(path) as container:
        blocks = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    simple_block_header = 4
    position, size = blocks[60]
    data = path.read_bytes()[: position + simple_block_header + size]
    found = probe(BytesSource(data), DEFAULT_LIMITS)
    assert (found.frames, found.truncated) == (61, False)
    short = probe(BytesSource(data[:-1]), DEFAULT_LIMITS)
    assert (short.frames, short.truncated) == (60, True)


def test_padding_behind_the_end_is_no_damage() -> None:
    data = (RECORDED / "vp9.webm").read_bytes() + bytes(5000)
    found = probe(BytesSource(data), DEFAULT_LIMITS)
    assert (found.frames, found.truncated) == (109, False)
