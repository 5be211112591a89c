"""Pictures of a recording from a given output frame on, alpha kept."""

from collections.abc import Iterator
from itertools import chain

import av
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from cinestow.media.demux import (
    DECODER_THREADS,
    decode,
    open_container,
    packets,
    pictures,
    time_of,
)
from cinestow.media.model import Limits, Plan, Source

_ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""libav's own decoders of these codecs leave the alpha channel out."""


def open_at(source: Source, plan: Plan, first: int, limits: Limits) -> InputContainer:
    """Open the recording at a key frame that shows at or before output frame ``first``.

    Where seeking lands too late, at the beginning. Raises as ``open_container``.
    """
    container = open_container(source, limits)
    if first == 0 or _seek(container, plan, first):
        return container
    container.close()
    return open_container(source, limits)


def decoded(container: InputContainer, plan: Plan, limits: Limits) -> Iterator[VideoFrame]:
    """Pictures in order of presentation from the container's position on."""
    stream = _stream(container, plan)
    if plan.recording.alpha and plan.recording.codec in _ALPHA_DECODERS:
        return _with_alpha(container, stream, _ALPHA_DECODERS[plan.recording.codec])
    return pictures(container, stream, limits)


def _stream(container: InputContainer, plan: Plan) -> VideoStream:
    stream = container.streams[plan.recording.stream_index]
    assert isinstance(stream, VideoStream)
    return stream


def _seek(container: InputContainer, plan: Plan, first: int) -> bool:
    """Whether the position is now at a key frame at or before output frame ``first``."""
    recording, stream = plan.recording, _stream(container, plan)
    elapsed = first / plan.frame_rate.value / recording.time_base.value
    target = recording.first_pts + int(elapsed)
    try:
        container.seek(target, stream=stream)
        key = next((p for p in packets(container, stream) if p.is_keyframe), None)
        container.seek(target, stream=stream)
    except av.FFmpegError:
        return False
    time = None if key is None else time_of(key)
    return time is not None and time <= target


def _with_alpha(
    container: InputContainer, stream: VideoStream, decoder: str
) -> Iterator[VideoFrame]:
    context = av.CodecContext.create(decoder, "r")
    assert isinstance(context, VideoCodecContext)
    context.extradata = stream.codec_context.extradata
    context.thread_type = "AUTO"
    context.thread_count = DECODER_THREADS
    for packet in chain(packets(container, stream), [None]):
        for picture in decode(context, packet):
            if picture.pts is not None:
                yield picture
