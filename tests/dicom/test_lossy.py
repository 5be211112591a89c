"""Lossy compression in DICOM's terms."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinestow.dicom.lossy import method, ratio


@pytest.mark.parametrize(
    ("codec", "term"),
    [
        ("h264", "ISO_14496_10"),
        ("hevc", "ISO_23008_2"),
        ("mpeg2video", "ISO_13818_2"),
        ("mjpeg", "ISO_10918_1"),
        ("vp8", "VP8"),
        ("av1", "AV1"),
        ("ffv1", None),
    ],
)
def test_method(codec: str, term: str | None) -> None:
    assert method(codec) == term


@given(st.text(min_size=1))
def test_any_codec_has_a_method_that_is_a_code_string(codec: str) -> None:
    term = method(codec)
    assert term is None or re.fullmatch("[A-Z0-9_]{1,16}", term)


def test_ratio_of_720p30_at_5_megabits() -> None:
    assert ratio(720, 1280, 30, 5_000_000 // 8) == pytest.approx(66.4, abs=0.1)
