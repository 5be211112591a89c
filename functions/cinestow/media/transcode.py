"""One segment of a recording as H.264: decode, convert, encode, compare, all in one pass."""

from collections.abc import Iterator

from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame

from cinestow.errors import AlarmRaised, InputRefused, RefusalCode
from cinestow.media.colour import COLOURS
from cinestow.media.conformance import demand_conformance
from cinestow.media.encoder import Encoder
from cinestow.media.frames import Counts, every_slot, shown
from cinestow.media.model import (
    DEFAULT_LIMITS,
    Limits,
    Plan,
    Quality,
    Sink,
    Source,
    VideoSegment,
)
from cinestow.media.nal import NalType, is_parameter_set, length_prefixed, nal_type, split_annex_b
from cinestow.media.payload import Payload
from cinestow.media.picture import converted
from cinestow.media.pictures import decoded, open_at
from cinestow.media.quality import Comparison


def encode_video(
    source: Source, plan: Plan, segment: int, sink: Sink, limits: Limits = DEFAULT_LIMITS
) -> VideoSegment:
    """Encode segment number ``segment`` of ``plan``; its samples go to ``sink`` as they come.

    Memory is bounded by picture size, never by length. Raises ``InputRefused`` (``NO_FRAMES``)
    when no picture decodes, ``AlarmRaised`` when the encoder breaks the transfer syntax.
    """
    counts = Counts()
    writer = _SegmentWriter(plan, sink)
    part = plan.segments[segment]
    with open_at(source, plan, part.first, limits) as container:
        pictures = shown(decoded(container, plan, limits), plan, part, counts)
        for frame in every_slot(converted(pictures, plan), plan, part, counts):
            writer.write(frame)
    if not writer.frames:
        raise InputRefused(
            RefusalCode.NO_FRAMES,
            "No picture of the video can be decoded; send it again from the original.",
        )
    return writer.finish(counts)


class _SegmentWriter:
    """Frames in presentation order to samples in decoding order, compared as they come."""

    def __init__(self, plan: Plan, sink: Sink) -> None:
        self._plan = plan
        self._encoder = Encoder(plan)
        self._sps, self._pps = _sps_and_pps(self._encoder.parameter_sets)
        demand_conformance(self._sps, plan, COLOURS[plan.recording.matrix].codes)
        self._comparison = Comparison(self._encoder.parameter_sets)
        self._payload = Payload(sink)
        self._decode_order: list[int] = []
        self._key_samples: list[int] = []
        self.frames = 0

    def write(self, frame: VideoFrame) -> None:
        self.frames += 1
        self._comparison.expect(frame)
        self._take(self._encoder.encode(frame))

    def finish(self, counts: Counts) -> VideoSegment:
        self._take(self._encoder.encode(None))
        self._comparison.finish()
        return VideoSegment(
            width=self._plan.width,
            height=self._plan.height,
            frame_rate=self._plan.frame_rate,
            sizes=tuple(self._payload.sizes),
            decode_order=tuple(self._decode_order),
            key_samples=tuple(self._key_samples),
            sps=self._sps,
            pps=self._pps,
            bytes=self._payload.bytes,
            sha256=self._payload.sha256,
            quality=Quality(
                ssim=tuple(self._comparison.ssim),
                psnr_db=tuple(self._comparison.psnr_db),
                frames_in=counts.frames_in,
                dropped=counts.dropped,
                duplicated=counts.duplicated,
            ),
        )

    def _take(self, packets: Iterator["Packet[Stream]"]) -> None:
        for packet in packets:
            assert packet.pts is not None
            if packet.is_keyframe:
                self._key_samples.append(len(self._decode_order))
            self._decode_order.append(packet.pts)
            units = (unit for unit in split_annex_b(bytes(packet)) if not is_parameter_set(unit))
            self._payload.add(length_prefixed(units))
            self._comparison.check(packet)


def _sps_and_pps(parameter_sets: bytes) -> tuple[bytes, bytes]:
    found = [unit for unit in split_annex_b(parameter_sets) if is_parameter_set(unit)]
    if [nal_type(unit) for unit in found] != list(NalType):
        raise AlarmRaised("the encoder gave other parameter sets than one SPS and one PPS")
    return found[0], found[1]
