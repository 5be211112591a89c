"""The ``trak`` box of pictures and of sound, one chunk per segment.

Sources: ISO/IEC 14496-12 (boxes), 14496-14 (``mp4a``), 14496-15 (``avc1``), 14496-1 (``esds``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cinestow.media.boxes import NARROW_END, box, descriptor, full_box, u16, u32, u32_table, u64
from cinestow.media.h264 import parse_sps
from cinestow.media.model import SoundTrack, VideoSegment
from cinestow.media.sound import FRAME_SAMPLES

UNITY_MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_UNDETERMINED = 0x55C4
"""Language ``und``, five bits a letter."""
_FINEST_TIMESCALE_FACTOR = 1000
_AVC_PROFILE_EXTENSION = bytes([0xFC | 1, 0xF8, 0xF8, 0])
"""4:2:0, 8 bits, no SPS extension."""


@dataclass(frozen=True)
class Track:
    """One track's tables; times in units of its timescale unless said otherwise."""

    handler: bytes
    handler_name: bytes
    media_header: bytes
    sample_entry: bytes
    timescale: int
    sample_duration: int
    sizes: npt.NDArray[np.int64]
    chunk_samples: Sequence[int]
    chunk_bytes: Sequence[int]
    media_start: int
    """Where in the media presentation starts: B-frame delay, or AAC priming."""
    shown: int
    """Presented duration, in the movie's timescale."""
    width: int
    height: int
    volume: int
    composition_offsets: npt.NDArray[np.int64] | None
    """In samples; None where decoding and presentation order agree."""
    key_samples: npt.NDArray[np.int64] | None
    """0-based; None where every sample is one."""


def video_track(segments: Sequence[VideoSegment]) -> Track:
    """The pictures' track; its timescale is the movie's."""
    rate = segments[0].frame_rate
    factor = _FINEST_TIMESCALE_FACTOR if rate.num < _FINEST_TIMESCALE_FACTOR else 1
    counts = [len(segment.sizes) for segment in segments]
    starts = np.cumsum([0, *counts[:-1]])
    reordering = np.concatenate(
        [np.asarray(segment.decode_order) - np.arange(len(segment.sizes)) for segment in segments]
    )
    delay = int(-reordering.min())
    keys = [
        np.asarray(segment.key_samples) + start
        for segment, start in zip(segments, starts, strict=True)
    ]
    return Track(
        handler=b"vide",
        handler_name=b"VideoHandler",
        media_header=full_box(b"vmhd", bytes(8), flags=1),
        sample_entry=_avc1(segments[0]),
        timescale=rate.num * factor,
        sample_duration=rate.den * factor,
        sizes=np.concatenate([np.asarray(segment.sizes) for segment in segments]),
        chunk_samples=counts,
        chunk_bytes=[segment.bytes for segment in segments],
        media_start=delay * rate.den * factor,
        shown=sum(counts) * rate.den * factor,
        width=segments[0].width,
        height=segments[0].height,
        volume=0,
        composition_offsets=reordering + delay,
        key_samples=np.concatenate(keys),
    )


def sound_track(sound: SoundTrack, movie_timescale: int) -> Track:
    """The sound's track: what lies before the pictures' start and after its end is edited out."""
    counts = [len(segment.sizes) for segment in sound.segments]
    return Track(
        handler=b"soun",
        handler_name=b"SoundHandler",
        media_header=full_box(b"smhd", bytes(4)),
        sample_entry=_mp4a(sound),
        timescale=sound.sample_rate,
        sample_duration=FRAME_SAMPLES,
        sizes=np.concatenate([np.asarray(segment.sizes, int) for segment in sound.segments]),
        chunk_samples=counts,
        chunk_bytes=[segment.bytes for segment in sound.segments],
        media_start=sound.priming,
        shown=sound.samples * movie_timescale // sound.sample_rate,
        width=0,
        height=0,
        volume=0x100,
        composition_offsets=None,
        key_samples=None,
    )


def track_box(track: Track, number: int, chunk_offsets: Sequence[int]) -> bytes:
    """The ``trak`` box, its chunks standing at ``chunk_offsets`` of the file."""
    return box(
        b"trak",
        _tkhd(track, number),
        box(b"edts", _elst(track)),
        box(
            b"mdia",
            _mdhd(track),
            full_box(b"hdlr", u32(0), track.handler, bytes(12), track.handler_name + b"\0"),
            box(
                b"minf",
                track.media_header,
                box(b"dinf", full_box(b"dref", u32(1), full_box(b"url ", flags=1))),
                _stbl(track, chunk_offsets),
            ),
        ),
    )


def _tkhd(track: Track, number: int) -> bytes:
    wide = track.shown >= NARROW_END
    time = u64 if wide else u32
    return full_box(
        b"tkhd",
        time(0, 0),
        u32(number, 0),
        time(track.shown),
        bytes(8),
        u16(0, 0, track.volume, 0),
        UNITY_MATRIX,
        u32(track.width << 16, track.height << 16),
        version=int(wide),
        flags=3,  # enabled, in movie
    )


def _elst(track: Track) -> bytes:
    wide = track.shown >= NARROW_END
    time = u64 if wide else u32
    rate = u16(1, 0)
    return full_box(
        b"elst", u32(1), time(track.shown), time(track.media_start), rate, version=int(wide)
    )


def _mdhd(track: Track) -> bytes:
    duration = len(track.sizes) * track.sample_duration
    wide = duration >= NARROW_END
    time = u64 if wide else u32
    return full_box(
        b"mdhd",
        time(0, 0),
        u32(track.timescale),
        time(duration),
        u16(_UNDETERMINED, 0),
        version=int(wide),
    )


def _stbl(track: Track, chunk_offsets: Sequence[int]) -> bytes:
    chunks = [
        (samples, offset)
        for samples, offset in zip(track.chunk_samples, chunk_offsets, strict=True)
        if samples
    ]
    samples_per_chunk = b"".join(u32(i, samples, 1) for i, (samples, _) in enumerate(chunks, 1))
    tables = [
        full_box(b"stsd", u32(1), track.sample_entry),
        full_box(b"stts", u32(1, len(track.sizes), track.sample_duration)),
        full_box(b"stsc", u32(len(chunks)), samples_per_chunk),
        full_box(b"stsz", u32(0, len(track.sizes)), u32_table([track.sizes])),
        full_box(b"co64", u32(len(chunks)), u64(*(offset for _, offset in chunks))),
    ]
    if track.key_samples is not None:
        tables.append(
            full_box(b"stss", u32(len(track.key_samples)), u32_table([track.key_samples + 1]))
        )
    if track.composition_offsets is not None:
        tables.append(_ctts(track.composition_offsets * track.sample_duration))
    return box(b"stbl", *tables)


def _ctts(offsets: npt.NDArray[np.int64]) -> bytes:
    starts = np.flatnonzero(np.diff(offsets, prepend=-1))
    counts = np.diff(starts, append=len(offsets))
    return full_box(b"ctts", u32(len(starts)), u32_table([counts, offsets[starts]]))


def _avc1(segment: VideoSegment) -> bytes:
    return box(
        b"avc1",
        bytes(6),
        u16(1),
        bytes(16),
        u16(segment.width, segment.height),
        u32(72 << 16, 72 << 16, 0),
        u16(1),
        bytes(32),
        u16(24, 0xFFFF),
        _avcc(segment.sps, segment.pps),
        _colr(segment.sps),
        box(b"pasp", u32(1, 1)),
    )


def _avcc(sps: bytes, pps: bytes) -> bytes:
    length_size_4 = 0xFC | 3
    one_sps = 0xE0 | 1
    return box(
        b"avcC",
        bytes([1]) + sps[1:4] + bytes([length_size_4, one_sps]),
        u16(len(sps)) + sps,
        bytes([1]) + u16(len(pps)) + pps,
        _AVC_PROFILE_EXTENSION,
    )


def _colr(sps: bytes) -> bytes:
    vui = parse_sps(sps).vui
    if vui is None or vui.colour is None:
        return b""
    full_range = 0x80 if vui.full_range else 0
    return box(b"colr", b"nclx", u16(*vui.colour), bytes([full_range]))


def _mp4a(sound: SoundTrack) -> bytes:
    aac_in_mpeg4 = 0x40
    audio_stream = 0x15
    decoder = descriptor(
        4,
        bytes([aac_in_mpeg4, audio_stream])
        + bytes(3)
        + u32(sound.bit_rate, sound.bit_rate)
        + descriptor(5, sound.audio_specific_config),
    )
    stream = descriptor(3, u16(0) + bytes(1) + decoder + descriptor(6, b"\2"))
    return box(
        b"mp4a",
        bytes(6),
        u16(1),
        bytes(8),
        u16(sound.channels, 16, 0, 0),
        u32(sound.sample_rate << 16),
        full_box(b"esds", stream),
    )
