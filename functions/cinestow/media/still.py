"""One picture that stands for a recording (JPEG, PNG), or a short animation of it (GIF)."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from io import BytesIO
from itertools import islice
from typing import Literal

import av
from av.filter import Graph
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.colour import COLOURS
from cinestow.media.graph import Filters, chained, graph_for, ready
from cinestow.media.model import DEFAULT_LIMITS, Limits, Plan, Source
from cinestow.media.picture import converted
from cinestow.media.pictures import decoded, open_at
from cinestow.media.preview import of_recording, preview_plan
from cinestow.media.preview_model import PreviewSettings
from cinestow.media.probe import probe

CANDIDATES = 9
"""Places, evenly spread, at which a picture is looked at."""
JPEG_QUANTISER = 3
"""1 (best) to 31."""
ANIMATION_SETTINGS = PreviewSettings(long_edge=480, short_edge=480)
ANIMATION_RATE = 10
"""Frames a second."""
ANIMATION_FRAMES = 100

_FORMATS = {"jpeg": ("mjpeg", "yuvj420p"), "png": ("png", "rgb24")}


def encode_still(
    source: Source, kind: Literal["jpeg", "png"], limits: Limits = DEFAULT_LIMITS
) -> bytes:
    """The picture that shows most, upright and with square pixels, as a file.

    Of pictures spread over the recording the one with the most contrast is taken, so neither a
    black beginning nor an empty end. Raises ``InputRefused`` as ``probe`` does.
    """
    plan = preview_plan(probe(source, limits), PreviewSettings())
    frame = max(_candidates(source, plan, limits), key=_contrast, default=None)
    if frame is None:
        raise InputRefused(
            RefusalCode.NO_FRAMES,
            "No picture of the video can be decoded; send it again from the original.",
        )
    codec, pixel_format = _FORMATS[kind]
    context = av.CodecContext.create(codec, "w")
    assert isinstance(context, VideoCodecContext)
    context.width, context.height, context.pix_fmt = frame.width, frame.height, pixel_format
    context.time_base = Fraction(1)
    context.color_range = ColorRange.JPEG
    context.qmin = context.qmax = JPEG_QUANTISER
    picture = _full_range(frame, plan, pixel_format)
    picture.pts, picture.time_base = 0, Fraction(1)
    return b"".join(bytes(packet) for packet in [*context.encode(picture), *context.encode(None)])


def encode_animation(source: Source, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """The first seconds, small and slow, as an animated GIF of bounded size.

    Raises ``InputRefused`` as ``probe`` does.
    """
    plan = preview_plan(probe(source, limits), ANIMATION_SETTINGS)
    output = BytesIO()
    with (
        open_at(source, plan, 0, limits) as container,
        av.open(output, "w", format="gif") as animation,
    ):
        pictures = of_recording(decoded(container, plan, limits), plan.recording)
        frames = list(islice(_slow(converted(pictures, plan)), ANIMATION_FRAMES))
        stream = animation.add_stream("gif", rate=ANIMATION_RATE)
        stream.width, stream.height, stream.pix_fmt = plan.width, plan.height, "pal8"
        stream.codec_context.time_base = Fraction(1, ANIMATION_RATE)
        for index, frame in enumerate(_with_palette(frames, plan)):
            frame.pts, frame.time_base = index, Fraction(1, ANIMATION_RATE)
            animation.mux(stream.encode(frame))
        animation.mux(stream.encode(None))
    return output.getvalue()


def _candidates(source: Source, plan: Plan, limits: Limits) -> Iterator[VideoFrame]:
    """Key frames at evenly spread places; where seeking fails, the first picture again."""
    for place in range(CANDIDATES):
        first = plan.frames * (2 * place + 1) // (2 * CANDIDATES)
        with open_at(source, plan, first, limits) as container:
            pictures = of_recording(decoded(container, plan, limits), plan.recording)
            yield from converted(islice(pictures, 1), plan)


def _contrast(frame: VideoFrame) -> float:
    """Standard deviation of the luma."""
    return float(frame.to_ndarray()[: frame.height].std())


def _full_range(frame: VideoFrame, plan: Plan, pixel_format: str) -> VideoFrame:
    """JFIF (ITU-T T.871) and PNG mean full range; JFIF also BT.601."""
    matrix = COLOURS[plan.recording.matrix].filter_name
    colours = f"in_color_matrix={matrix}:in_range=limited:out_range=full"
    if pixel_format != "rgb24":
        colours += ":out_color_matrix=bt601"
    graph = _configured(frame, [("scale", colours), ("format", pixel_format)])
    graph.push(frame)
    graph.push(None)
    return next(ready(graph))


def _slow(frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
    """Frames at the animation's rate."""
    graph: Graph | None = None
    for frame in frames:
        graph = graph or _configured(frame, [("fps", f"fps={ANIMATION_RATE}")])
        graph.push(frame)
        yield from ready(graph)
    if graph is not None:
        graph.push(None)
        yield from ready(graph)


def _configured(frame: VideoFrame, filters: Filters) -> Graph:
    graph, entry = graph_for(frame)
    chained(graph, entry, [*filters, ("buffersink", "")])
    graph.configure()
    return graph


def _with_palette(frames: list[VideoFrame], plan: Plan) -> Iterator[VideoFrame]:
    """All frames in the one palette that suits them best."""
    if not frames:
        return
    matrix = COLOURS[plan.recording.matrix].filter_name
    graph, entry = graph_for(frames[0])
    colours = f"in_color_matrix={matrix}:in_range=limited:out_range=full"
    split = chained(graph, entry, [("scale", colours), ("format", "rgb24"), ("split", "")])
    palette, use = graph.add("palettegen"), graph.add("paletteuse")
    split.link_to(use, 0, 0)
    split.link_to(palette, 1, 0)
    palette.link_to(use, 0, 1)
    use.link_to(graph.add("buffersink"))
    graph.configure()
    for frame in frames:
        graph.push(frame)
    graph.push(None)
    yield from ready(graph)
