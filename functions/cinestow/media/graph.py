"""libavfilter graphs as iterators over frames."""

from collections.abc import Iterator

from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame

GRAPH_THREADS = 2

Filters = list[tuple[str, str]]
"""libavfilter's name of a filter, and its arguments."""


def graph_for(picture: VideoFrame) -> tuple[Graph, FilterContext]:
    """A graph and its source, which takes pictures like ``picture``."""
    graph = Graph()
    graph.threads = GRAPH_THREADS
    source = graph.add_buffer(
        width=picture.width,
        height=picture.height,
        format=picture.format,
        time_base=picture.time_base,
    )
    return graph, source


def chained(graph: Graph, start: FilterContext, filters: Filters) -> FilterContext:
    """The last of ``filters``, each linked to the one before, the first to ``start``."""
    for name, arguments in filters:
        following = graph.add(name, arguments)
        start.link_to(following)
        start = following
    return start


def ready(graph: Graph) -> Iterator[VideoFrame]:
    """The frames that can be had without pushing more."""
    while True:
        try:
            yield graph.vpull()
        except (BlockingIOError, EOFError):
            return
