"""Plain data that the media modules hand to each other and to the pipeline.

Everything here survives JSON (``msgspec.json``): it crosses the process boundary to the limited
child and lies in buckets between the stages. Times are exact: a rational as two integers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, Protocol

Matrix = Literal["bt601", "bt709", "bt2020"]
"""Colour matrices that are told apart (ITU-T H.273)."""

TransferSyntax = Literal["MPEG4HP41", "MPEG4HP422D"]
"""Those that are written, by pydicom's keyword."""

Sink = Callable[[bytes], object]
"""Takes the next piece of an output, in order."""


class Source(Protocol):
    """Random access to the bytes of one immutable object."""

    @property
    def size(self) -> int:
        """Length in bytes."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; fewer only where the object ends."""
        ...


@dataclass(frozen=True)
class Limits:
    """What a child process may use before the input is refused."""

    wall_s: float = 540.0
    cpu_s: int = 1000
    memory_mib: int = 928
    """Memory that it may write to, its threads' stacks included: with its parent it fits 1 GiB."""
    pixels_per_frame: int = 8192 * 4320
    frames: int = 2_000_000
    duration_s: float = 6 * 3600.0
    output_bytes: int = 32 << 30
    """Over all outputs; 70 minutes at the highest bit rate that level 4.2 has."""


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Ratio:
    """An exact rational number; never zero in the denominator."""

    num: int
    den: int

    @property
    def value(self) -> Fraction:
        """As a ``Fraction``."""
        return Fraction(self.num, self.den)


def ratio(value: Fraction) -> Ratio:
    """The lowest terms of ``value``."""
    return Ratio(value.numerator, value.denominator)


@dataclass(frozen=True)
class Sound:
    """The sound stream of a recording, as probed."""

    stream_index: int
    codec: str
    sample_rate: int
    channels: int


@dataclass(frozen=True)
class Recording:
    """What a recording really is, seen by reading its packets and decoding its key frames."""

    container: str
    """FFmpeg's short name of the demuxer, such as ``matroska`` or ``mov``."""
    stream_index: int
    codec: str
    profile: str
    width: int
    """Largest decoded width in pixels, before rotation and sample aspect are applied."""
    height: int
    sizes: int
    """How many different picture sizes the key frames have."""
    sample_aspect: Ratio
    rotation: int
    """Degrees clockwise to turn the picture for display: 0, 90, 180 or 270."""
    flipped: bool
    """Mirrored left to right, before the rotation."""
    pixel_format: str
    full_range: bool
    matrix: Matrix
    alpha: bool
    interlaced: bool
    top_field_first: bool
    frames: int
    """Pictures with a presentation time."""
    time_base: Ratio
    first_pts: int
    """Presentation time of the first picture that decodes, in ``time_base``."""
    last_pts: int
    frame_interval: Ratio
    """Median distance of two pictures, in seconds."""
    intervals_ms: tuple[int, ...]
    """Percentiles 0, 5, 50, 95, 100 of the distance of two pictures, in ms, rounded."""
    drops_by_rate: dict[str, int]
    """Per candidate frame rate (``30000/1001``): pictures that would share a slot with another."""
    sound: Sound | None
    truncated: bool
    """The file ends before its own structure says it should."""

    @property
    def duration(self) -> Fraction:
        """Last presentation time - first + one frame, in seconds."""
        span = (self.last_pts - self.first_pts) * self.time_base.value
        return span + self.frame_interval.value


@dataclass(frozen=True)
class SegmentPlan:
    """A run of output frames: slots ``first`` up to, not including, ``end``."""

    first: int
    end: int | None
    """None: up to the last picture that decodes."""


@dataclass(frozen=True)
class Plan:
    """All that is decided before the first picture is encoded."""

    action: Literal["transcode"]
    why: str
    transfer_syntax: TransferSyntax
    recording: Recording
    width: int
    """Output columns: even, square pixels, upright."""
    height: int
    frame_rate: Ratio
    frames: int
    """Output frames expected; the tables hold what came out."""
    segments: tuple[SegmentPlan, ...]


@dataclass(frozen=True)
class Quality:
    """What was encoded, decoded again, against what went into the encoder; one value per frame."""

    ssim: tuple[float, ...]
    psnr_db: tuple[float, ...]
    """Capped at 100 dB (identical frames)."""
    frames_in: int
    """Pictures decoded from the recording."""
    dropped: int
    """Pictures that no output frame shows."""
    duplicated: int
    """Output frames that show the same picture as the frame before."""


@dataclass(frozen=True)
class VideoSegment:
    """Table of one encoded segment; its payload is what stands inside an MP4 ``mdat``.

    Samples are length-prefixed (4 bytes) NAL units without parameter sets. ``decode_order[i]`` is
    the presentation index (0-based in the segment) of the i-th sample.
    """

    width: int
    height: int
    frame_rate: Ratio
    sizes: tuple[int, ...]
    decode_order: tuple[int, ...]
    key_samples: tuple[int, ...]
    sps: bytes
    pps: bytes
    bytes: int
    sha256: str
    quality: Quality


@dataclass(frozen=True)
class SoundSegment:
    """Table of the sound beside one video segment; its payload is raw AAC access units."""

    sizes: tuple[int, ...]
    bytes: int
    sha256: str


@dataclass(frozen=True)
class SoundTrack:
    """AAC-LC sound of the whole recording, cut into one payload per video segment."""

    sample_rate: int
    channels: int
    bit_rate: int
    priming: int
    """Samples at the front that the player must throw away (MP4 edit list)."""
    samples: int
    """Samples to be heard, per channel: without the priming and the last unit's padding."""
    audio_specific_config: bytes
    segments: tuple[SoundSegment, ...]
