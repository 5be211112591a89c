"""What is asked of a preview, and what comes of it: free of codecs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PreviewSettings:
    """How a preview looks."""

    crf: int = 34
    """VP9's constant quality, 0 (best) to 63."""
    title: str = ""
    """Shown by players; never anything about a patient unless a person typed it."""
    long_edge: int = 1920
    short_edge: int = 1080
    """A larger picture is made smaller to fit; a smaller one keeps its size."""


@dataclass(frozen=True)
class PreviewHead:
    """What goes in front of the pieces that were handed to the sink, and what the whole is."""

    head: bytes
    body_bytes: int
    frames: int
    duration_s: float
    width: int
    height: int
