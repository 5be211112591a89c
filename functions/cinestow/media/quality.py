"""SSIM and PSNR of what was encoded, decoded again while the encoder is still at work."""

from collections import deque
from fractions import Fraction

import av
from av.filter import Graph
from av.filter.context import FilterContext
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from cinestow.errors import AlarmRaised
from cinestow.media.graph import GRAPH_THREADS, chained, ready

DECODER_THREADS = 2
HIGHEST_PSNR_DB = 100.0
_SHORTEST_SIDE = 16
"""Pixels; SSIM's windows of 8 x 8 must fit the chroma planes, too."""


class Comparison:
    """Frames that go into an encoder against what its packets decode to.

    It holds as many frames as the encoder and the decoder hold back, whatever the length.
    """

    def __init__(self, parameter_sets: bytes) -> None:
        self._decoder = _decoder(parameter_sets)
        self._waiting: deque[VideoFrame] = deque()
        self._graph: Graph | None = None
        self._compared = 0
        self.ssim: list[float] = []
        self.psnr_db: list[float] = []

    def expect(self, frame: VideoFrame) -> None:
        """The next frame that goes into the encoder; its picture must not change any more."""
        self._waiting.append(frame)

    def check(self, packet: "Packet[Stream]") -> None:
        """The encoder's next packet, in decoding order."""
        for frame in self._decoder.decode(packet):
            self._compare(frame)

    def finish(self) -> None:
        """Compare what is left. Raises ``AlarmRaised`` when not every frame decoded."""
        for frame in self._decoder.decode(None):
            self._compare(frame)
        if self._graph is not None:
            self._graph.push(None)
            self._collect()
        if self._waiting or len(self.ssim) != self._compared:
            raise AlarmRaised(
                f"of {self._compared + len(self._waiting)} encoded frames"
                f" {len(self.ssim)} decoded and compared"
            )

    def _compare(self, decoded: VideoFrame) -> None:
        if not self._waiting:
            raise AlarmRaised(f"more frames decoded than the {self._compared} that were encoded")
        reference = self._waiting.popleft()
        if self._graph is None:
            self._graph = _comparing(reference)
        for place, frame in enumerate((decoded, reference)):
            frame.pts, frame.time_base = self._compared, Fraction(1)
            self._graph.push(frame, at=place)
        self._compared += 1
        self._collect()

    def _collect(self) -> None:
        assert self._graph is not None
        for frame in ready(self._graph):
            self.ssim.append(float(frame.metadata["lavfi.ssim.All"]))
            psnr = float(frame.metadata["lavfi.psnr.psnr_avg"])
            self.psnr_db.append(min(psnr, HIGHEST_PSNR_DB))


def _decoder(parameter_sets: bytes) -> VideoCodecContext:
    decoder = av.CodecContext.create("h264", "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = parameter_sets
    decoder.thread_type = "AUTO"
    decoder.thread_count = DECODER_THREADS
    return decoder


def _comparing(frame: VideoFrame) -> Graph:
    """decoded, reference -> ssim -> psnr against the same reference; tiny pictures enlarged."""
    graph = Graph()
    graph.threads = GRAPH_THREADS
    decoded, reference = (_entry(graph, frame) for _ in range(2))
    split, ssim, psnr = graph.add("split", "2"), graph.add("ssim"), graph.add("psnr")
    reference.link_to(split)
    decoded.link_to(ssim)
    split.link_to(ssim, 0, 1)
    ssim.link_to(psnr)
    split.link_to(psnr, 1, 1)
    psnr.link_to(graph.add("buffersink"))
    graph.configure()
    return graph


def _entry(graph: Graph, frame: VideoFrame) -> FilterContext:
    entry = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=Fraction(1)
    )
    if min(frame.width, frame.height) >= _SHORTEST_SIDE:
        return entry
    by = _SHORTEST_SIDE
    return chained(graph, entry, [("scale", f"w={by}*iw:h={by}*ih:flags=neighbor")])
