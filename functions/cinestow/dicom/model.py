"""What the pipeline tells about a finished bit stream and about who the instance is."""

from dataclasses import dataclass
from fractions import Fraction

from pydicom.uid import UID


@dataclass(frozen=True)
class LossyStep:
    """One lossy compression that the pictures went through (PS3.3 C.7.6.1.1.5)."""

    ratio: float
    """Bytes before, as 4:2:0 pictures of 8 bits, per byte after."""
    method: str
    """Lossy Image Compression Method, see ``lossy.method``."""


@dataclass(frozen=True)
class BitStream:
    """An encoded video with its sound, as it stands in Pixel Data."""

    transfer_syntax: UID
    rows: int
    columns: int
    frames: int
    frame_time_ms: Fraction
    bytes: int
    """Length of the encapsulated bit stream, without padding."""
    sound_channels: int
    """0: no sound, 1: mono, 2: stereo."""
    lossy: tuple[LossyStep, ...]
    """Oldest first: the recording's own compression, then the one that made this stream."""

    @property
    def duration_s(self) -> Fraction:
        """Frames times frame time, in seconds."""
        return self.frames * self.frame_time_ms / 1000


@dataclass(frozen=True)
class Identity:
    """The UIDs of a new instance."""

    sop_instance: UID
    study: UID
    series: UID
