from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinestow.media.timeline import (
    STANDARD_RATES,
    candidate_rates,
    interval_percentiles_ms,
    median_interval,
    shared_slots,
    slot_of,
)

MS = Fraction(1, 1000)
times = st.lists(st.integers(0, 100_000), min_size=1, max_size=60).map(sorted)
rates = st.sampled_from(STANDARD_RATES)


@pytest.mark.parametrize(
    ("pts", "first", "rate", "slot"),
    [
        (0, 0, Fraction(30), 0),
        (33, 0, Fraction(30), 1),
        (16, 0, Fraction(30), 0),
        (17, 0, Fraction(30), 1),
        (50, 0, Fraction(10), 1),
        (1033, 1000, Fraction(30), 1),
        (967, 1000, Fraction(30), -1),
        (-967, -1000, Fraction(30), 1),
    ],
)
def test_slot_is_the_nearest_and_halves_go_up(
    pts: int, first: int, rate: Fraction, slot: int
) -> None:
    assert slot_of(pts, MS, first, rate) == slot


def test_no_slot_drifts_in_six_hours_of_ntsc() -> None:
    rate = Fraction(30000, 1001)
    for frame in range(0, 6 * 3600 * 30, 997):
        pts = round(frame / rate * 90000)
        assert slot_of(pts, Fraction(1, 90000), 0, rate) == frame


@given(times, rates)
def test_slots_never_go_back_and_count_what_is_shared(pts: list[int], rate: Fraction) -> None:
    slots = [slot_of(time, MS, pts[0], rate) for time in pts]
    assert slots == sorted(slots)
    assert shared_slots(pts, MS, rate) == len(pts) - len(set(slots))


@given(times, rates)
def test_no_picture_is_moved_by_more_than_half_a_frame(pts: list[int], rate: Fraction) -> None:
    for time in pts:
        shown = slot_of(time, MS, pts[0], rate) / rate
        assert abs(shown - (time - pts[0]) * MS) <= 1 / (2 * rate)


def test_candidates_hold_the_whole_rate_nearest_to_the_mean() -> None:
    assert Fraction(7) in candidate_rates(range(0, 7000, 143), MS)
    assert candidate_rates([5], MS) == STANDARD_RATES
    assert max(candidate_rates(range(100), MS)) == 60


def test_intervals_of_pictures() -> None:
    assert median_interval([0, 40, 40, 80, 1000], MS) == Fraction(40, 1000)
    assert median_interval([7], MS) is None
    assert interval_percentiles_ms([0, 40, 40, 80, 1000], MS) == (0, 0, 40, 40, 920)
    assert interval_percentiles_ms([7], MS) == ()
