from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinestow.media.model import ratio
from cinestow.media.plan import LEVEL_41, LEVEL_42, plan
from cinestow.media.timeline import slot_of
from support.recordings import recording_at

MS = Fraction(1, 1000)
CLOCK = Fraction(1, 90000)
SMOOTH = range(0, 4000, 40)


def even(rate: Fraction, frames: int, time_base: Fraction = CLOCK) -> list[int]:
    return [round(frame / rate / time_base) for frame in range(frames)]


@pytest.mark.parametrize("time_base", [MS, CLOCK])
@pytest.mark.parametrize(
    "rate",
    [Fraction(n) for n in (1, 7, 10, 12, 15, 20, 24, 25, 29, 30, 50, 60)]
    + [Fraction(25, 2), Fraction(30000, 1001), Fraction(60000, 1001)],
)
def test_a_constant_rate_is_kept(rate: Fraction, time_base: Fraction) -> None:
    made = plan(recording_at(even(rate, 300, time_base), time_base))
    assert (made.frame_rate.value, made.frames) == (rate, 300)
    assert "constant" in made.why


def test_24_and_23_976_are_told_apart_by_length() -> None:
    film = Fraction(24000, 1001)
    assert plan(recording_at(even(film, 2000, MS), MS)).frame_rate.value == film


def test_a_gap_stays_a_gap() -> None:
    times = [*range(0, 1000, 40), *range(11000, 12000, 40)]
    made = plan(recording_at(times, MS))
    assert made.frame_rate.value == 25
    assert made.frames == 300


def test_the_rate_doubles_until_pictures_part() -> None:
    times = [time for start in range(0, 3000, 100) for time in (start, start + 33, start + 48)]
    made = plan(recording_at(times, MS))
    assert made.recording.drops_by_rate["30"] > 0
    assert made.frame_rate.value == 60
    assert made.recording.drops_by_rate["60"] == 0


def test_pictures_at_the_same_time_do_not_double_the_rate() -> None:
    made = plan(recording_at(sorted([*range(0, 4000, 40), 400, 800, 1200]), MS))
    assert made.frame_rate.value == 25
    assert "3 of 103 pictures share" in made.why


def test_one_drop_in_a_thousand_is_tolerated() -> None:
    times = sorted([*range(0, 80000, 40), 410])
    assert plan(recording_at(times, MS)).frame_rate.value == 25
    assert plan(recording_at([t for t in times if t < 20000], MS)).frame_rate.value == 50


def test_faster_than_sixty_becomes_sixty() -> None:
    made = plan(recording_at(even(Fraction(120), 240), CLOCK))
    assert made.frame_rate.value == 60
    assert abs(made.frames - 120) <= 1
    assert f"{made.recording.drops_by_rate['60']} of 240 pictures share" in made.why


@given(st.lists(st.integers(9, 2000), max_size=40))
def test_frames_last_as_long_as_the_recording(distances: list[int]) -> None:
    """Of any rhythm up to 111 pictures a second."""
    times = [5]
    for distance in distances:
        times.append(times[-1] + distance)
    recording = recording_at(times, MS)
    made = plan(recording)
    rate = made.frame_rate.value
    assert abs(made.frames / rate - recording.duration) <= 1 / rate
    assert slot_of(times[-1], MS, times[0], rate) < made.frames
    (segment,) = made.segments
    assert (segment.first, segment.end) == (0, made.frames)


@pytest.mark.parametrize(
    ("changes", "size"),
    [
        ({}, (640, 480)),
        ({"width": 641, "height": 479}, (642, 480)),
        ({"rotation": 90}, (480, 640)),
        ({"rotation": 180}, (640, 480)),
        ({"sample_aspect": ratio(Fraction(4, 3))}, (854, 480)),
        ({"sample_aspect": ratio(Fraction(8, 9)), "width": 720}, (720, 540)),
        ({"sample_aspect": ratio(Fraction(4, 3)), "rotation": 270}, (480, 854)),
        ({"width": 1, "height": 1}, (2, 2)),
        ({"width": 1920, "height": 1080}, (1920, 1080)),
        ({"width": 1080, "height": 1920}, (1080, 1920)),
    ],
)
def test_size_is_upright_square_and_even(changes: dict[str, object], size: tuple[int, int]) -> None:
    made = plan(recording_at(SMOOTH, MS, **changes))
    assert (made.width, made.height) == size


@pytest.mark.parametrize("size", [(3840, 2160), (7680, 4320), (8192, 100), (100, 8192)])
def test_what_level_4_2_cannot_hold_is_scaled(size: tuple[int, int]) -> None:
    made = plan(recording_at(SMOOTH, MS, width=size[0], height=size[1]))
    assert LEVEL_42.holds(made.width, made.height)
    assert made.width * made.height > 0.95 * min(8704 * 256, size[0] * size[1] / 4)
    assert abs(made.width / made.height / (size[0] / size[1]) - 1) < 0.02
    assert "scaled" in made.why


@pytest.mark.parametrize(
    ("size", "rate", "syntax"),
    [
        ((1920, 1080), 30, "MPEG4HP41"),
        ((1920, 1080), 50, "MPEG4HP422D"),
        ((1280, 720), 60, "MPEG4HP41"),
        ((2048, 1088), 25, "MPEG4HP422D"),
        ((4096, 512), 25, "MPEG4HP41"),
        ((4112, 256), 25, "MPEG4HP422D"),
    ],
)
def test_level_4_1_where_it_suffices(size: tuple[int, int], rate: int, syntax: str) -> None:
    times = even(Fraction(rate), 100)
    made = plan(recording_at(times, CLOCK, width=size[0], height=size[1]))
    assert made.transfer_syntax == syntax


def test_levels_are_the_standards() -> None:
    """ITU-T H.264 table A-1 and section A.3.1."""
    assert LEVEL_41.holds_at(1920, 1088, Fraction(30))
    assert not LEVEL_41.holds_at(1920, 1088, Fraction(31))
    assert LEVEL_42.holds_at(2048, 1088, Fraction(60))
    assert not LEVEL_42.holds(4224, 16)


def test_size_changes_are_said() -> None:
    made = plan(recording_at(SMOOTH, MS, sizes=2))
    assert "smaller pictures are scaled" in made.why
