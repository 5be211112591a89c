"""A recording as a WebM preview (VP9, Opus) that plays anywhere and seeks.

The picture's times are kept to the millisecond that WebM counts in, and so is the recording's
duration. The output is never held: all but its head is handed on as it comes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from heapq import merge

import av
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import PictureType, VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from cinestow.media.colour import COLOURS
from cinestow.media.demux import open_container
from cinestow.media.forward import ForwardFile
from cinestow.media.model import DEFAULT_LIMITS, Limits, Plan, Recording, Sink, Source
from cinestow.media.picture import PIXEL_FORMAT, converted
from cinestow.media.pictures import decoded
from cinestow.media.plan import plan as planned
from cinestow.media.preview_model import PreviewHead as PreviewHead
from cinestow.media.preview_model import PreviewSettings as PreviewSettings
from cinestow.media.preview_sound import Packets, add_sound, sound_packets
from cinestow.media.probe import probe

HEAD_BYTES = 16 << 10
"""Everything that the muxer patches at the end lies in so many first bytes."""
LONGEST_TITLE = 250
"""Characters."""
MILLISECOND = Fraction(1, 1000)
KEY_FRAME_MS = 2000
"""Longest distance of two key frames: where a seek lands."""
THREADS = 2


def encode_preview(
    source: Source,
    settings: PreviewSettings,
    sink: Sink,
    limits: Limits = DEFAULT_LIMITS,
) -> PreviewHead:
    """Encode ``source`` as WebM with Duration and Cues: the head, then what ``sink`` got.

    Memory is bounded by picture size. Raises ``InputRefused`` as ``probe`` does.
    """
    plan = preview_plan(probe(source, limits), settings)
    output = ForwardFile(sink, HEAD_BYTES)
    with (
        open_container(source, limits) as pictures,
        open_container(source, limits) as sounds,
        av.open(output, "w", format="webm") as container,
    ):
        container.metadata["title"] = settings.title[:LONGEST_TITLE]
        video = _add_video(container, plan, settings)
        frames = converted(of_recording(decoded(pictures, plan, limits), plan.recording), plan)
        encoder = _Encoder(video, plan.recording)
        tracks: list[Packets] = [encoder.packets(frames)]
        if plan.recording.sound is not None:
            sound = add_sound(container, plan.recording.sound)
            tracks.append(sound_packets(sounds, sound, plan))
        for packet in merge(*tracks, key=_time):
            container.mux(packet)
    return PreviewHead(
        head=output.head,
        body_bytes=output.body_bytes,
        frames=encoder.frames,
        duration_s=float(plan.recording.duration),
        width=plan.width,
        height=plan.height,
    )


def preview_plan(recording: Recording, settings: PreviewSettings) -> Plan:
    """The recording's pictures upright, with square pixels, inside the settings' edges."""
    whole = planned(recording)
    long_edge, short_edge = max(whole.width, whole.height), min(whole.width, whole.height)
    factor = min(
        Fraction(1),
        Fraction(settings.long_edge, long_edge),
        Fraction(settings.short_edge, short_edge),
    )
    return replace(whole, width=_even(whole.width * factor), height=_even(whole.height * factor))


def _even(length: Fraction) -> int:
    return max(2, 2 * round(length / 2))


def _add_video(container: OutputContainer, plan: Plan, settings: PreviewSettings) -> VideoStream:
    stream = container.add_stream("libvpx-vp9")
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = plan.width, plan.height, PIXEL_FORMAT
    context.time_base = MILLISECOND
    context.framerate = plan.frame_rate.value
    context.sample_aspect_ratio = Fraction(1)
    context.color_range = ColorRange.MPEG
    colour = COLOURS[plan.recording.matrix]
    context.color_primaries, context.color_trc, context.colorspace = colour.codes
    context.thread_count = THREADS
    context.options = {
        "deadline": "realtime",
        "cpu-used": "8",
        "row-mt": "1",
        "lag-in-frames": "0",
        "crf": str(settings.crf),
        "b": "0",
    }
    return stream


def of_recording(pictures: Iterable[VideoFrame], recording: Recording) -> Iterator[VideoFrame]:
    """Only the pictures that the recording counts as its own."""
    for picture in pictures:
        assert picture.pts is not None
        if recording.first_pts <= picture.pts <= recording.last_pts:
            yield picture


class _Encoder:
    """Frames to VP9 packets, timed in milliseconds from the first picture."""

    def __init__(self, stream: VideoStream, recording: Recording) -> None:
        self._stream = stream
        self._recording = recording
        self._key_time: int | None = None
        self.frames = 0

    def packets(self, frames: Iterable[VideoFrame]) -> Packets:
        """Each frame lasts until the next one; of two in one millisecond the later shows.

        A frame never goes back behind the one before it, whatever a broken index says.
        """
        held: VideoFrame | None = None
        for frame in frames:
            time = self._milliseconds(frame)
            if held is not None and held.pts is not None:
                time = max(time, held.pts)
                if held.pts < time:
                    yield from self._encode(held, time)
            frame.pts, frame.time_base = time, MILLISECOND
            held = frame
        if held is not None:
            yield from self._encode(held, round(self._recording.duration / MILLISECOND))
        yield from self._stream.encode(None)

    def _encode(self, frame: VideoFrame, until: int) -> Packets:
        assert frame.pts is not None
        frame.duration = max(until - frame.pts, 1)
        is_key = self._key_time is None or frame.pts >= self._key_time + KEY_FRAME_MS
        frame.pict_type = PictureType.I if is_key else PictureType.NONE
        if is_key:
            self._key_time = frame.pts
        self.frames += 1
        yield from self._stream.encode(frame)

    def _milliseconds(self, frame: VideoFrame) -> int:
        assert frame.pts is not None
        elapsed = (frame.pts - self._recording.first_pts) * self._recording.time_base.value
        return round(elapsed / MILLISECOND)


def _time(packet: "Packet[Stream]") -> Fraction:
    assert packet.pts is not None
    assert packet.time_base is not None
    return packet.pts * packet.time_base
