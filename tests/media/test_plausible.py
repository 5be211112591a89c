"""What no honest child can answer is not believed."""

import hashlib
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from cinestow.media.model import (
    DEFAULT_LIMITS,
    Quality,
    Ratio,
    Sound,
    SoundSegment,
    SoundTrack,
    VideoSegment,
)
from cinestow.media.payload import Payload
from cinestow.media.plausible import (
    is_plausible_preview,
    is_plausible_recording,
    is_plausible_sound,
    is_plausible_video,
)
from cinestow.media.preview_model import PreviewHead
from support.plans import plan_of
from support.recordings import RECORDED, probed, recording_at

HONEST = recording_at(range(0, 3000, 33), Fraction(1, 1000))
DROPS = HONEST.drops_by_rate
PLAN = plan_of(replace(HONEST, frames=3), rate=Fraction(1))
SAMPLES = (b"first", b"second", b"third")


def payload() -> Payload:
    filled = Payload(lambda _: None)
    for sample in SAMPLES:
        filled.add(sample)
    return filled


SIZES = tuple(map(len, SAMPLES))
DIGEST = hashlib.sha256(b"".join(SAMPLES)).hexdigest()
SEGMENT = VideoSegment(
    width=PLAN.width,
    height=PLAN.height,
    frame_rate=PLAN.frame_rate,
    sizes=SIZES,
    decode_order=(0, 2, 1),
    key_samples=(0,),
    sps=b"sps",
    pps=b"pps",
    bytes=sum(SIZES),
    sha256=DIGEST,
    quality=Quality((1.0, 0.9, 0.8), (100.0, 40.0, 30.0), 3, 0, 0),
)
TRACK = SoundTrack(48_000, 2, 192_000, 1024, 2000, b"\x11\x90", (SoundSegment(SIZES, 16, DIGEST),))
HEAD = PreviewHead(b"head", 16, 3, 3.0, 640, 480)


@pytest.mark.parametrize("name", sorted(path.name for path in RECORDED.iterdir()))
def test_honest_recordings_are_believed(name: str) -> None:
    assert is_plausible_recording(probed(RECORDED / name), DEFAULT_LIMITS)


def test_a_lone_picture_is_believed() -> None:
    alone = recording_at([7], Fraction(1, 1000))
    assert is_plausible_recording(alone, DEFAULT_LIMITS)


@pytest.mark.parametrize(
    "lie",
    [
        {"time_base": Ratio(1, 0)},
        {"time_base": Ratio(-1, 1000)},
        {"time_base": Ratio(1 << 64, 1)},
        {"sample_aspect": Ratio(0, 1)},
        {"frame_interval": Ratio(0, 1)},
        {"width": 0},
        {"width": -640, "height": -480},
        {"width": 1 << 40},
        {"sizes": 0},
        {"rotation": 45},
        {"frames": 0},
        {"frames": DEFAULT_LIMITS.frames + 1},
        {"first_pts": 3001},
        {"first_pts": -(1 << 70)},
        {"last_pts": 7 * 3600 * 1000},
        {"intervals_ms": ()},
        {"drops_by_rate": {}},
        {"drops_by_rate": {**DROPS, "1e999999999": 0}},
        {"drops_by_rate": {**DROPS, "0": 0}},
        {"drops_by_rate": {**DROPS, "7": 0, "8": 0}},
        {"drops_by_rate": {**DROPS, "60": -1}},
        {"drops_by_rate": {**DROPS, "60": HONEST.frames}},
        {"codec": "vp8\nforged line"},
        {"profile": "a" * 1000},
        {"sound": Sound(1, "\x1b[2J", 48_000, 2)},
    ],
)
def test_recordings_that_cannot_be(lie: dict[str, Any]) -> None:
    assert is_plausible_recording(HONEST, DEFAULT_LIMITS)
    assert not is_plausible_recording(replace(HONEST, **lie), DEFAULT_LIMITS)


@pytest.mark.parametrize(
    "lie",
    [
        {"width": 1},
        {"frame_rate": Ratio(1, 0)},
        {"sizes": ()},
        {"sizes": (*SIZES, 1)},
        {"sizes": (16, 0, 0)},
        {"bytes": 17},
        {"sha256": "0" * 64},
        {"decode_order": (0, 1)},
        {"decode_order": (0, 1, 1)},
        {"decode_order": (1, 2, 3)},
        {"key_samples": ()},
        {"key_samples": (1,)},
        {"key_samples": (0, 2, 1)},
        {"key_samples": (0, 3)},
        {"sps": b""},
        {"pps": bytes(1 << 20)},
        {"quality": Quality((1.0,), (100.0, 40.0, 30.0), 3, 0, 0)},
        {"quality": Quality((1.0, 0.9, float("inf")), (100.0, 40.0, 30.0), 3, 0, 0)},
        {"quality": Quality((1.0, 0.9, 0.8), (100.0, 40.0, float("nan")), 3, 0, 0)},
        {"quality": Quality((1.0, 0.9, 0.8), (100.0, 40.0, 30.0), -3, 0, 0)},
    ],
)
def test_video_that_was_not_written(lie: dict[str, Any]) -> None:
    plan = replace(PLAN, segments=(replace(PLAN.segments[0], end=3),))
    assert is_plausible_video(SEGMENT, plan, 0, payload())
    assert not is_plausible_video(replace(SEGMENT, **lie), plan, 0, payload())


def test_video_of_another_length_than_planned() -> None:
    plan = replace(PLAN, segments=(replace(PLAN.segments[0], end=4),))
    assert is_plausible_video(SEGMENT, PLAN, 0, payload())
    assert not is_plausible_video(SEGMENT, plan, 0, payload())


@pytest.mark.parametrize(
    "lie",
    [
        {"sample_rate": 0},
        {"channels": 0},
        {"channels": 3},
        {"priming": -1},
        {"samples": 1 << 40},
        {"bit_rate": 1 << 40},
        {"audio_specific_config": bytes(200)},
        {"segments": ()},
        {"segments": (SoundSegment(SIZES, 17, DIGEST),)},
        {"segments": (SoundSegment(SIZES, 16, "0" * 64),)},
        {"segments": (SoundSegment(SIZES, 16, DIGEST), SoundSegment((), 0, DIGEST))},
    ],
)
def test_sound_that_was_not_written(lie: dict[str, Any]) -> None:
    assert is_plausible_sound(TRACK, [payload()])
    assert not is_plausible_sound(replace(TRACK, **lie), [payload()])


def test_no_sound_means_that_none_was_written() -> None:
    assert is_plausible_sound(None, [Payload(lambda _: None)])
    assert not is_plausible_sound(None, [payload()])


@pytest.mark.parametrize(
    "lie",
    [
        {"head": b""},
        {"body_bytes": 15},
        {"frames": 0},
        {"width": -1},
        {"duration_s": float("inf")},
    ],
)
def test_previews_that_were_not_written(lie: dict[str, Any]) -> None:
    assert is_plausible_preview(HEAD, payload())
    assert not is_plausible_preview(replace(HEAD, **lie), payload())
