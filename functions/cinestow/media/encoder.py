"""The H.264 encoder: frames in, MP4 samples out, settings as DICOM's transfer syntaxes demand."""

from collections.abc import Iterator
from fractions import Fraction

import av
from av.codec.context import Flags
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange

from cinestow.media.colour import COLOURS
from cinestow.media.model import Plan
from cinestow.media.picture import PIXEL_FORMAT

PRESET = "veryfast"
CRF = 18
"""Near transparent: what a diagnosis may rest on."""
KEY_INTERVAL = 60
BUFFER_BITS = 62_500_000
"""Highest bit rate and buffer of High Profile at level 4.1 and 4.2 (ITU-T H.264 table A-1)."""
THREADS = 3

_LEVELS = {"MPEG4HP41": "4.1", "MPEG4HP422D": "4.2"}
_X264 = {
    "nal-hrd": "vbr",
    "aud": "1",
    "force-cfr": "1",
    "stitchable": "1",
    "open-gop": "0",
    "keyint": str(KEY_INTERVAL),
}


class Encoder:
    """x264 in a bare codec context: Annex B packets, their ``pts`` counting frames from 0."""

    def __init__(self, plan: Plan) -> None:
        self._context = _context(plan)

    @property
    def parameter_sets(self) -> bytes:
        """SPS and PPS as a byte stream; no packet repeats them."""
        return bytes(self._context.extradata or b"")

    def encode(self, frame: VideoFrame | None) -> Iterator["Packet[Stream]"]:
        """The packets that ``frame`` completes; None drains the encoder."""
        if frame is not None:
            frame.pict_type = PictureType.NONE
        return self._context.encode_lazy(frame)


def _context(plan: Plan) -> VideoCodecContext:
    context = av.CodecContext.create("libx264", "w")
    assert isinstance(context, VideoCodecContext)
    colour = COLOURS[plan.recording.matrix]
    context.width, context.height, context.pix_fmt = plan.width, plan.height, PIXEL_FORMAT
    context.framerate = plan.frame_rate.value
    context.time_base = 1 / plan.frame_rate.value
    context.sample_aspect_ratio = Fraction(1)
    context.color_range = ColorRange.MPEG
    context.color_primaries, context.color_trc, context.colorspace = colour.codes
    context.thread_type = "FRAME"
    context.thread_count = THREADS
    context.flags |= Flags.global_header | Flags.closed_gop
    context.options = {
        "preset": PRESET,
        "crf": str(CRF),
        "profile": "high",
        "level": _LEVELS[plan.transfer_syntax],
        "maxrate": str(BUFFER_BITS),
        "bufsize": str(BUFFER_BITS),
        "a53cc": "0",
        "x264-params": ":".join(f"{name}={value}" for name, value in _X264.items()),
    }
    context.open()
    return context
