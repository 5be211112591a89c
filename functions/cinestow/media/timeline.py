"""Which output frame shows a picture: the one mapping from presentation time to slot.

Every stage uses it, so probe, plan and transcode agree on frames, drops and duration.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from statistics import median_low

STANDARD_RATES = (
    Fraction(10),
    Fraction(25, 2),
    Fraction(15),
    Fraction(20),
    Fraction(24000, 1001),
    Fraction(24),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(30),
    Fraction(40),
    Fraction(48),
    Fraction(50),
    Fraction(60000, 1001),
    Fraction(60),
)
"""Frame rates that players expect."""

_PERCENTILES = (0, 5, 50, 95, 100)


def slot_of(pts: int, time_base: Fraction, first_pts: int, rate: Fraction) -> int:
    """The output frame (0-based) nearest to ``pts`` at ``rate`` frames per second.

    ``pts`` and ``first_pts`` are in ``time_base`` seconds. Halves go up. Negative before
    ``first_pts``. Of several pictures in one slot the last one shows; an empty slot repeats the
    picture before it.
    """
    slots = 2 * time_base * rate
    return ((pts - first_pts) * slots.numerator + slots.denominator) // (2 * slots.denominator)


def shared_slots(times: Sequence[int], time_base: Fraction, rate: Fraction) -> int:
    """How many pictures share a slot with a later one; ``times`` rise from the first picture's."""
    slots = 2 * time_base * rate
    scale, half, whole = slots.numerator, slots.denominator, 2 * slots.denominator
    first = times[0]
    taken = (((pts - first) * scale + half) // whole for pts in times)
    return sum(earlier == later for earlier, later in pairwise(taken))


def candidate_rates(times: Sequence[int], time_base: Fraction) -> tuple[Fraction, ...]:
    """Rates that may suit ``times``: the standard ones and the whole rate nearest to the mean."""
    span = (times[-1] - times[0]) * time_base
    mean = round((len(times) - 1) / span) if span else 0
    odd = {Fraction(mean)} if 1 <= mean <= max(STANDARD_RATES) else set()
    return tuple(sorted({*STANDARD_RATES, *odd}))


def median_interval(times: Sequence[int], time_base: Fraction) -> Fraction | None:
    """Median distance of two pictures in seconds; those at the same time do not count."""
    distances = [later - earlier for earlier, later in pairwise(times) if later > earlier]
    return median_low(distances) * time_base if distances else None


def interval_percentiles_ms(times: Sequence[int], time_base: Fraction) -> tuple[int, ...]:
    """Percentiles 0, 5, 50, 95, 100 of the distance of two pictures; none of a lone picture."""
    distances = sorted(later - earlier for earlier, later in pairwise(times))
    if not distances:
        return ()
    last = len(distances) - 1
    return tuple(round(distances[last * p // 100] * time_base * 1000) for p in _PERCENTILES)
