"""All that is decided before the first picture is encoded: frame rate, size, level."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.model import Plan, Recording, SegmentPlan, TransferSyntax, ratio
from cinestow.media.timeline import STANDARD_RATES, slot_of

_TOP_RATE = max(STANDARD_RATES)
_TOLERATED_DROPS = Fraction(1, 1000)
_CLOCK_JITTER_MS = 2
"""Times in whole milliseconds make a constant rhythm look this uneven."""
_MACROBLOCK = 16


@dataclass(frozen=True)
class Level:
    """Limits of an H.264 level (ITU-T H.264 table A-1), and the transfer syntax that names it."""

    transfer_syntax: TransferSyntax
    macroblocks: int
    macroblocks_per_second: int

    def holds(self, width: int, height: int) -> bool:
        """Whether one picture of that size fits (ITU-T H.264 section A.3.1, items f and g)."""
        longest = isqrt(8 * self.macroblocks)
        columns, rows = -(-width // _MACROBLOCK), -(-height // _MACROBLOCK)
        return max(columns, rows) <= longest and columns * rows <= self.macroblocks

    def holds_at(self, width: int, height: int, rate: Fraction) -> bool:
        """Whether pictures of that size fit at ``rate`` a second."""
        per_picture = -(-width // _MACROBLOCK) * -(-height // _MACROBLOCK)
        fits = self.holds(width, height)
        return fits and per_picture * rate <= self.macroblocks_per_second


LEVEL_41 = Level("MPEG4HP41", 8192, 245760)
LEVEL_42 = Level("MPEG4HP422D", 8704, 522240)
"""Holds the largest picture that it allows at 60 frames a second, so no rate is ever halved."""


def plan(recording: Recording, wanted: TransferSyntax | None = None) -> Plan:
    """How ``recording`` becomes H.264 of constant rate: one segment for now.

    ``wanted`` replaces the automatic choice of the transfer syntax. Raises ``InputRefused``
    (``UNSUPPORTED``) when the recording is more than that one holds.
    """
    rate, why_rate = _frame_rate(recording)
    width, height, why_size = _size(recording)
    level = _level(width, height, rate, wanted)
    frames = _frames(recording, rate)
    return Plan(
        action="transcode",
        why="; ".join(
            filter(
                None, [f"{recording.codec} is encoded as H.264 High Profile", why_rate, why_size]
            )
        ),
        transfer_syntax=level.transfer_syntax,
        recording=recording,
        width=width,
        height=height,
        frame_rate=ratio(rate),
        frames=frames,
        segments=(SegmentPlan(first=0, end=frames),),
    )


def _level(width: int, height: int, rate: Fraction, wanted: TransferSyntax | None) -> Level:
    level = LEVEL_41 if LEVEL_41.holds_at(width, height, rate) else LEVEL_42
    if wanted == LEVEL_42.transfer_syntax:
        return LEVEL_42
    if wanted not in (None, level.transfer_syntax):
        raise InputRefused(
            RefusalCode.UNSUPPORTED,
            f"The video is {width} x {height} at {_in_words(rate)}, more than {wanted} holds; "
            f"ask for {level.transfer_syntax}, or leave the choice to us.",
        )
    return level


def _frames(recording: Recording, rate: Fraction) -> int:
    """Frames that last as long as the recording; the last picture stays for its own interval."""
    time_base = recording.time_base.value
    last = slot_of(recording.last_pts, time_base, recording.first_pts, rate)
    return max(last + 1, round(recording.duration * rate))


def _frame_rate(recording: Recording) -> tuple[Fraction, str]:
    drops = {Fraction(rate): shared for rate, shared in recording.drops_by_rate.items()}
    tolerated = drops[_TOP_RATE] + _TOLERATED_DROPS * recording.frames
    constant = _constant_rate(recording, drops)
    if constant is not None and drops[constant] <= tolerated:
        return constant, f"it keeps its constant {_in_words(constant)}"
    rate = next(rate for rate in _ladder(recording) if drops[rate] <= tolerated)
    lost = f"{drops[rate]} of {recording.frames} pictures share a frame with a later one"
    lost = lost if drops[rate] else "every picture has a frame of its own"
    return rate, f"its uneven rhythm is laid on {_in_words(rate)}, where {lost}"


def _constant_rate(recording: Recording, drops: dict[Fraction, int]) -> Fraction | None:
    """The rate that says the recording's length exactly, if its pictures come evenly."""
    if recording.frames < 2 or recording.last_pts == recording.first_pts:
        return None
    if recording.intervals_ms[-1] - recording.intervals_ms[0] > _CLOCK_JITTER_MS:
        return None
    time_base = recording.time_base.value
    span = (recording.last_pts - recording.first_pts) * time_base
    intervals = recording.frames - 1
    nearest = min(drops, key=lambda rate: abs(rate - intervals / span))
    drift = abs(intervals / nearest - span)
    return nearest if drift <= _CLOCK_JITTER_MS * max(time_base, Fraction(1, 1000)) else None


def _ladder(recording: Recording) -> Iterator[Fraction]:
    """The standard rate nearest to the recording's rhythm, then its doubles, then the highest."""
    rhythm = 1 / recording.frame_interval.value
    rate = min(STANDARD_RATES, key=lambda standard: abs(standard - rhythm))
    while rate < _TOP_RATE:
        yield rate
        rate = min((r for r in STANDARD_RATES if r >= 2 * rate), default=_TOP_RATE)
    yield _TOP_RATE


def _size(recording: Recording) -> tuple[int, int, str]:
    """Columns and rows, even, of the largest picture upright with square pixels; and why."""
    width, height = _upright(recording)
    columns, rows = width + width % 2, height + height % 2
    if LEVEL_42.holds(columns, rows):
        changes = recording.sizes > 1
        return columns, rows, "smaller pictures are scaled to the largest" if changes else ""
    columns, rows = _largest_fit(width, height)
    return columns, rows, f"{width} x {height} is more than H.264 level 4.2 holds and is scaled"


def _upright(recording: Recording) -> tuple[int, int]:
    """The side that is too short for square pixels grows: no pixel is lost."""
    aspect = recording.sample_aspect.value
    width = round(recording.width * max(aspect, Fraction(1)))
    height = round(recording.height * max(1 / aspect, Fraction(1)))
    return (height, width) if recording.rotation in (90, 270) else (width, height)


def _largest_fit(width: int, height: int) -> tuple[int, int]:
    """The largest even size of that shape that level 4.2 holds."""
    longest = isqrt(8 * LEVEL_42.macroblocks) * _MACROBLOCK
    for long_side in range(longest, 0, -2):
        scale = Fraction(long_side, max(width, height))
        columns, rows = (max(2, 2 * round(side * scale / 2)) for side in (width, height))
        if LEVEL_42.holds(columns, rows):
            return columns, rows
    raise AssertionError("level 4.2 holds a picture of two pixels")


def _in_words(rate: Fraction) -> str:
    return f"{float(rate):.5g} frames/s"
