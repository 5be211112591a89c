"""Lossy compression in DICOM's terms: the method's name and the ratio (PS3.3 C.7.6.1.1.5)."""

import re

_METHODS = {
    "h264": "ISO_14496_10",
    "hevc": "ISO_23008_2",
    "mjpeg": "ISO_10918_1",
    "mpeg1video": "ISO_11172_2",
    "mpeg2video": "ISO_13818_2",
    "mpeg4": "ISO_14496_2",
}
_LOSSLESS = frozenset({"ffv1", "huffyuv", "ffvhuff", "png", "rawvideo", "utvideo", "v210"})
_BYTES_PER_PIXEL = 1.5


def method(codec: str) -> str | None:
    """Lossy Image Compression Method of a codec by FFmpeg's name; None for a lossless one.

    Defined Terms may be extended: a codec without one (VP8, VP9, AV1) goes by its own name, so
    that each ratio keeps its method.
    """
    if codec in _LOSSLESS:
        return None
    return _METHODS.get(codec) or re.sub(r"[^A-Z0-9_]", "_", codec.upper())[:16]


def ratio(rows: int, columns: int, frames: int, compressed_bytes: int) -> float:
    """Size of the pictures as 8 bit 4:2:0 (what the encoder takes in) per compressed byte."""
    return rows * columns * frames * _BYTES_PER_PIXEL / compressed_bytes
