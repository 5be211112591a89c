"""What a recording's pictures look like: size, orientation, colour, interlacing."""

import math
import struct
from dataclasses import dataclass
from fractions import Fraction

import av
from av.filter import Graph
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from cinestow.media.model import Matrix, Ratio, ratio

_MATRICES: dict[int, Matrix] = {
    1: "bt709",
    4: "bt601",
    5: "bt601",
    6: "bt601",
    9: "bt2020",
    10: "bt2020",
}
"""Matrix coefficients of ITU-T H.273 that are told apart."""
_HDR_TRANSFERS = {16: "PQ (HDR10, Dolby Vision)", 18: "HLG"}
"""Transfer characteristics of ITU-T H.273 whose light does not fit a standard dynamic range."""
_HD_ROWS = 720
"""Pictures from here up that do not say otherwise use BT.709."""
_SANE_ASPECT = (Fraction(1, 8), Fraction(8))


@dataclass(frozen=True)
class Claims:
    """What the container says of the pictures; to be read before anything is decoded.

    It is trusted over the decoder: VP8's decoder calls the full-range pictures of browsers
    limited.
    """

    color_range: int
    matrix: int
    transfer: int
    alpha: bool
    sample_aspect: Ratio


@dataclass(frozen=True)
class Colour:
    """How the samples of a picture are meant."""

    pixel_format: str
    full_range: bool
    matrix: Matrix
    alpha: bool


def claims_of(stream: VideoStream) -> Claims:
    """What the container says of ``stream``, before its decoder is opened."""
    aspect = stream.sample_aspect_ratio or Fraction(1)
    low, high = _SANE_ASPECT
    return Claims(
        color_range=stream.codec_context.color_range,
        matrix=stream.codec_context.colorspace,
        transfer=stream.codec_context.color_trc,
        alpha=stream.metadata.get("alpha_mode") == "1",
        sample_aspect=ratio(aspect if low <= aspect <= high else Fraction(1)),
    )


def colour_of(picture: VideoFrame, claims: Claims) -> Colour:
    """The container's word where it says something, else the decoder's, else by convention."""
    form = picture.format
    said = claims.color_range or picture.color_range
    full = said == ColorRange.JPEG or form.name.startswith("yuvj") or form.is_rgb
    convention: Matrix = "bt709" if picture.height >= _HD_ROWS else "bt601"
    found = _MATRICES.get(claims.matrix) or _MATRICES.get(int(picture.colorspace))
    return Colour(
        pixel_format=form.name,
        full_range=full,
        matrix=found or convention,
        alpha=claims.alpha or any(component.is_alpha for component in form.components),
    )


def high_dynamic_range_of(picture: VideoFrame, claims: Claims) -> str | None:
    """Name of the high dynamic range that the container or the decoder speaks of, if any."""
    return _HDR_TRANSFERS.get(claims.transfer) or _HDR_TRANSFERS.get(picture.color_trc)


def orientation_of(picture: VideoFrame) -> tuple[int, bool]:
    """Degrees clockwise to turn ``picture``, and whether to mirror it left to right before.

    From the display matrix (ISO/IEC 14496-12 section 6.2.2), to the nearest quarter turn.
    """
    data = picture.side_data.get("DISPLAYMATRIX")
    if not isinstance(data, SideData):
        return 0, False
    a, b, _, c, d, *_ = struct.unpack("<9i", bytes(data))
    flipped = a * d - b * c < 0
    sign = -1 if flipped else 1
    turns = round(math.atan2(sign * b, sign * a) / (math.pi / 2))
    return turns % 4 * 90, flipped


def is_top_field_first(picture: VideoFrame) -> bool:
    """Whether the upper field of an interlaced ``picture`` comes first.

    libavfilter reads the picture's own flag; the stream's field order is wrong for H.264.
    """
    graph = Graph()
    graph.link_nodes(
        graph.add_buffer(
            width=picture.width,
            height=picture.height,
            format=picture.format,
            time_base=picture.time_base,
        ),
        graph.add("select", "eq(interlace_type,TOPFIRST)"),
        graph.add("buffersink"),
    ).configure()
    graph.push(picture)
    graph.push(None)
    try:
        graph.pull()
    except (av.error.EOFError, av.error.BlockingIOError):
        return False
    return True
