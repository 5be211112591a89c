"""What a child answers, held against what it was asked and against what it wrote.

Its input may have taken it over. Nothing that it cannot honestly say goes on into plans and tables,
where it would break arithmetic far from here.
"""

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from cinestow.media.model import (
    Limits,
    Plan,
    Ratio,
    Recording,
    SoundTrack,
    VideoSegment,
)
from cinestow.media.payload import Payload
from cinestow.media.preview_model import PreviewHead
from cinestow.media.timeline import STANDARD_RATES

_NAME = re.compile(r"[ -~]{0,64}")
_ODD_RATE = re.compile(r"[1-9][0-9]?")
_INTEGERS = 1 << 63
_PERCENTILES = 5
_LONGEST_PARAMETER_SET = 4096
_LONGEST_AUDIO_CONFIG = 64
_LONGEST_PREVIEW_HEAD = 1 << 20
_MOST_CHANNELS = 2
_HIGHEST_PSNR_DB = 100


def is_plausible_recording(found: Recording, limits: Limits) -> bool:
    """Whether an honest probe within ``limits`` can have found this."""
    ratios = (found.sample_aspect, found.time_base, found.frame_interval)
    return (
        all(map(_is_positive, ratios))
        and all(map(_NAME.fullmatch, _names(found)))
        and min(found.width, found.height, found.sizes) > 0
        and found.width * found.height <= limits.pixels_per_frame
        and found.rotation in (0, 90, 180, 270)
        and 1 <= found.frames <= limits.frames
        and -_INTEGERS <= found.first_pts <= found.last_pts < _INTEGERS
        and found.duration <= limits.duration_s
        and len(found.intervals_ms) == (_PERCENTILES if found.frames > 1 else 0)
        and _are_plausible_drops(found)
    )


def is_plausible_video(found: VideoSegment, plan: Plan, segment: int, payload: Payload) -> bool:
    """Whether the table tells of that segment of ``plan``, and of what went into ``payload``."""
    frames, quality = len(found.sizes), found.quality
    end = plan.segments[segment].end
    return (
        (found.width, found.height, found.frame_rate) == (plan.width, plan.height, plan.frame_rate)
        and (frames > 0 if end is None else frames == end - plan.segments[segment].first)
        and sorted(found.decode_order) == list(range(frames))
        and _are_key_samples(found.key_samples, frames)
        and _tells_of(found.sizes, found.bytes, found.sha256, payload)
        and all(0 < len(unit) <= _LONGEST_PARAMETER_SET for unit in (found.sps, found.pps))
        and len(quality.ssim) == len(quality.psnr_db) == frames
        and all(-1 <= ssim <= 1 for ssim in quality.ssim)
        and all(0 <= psnr <= _HIGHEST_PSNR_DB for psnr in quality.psnr_db)
        and min(quality.frames_in, quality.dropped, quality.duplicated) >= 0
    )


def is_plausible_sound(found: SoundTrack | None, payloads: Sequence[Payload]) -> bool:
    """Whether the tables tell of what went into ``payloads``."""
    if found is None:
        return not any(payload.bytes for payload in payloads)
    return (
        len(found.segments) == len(payloads)
        and all(
            _tells_of(segment.sizes, segment.bytes, segment.sha256, payload)
            for segment, payload in zip(found.segments, payloads, strict=True)
        )
        and 1 <= found.channels <= _MOST_CHANNELS
        and all(
            0 <= number < 1 << 32
            for number in (found.sample_rate, found.bit_rate, found.priming, found.samples)
        )
        and found.sample_rate > 0
        and len(found.audio_specific_config) <= _LONGEST_AUDIO_CONFIG
    )


def is_plausible_preview(found: PreviewHead, payload: Payload) -> bool:
    """Whether the head goes in front of what went into ``payload``."""
    return (
        found.body_bytes == payload.bytes
        and 0 < len(found.head) <= _LONGEST_PREVIEW_HEAD
        and min(found.frames, found.width, found.height) > 0
        and math.isfinite(found.duration_s)
    )


def _is_positive(ratio: Ratio) -> bool:
    return 0 < ratio.num < _INTEGERS and 0 < ratio.den < _INTEGERS


def _names(found: Recording) -> list[str]:
    names = [found.container, found.codec, found.profile, found.pixel_format]
    return [*names, found.sound.codec] if found.sound else names


def _are_plausible_drops(found: Recording) -> bool:
    standard = {str(rate) for rate in STANDARD_RATES}
    others = found.drops_by_rate.keys() - standard
    return (
        standard <= found.drops_by_rate.keys()
        and len(others) <= 1
        and all(map(_ODD_RATE.fullmatch, others))
        and all(0 <= drops < found.frames for drops in found.drops_by_rate.values())
    )


def _are_key_samples(samples: Sequence[int], frames: int) -> bool:
    return (
        samples[:1] == (0,)
        and all(earlier < later for earlier, later in pairwise(samples))
        and samples[-1] < frames
    )


def _tells_of(sizes: Sequence[int], total: int, sha256: str, payload: Payload) -> bool:
    return (
        all(0 < size < 1 << 32 for size in sizes)
        and sum(sizes) == total == payload.bytes
        and sha256 == payload.sha256
    )
