"""Opens a recording: only our own bytes, only demuxers and decoders on a list."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import NoReturn

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.model import Limits, Source
from cinestow.media.sniff import SNIFF_BYTES, demuxer_for
from cinestow.media.source import SourceFile

BLOCK_BYTES = 1 << 20
DECODER_THREADS = 2
"""Each one more holds pictures of its own: memory must not follow the host's number of cores."""

_VIDEO = """
    vp8 vp9 libdav1d av1 h264 hevc mpeg1video mpeg2video mpeg4 msmpeg4v1 msmpeg4v2 msmpeg4 h263
    mjpeg cinepak indeo2 indeo3 indeo4 indeo5 huffyuv ffvhuff ffv1 utvideo lagarith rawvideo
    dvvideo prores dnxhd msrle msvideo1 qtrle wmv1 wmv2 wmv3 vc1 jpeg2000
"""
_SOUND = """
    aac ac3 eac3 alac amrnb amrwb flac mp1 mp2 mp3 mp1float mp2float mp3float opus vorbis
    pcm_s16le pcm_s16be pcm_s24le pcm_s24be pcm_s32le pcm_u8 pcm_s8 pcm_f32le pcm_f64le
    pcm_mulaw pcm_alaw pcm_dvd pcm_bluray adpcm_ms adpcm_ima_wav adpcm_ima_qt wmav1 wmav2
"""
VIDEO_DECODERS = frozenset(_VIDEO.split())
SOUND_DECODERS = frozenset(_SOUND.split())
_GENERATE_TIMES = 1
"""libavformat's AVFMT_FLAG_GENPTS, which PyAV sets."""
_WITHOUT_TIMES = ("h264", "hevc")
"""Codecs whose missing presentation times libav guesses wrongly (pictures do not alternate)."""


def open_container(source: Source, limits: Limits) -> InputContainer:
    """Open ``source``, whatever its name, with the demuxer that its first bytes ask for.

    Raises ``InputRefused``: ``EMPTY``, ``NOT_A_VIDEO``, ``UNSUPPORTED``, ``NO_VIDEO_STREAM`` or
    ``UNREADABLE``. Errors of ``source`` come out as they are.
    """
    if source.size == 0:
        raise InputRefused(RefusalCode.EMPTY, "The file is empty; send the recording again.")
    demuxer = demuxer_for(source.read_at(0, SNIFF_BYTES))
    try:
        container = av.open(
            SourceFile(source),
            "r",
            format=demuxer,
            options={"max_pixels": str(limits.pixels_per_frame)},
            container_options={
                "codec_whitelist": ",".join(sorted(VIDEO_DECODERS | SOUND_DECODERS)),
                "protocol_whitelist": "",
                "enable_drefs": "0",
                "use_absolute_path": "0",
            },
            metadata_errors="replace",
            buffer_size=BLOCK_BYTES,
            io_open=_open_nothing,
        )
    except av.error.MemoryError:
        raise
    except av.FFmpegError as error:
        raise unreadable() from error
    if any(_decoder(stream) in _WITHOUT_TIMES for stream in container.streams.video):
        container.flags &= ~_GENERATE_TIMES
    return container


def picture_stream(container: InputContainer) -> VideoStream:
    """The stream that is the recording: the largest picture that is no cover art.

    Raises ``InputRefused``: ``NO_VIDEO_STREAM``, or ``UNSUPPORTED`` when its codec is not listed.
    """
    still = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
    streams = [stream for stream in container.streams.video if not stream.disposition & still]
    if not streams:
        raise InputRefused(
            RefusalCode.NO_VIDEO_STREAM,
            "The file holds no moving picture; send the recording that has the picture.",
        )
    readable = [stream for stream in streams if _decoder(stream) in VIDEO_DECODERS]
    if not readable:
        raise InputRefused(
            RefusalCode.UNSUPPORTED,
            "The picture is compressed in a way that cannot be read here; "
            "expected VP8, VP9, AV1, H.264, H.265, MPEG or a similar one. Convert it first.",
        )
    return max(readable, key=lambda stream: stream.width * stream.height)


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The first sound stream that can be decoded, if any."""
    readable = (s for s in container.streams.audio if _decoder(s) in SOUND_DECODERS)
    return next(readable, None)


def packets(
    container: InputContainer, *streams: VideoStream | AudioStream
) -> Iterator[Packet[Stream]]:
    """Packets with content of ``streams``, up to where the file can no longer be read."""
    try:
        for packet in container.demux(streams):
            if packet.size:
                yield packet
    except av.error.MemoryError:
        raise
    except av.FFmpegError:
        return


def time_of(packet: Packet[Stream]) -> int | None:
    """When ``packet`` is shown, or where that is not said, when it is decoded."""
    return packet.dts if packet.pts is None else packet.pts


def pictures(
    container: InputContainer, stream: VideoStream, limits: Limits
) -> Iterator[VideoFrame]:
    """Every picture of ``stream`` that decodes, in order of presentation, with its ``pts`` set.

    Damaged packets are passed over. Where a container gives decoding times alone (H.264 in AVI),
    pictures take these in turn, as players do. Pictures outside the ``first_pts`` to ``last_pts``
    of the probed ``Recording`` are no part of it: the caller leaves them out.
    """
    context = stream.codec_context
    context.thread_type = "AUTO"
    context.thread_count = DECODER_THREADS
    context.options = {"max_pixels": str(limits.pixels_per_frame)}
    untimed: deque[int] = deque()
    for packet in chain(packets(container, stream), [None]):
        if packet is not None and packet.pts is None and packet.dts is not None:
            untimed.append(packet.dts)
        for frame in decode(context, packet):
            if frame.pts is None and untimed:
                frame.pts = untimed.popleft()
            if frame.pts is not None:
                yield frame


def decode(context: VideoCodecContext, packet: Packet[Stream] | None) -> list[VideoFrame]:
    """The pictures that ``packet`` completes; None drains the decoder. Damage gives none."""
    try:
        return context.decode(packet)
    except av.error.MemoryError:
        raise
    except av.FFmpegError:
        return []


def unreadable() -> InputRefused:
    """The refusal of a file that looks like a video but cannot be opened."""
    return InputRefused(
        RefusalCode.UNREADABLE,
        "The file looks like a video, but its beginning or its index is missing or damaged, as "
        "after an interrupted transfer; send it again from the original.",
    )


def _decoder(stream: VideoStream | AudioStream) -> str:
    return stream.codec_context.name if stream.codec_context else ""


def _open_nothing(*_: object) -> NoReturn:
    raise InputRefused(
        RefusalCode.UNSUPPORTED,
        "The file refers to other files instead of holding the picture itself; "
        "save it as a self-contained video and send that.",
    )
