"""The demonstration counts frames with FFmpeg's command line and believes no broken video."""

from pathlib import Path

import pytest

from cinestow.errors import AlarmRaised
from cinestow_local.demo import count_frames

RECORDED = Path(__file__).parents[1] / "data/recorded"


def test_every_frame_is_counted_once_though_times_vary() -> None:
    assert count_frames(RECORDED / "vp8_opus.webm") == 36


def test_a_video_that_does_not_decode_is_reported(tmp_path: Path) -> None:
    broken = tmp_path / "broken.webm"
    whole = (RECORDED / "vp8_opus.webm").read_bytes()
    broken.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))
    with pytest.raises(AlarmRaised, match="ffmpeg does not decode"):
        count_frames(broken)
