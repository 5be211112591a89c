"""Pictures as decoded to pictures as encoded: upright, square pixels, 4:2:0, limited range, size.

What the plan says of colour is trusted, not what decoders say: VP8's frames claim limited range
while the container tells the truth.
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.colour import COLOURS
from cinestow.media.graph import Filters, chained, graph_for, ready
from cinestow.media.model import Plan, Recording

PIXEL_FORMAT = "yuv420p"
_EXACT = "flags=bicubic+accurate_rnd+full_chroma_int+full_chroma_inp"
_TURNS: dict[int, Filters] = {
    0: [],
    90: [("transpose", "dir=clock")],
    180: [("hflip", ""), ("vflip", "")],
    270: [("transpose", "dir=cclock")],
}


def converted(pictures: Iterable[VideoFrame], plan: Plan) -> Iterator[VideoFrame]:
    """Each picture as it is encoded, in order, its presentation time kept.

    The filters are made anew when the size or pixel format changes in mid-stream. Raises
    ``InputRefused`` (``UNSUPPORTED``) for a picture that cannot be converted.
    """
    try:
        yield from _converted(pictures, plan)
    except av.error.MemoryError:
        raise
    except av.FFmpegError as error:
        raise InputRefused(
            RefusalCode.UNSUPPORTED,
            "The picture is stored in a way that cannot be converted; convert it to an ordinary "
            "video first, or send it again from the original.",
        ) from error


def _converted(pictures: Iterable[VideoFrame], plan: Plan) -> Iterator[VideoFrame]:
    graph: Graph | None = None
    kind = None
    for picture in pictures:
        found = (picture.width, picture.height, picture.format.name)
        if graph is None or found != kind:
            if graph is not None:
                yield from _rest(graph)
            graph, kind = _graph(picture, plan), found
        graph.push(picture)
        yield from ready(graph)
    if graph is not None:
        yield from _rest(graph)


def fitted(plan: Plan, width: int, height: int) -> tuple[int, int]:
    """Columns and rows that the picture itself takes inside the output.

    A picture of the output's size, or one short of it in either direction, keeps its size. Others
    keep their aspect and touch two edges; their size is even.
    """
    aspect = plan.recording.sample_aspect.value
    if plan.recording.rotation in (90, 270):
        width, height, aspect = height, width, 1 / aspect
    if aspect == 1 and plan.width - width in (0, 1) and plan.height - height in (0, 1):
        return width, height
    shown = width * aspect
    factor = min(plan.width / shown, Fraction(plan.height, height))
    return _even(shown * factor, plan.width), _even(height * factor, plan.height)


def _even(length: Fraction, most: int) -> int:
    return min(max(2 * round(length / 2), 2), most)


def _rest(graph: Graph) -> Iterator[VideoFrame]:
    graph.push(None)
    yield from ready(graph)


def _graph(picture: VideoFrame, plan: Plan) -> Graph:
    columns, rows = fitted(plan, picture.width, picture.height)
    graph, source = graph_for(picture)
    end = chained(graph, source, _conversion(plan.recording, picture.format.name, columns, rows))
    if columns % 2 or rows % 2:
        end = _smeared(graph, end, plan, columns, rows)
    elif (columns, rows) != (plan.width, plan.height):
        end = chained(graph, end, _bars(plan, columns, rows))
    chained(graph, end, [("setsar", "1"), ("buffersink", "")])
    graph.configure()
    return graph


def _conversion(recording: Recording, pixel_format: str, columns: int, rows: int) -> Filters:
    colour = COLOURS[recording.matrix]
    matrix = colour.filter_name
    claimed = "full" if recording.full_range else "limited"
    meant = f"color_primaries={colour.primaries}:color_trc={colour.transfer}"
    matrices = f"in_color_matrix={matrix}:out_color_matrix={matrix}"
    return [
        ("setparams", f"range={claimed}:colorspace={matrix}:{meant}"),
        *_deinterlacing(recording),
        *_flattening(recording, pixel_format),
        *([("hflip", "")] if recording.flipped else []),
        *_TURNS[recording.rotation],
        ("scale", f"w={columns}:h={rows}:out_range=limited:{matrices}:{_EXACT}"),
        ("format", PIXEL_FORMAT),
    ]


def _deinterlacing(recording: Recording) -> Filters:
    if not recording.interlaced:
        return []
    parity = "tff" if recording.top_field_first else "bff"
    return [("bwdif", f"mode=send_frame:parity={parity}:deint=all")]


def _flattening(recording: Recording, pixel_format: str) -> Filters:
    """Straight alpha over black, which is what is left when alpha is then dropped."""
    components = VideoFormat(pixel_format).components
    if recording.alpha and any(component.is_alpha for component in components):
        # Called straight again, or libavfilter would convert the alpha mode behind ``format``.
        return [("premultiply", "inplace=1"), ("setparams", "alpha_mode=straight")]
    return []


def _bars(plan: Plan, columns: int, rows: int) -> Filters:
    left, top = (plan.width - columns) // 4 * 2, (plan.height - rows) // 4 * 2
    return [("pad", f"w={plan.width}:h={plan.height}:x={left}:y={top}:color=black")]


def _smeared(
    graph: Graph, odd: FilterContext, plan: Plan, columns: int, rows: int
) -> FilterContext:
    """The last column or row of luma once more; that of chroma is whole already.

    Plane by plane, because ``pad`` would round an odd 4:2:0 picture down.
    """
    planes = graph.add("extractplanes", "planes=y+u+v")
    odd.link_to(planes)
    luma = chained(
        graph,
        planes,
        [
            ("pad", f"w={plan.width}:h={plan.height}"),
            ("fillborders", f"right={plan.width - columns}:bottom={plan.height - rows}:mode=smear"),
        ],
    )
    merged = graph.add("mergeplanes", f"format={PIXEL_FORMAT}:map1s=1:map2s=2")
    luma.link_to(merged, 0, 0)
    planes.link_to(merged, 1, 1)
    planes.link_to(merged, 2, 2)
    return merged
