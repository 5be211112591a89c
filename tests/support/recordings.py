"""Recordings for tests: the bundled ones, made ones, and recordings that exist on paper only."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from cinestow.media.model import DEFAULT_LIMITS, Limits, Recording, ratio
from cinestow.media.probe import probe
from cinestow.media.source import FileSource
from cinestow.media.timeline import (
    candidate_rates,
    interval_percentiles_ms,
    median_interval,
    shared_slots,
)

RECORDED = Path(__file__).parents[1] / "data" / "recorded"


class BytesSource:
    """A source in memory that notes the ranges read."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self.reads: list[tuple[int, int]] = []
        self._data = data

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        return self._data[offset : offset + length]


def probed(path: Path, limits: Limits = DEFAULT_LIMITS) -> Recording:
    with FileSource(path) as source:
        return probe(source, limits)


def recording_at(times: Sequence[int], time_base: Fraction, **changes: Any) -> Recording:
    """A 640 x 480 recording whose pictures come at ``times``, with ``changes``."""
    rates = candidate_rates(times, time_base)
    recording = Recording(
        container="matroska",
        stream_index=0,
        codec="vp8",
        profile="",
        width=640,
        height=480,
        sizes=1,
        sample_aspect=ratio(Fraction(1)),
        rotation=0,
        flipped=False,
        pixel_format="yuv420p",
        full_range=False,
        matrix="bt601",
        alpha=False,
        interlaced=False,
        top_field_first=False,
        frames=len(times),
        time_base=ratio(time_base),
        first_pts=times[0],
        last_pts=times[-1],
        frame_interval=ratio(median_interval(times, time_base) or Fraction(1, 25)),
        intervals_ms=interval_percentiles_ms(times, time_base),
        drops_by_rate={str(rate): shared_slots(times, time_base, rate) for rate in rates},
        sound=None,
        truncated=False,
    )
    return replace(recording, **changes)
