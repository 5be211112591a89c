"""The MP4 head of a recording, from tables alone: no sample passes through here.

The file is ``head``, then per segment its pictures and its sound, then ``padding``; ``moov`` comes
first, so it plays while it loads. Sources: ISO/IEC 14496-12, 14496-14, 14496-15.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cinestow.errors import AlarmRaised
from cinestow.media.boxes import NARROW_END, box, full_box, u16, u32, u64
from cinestow.media.model import SoundTrack, VideoSegment
from cinestow.media.tracks import UNITY_MATRIX, Track, sound_track, track_box, video_track

_MDAT_HEADER = 16


@dataclass(frozen=True)
class Mp4Layout:
    """What stands before and after the payloads v1 a1 v2 a2 ... of the segments."""

    head: bytes
    padding: bytes
    """Empty, or one zero byte inside ``mdat``: the whole file's length is always even."""


def layout(video: Sequence[VideoSegment], sound: SoundTrack | None) -> Mp4Layout:
    """Head and padding of the MP4 that joins the segments in order.

    Raises ``AlarmRaised`` when the segments cannot stand in one track: no segment, unequal
    parameter sets, size or frame rate, or another number of sound segments.
    """
    _demand_joinable(video, sound)
    tracks = [video_track(video)]
    if sound is not None and any(segment.sizes for segment in sound.segments):
        tracks.append(sound_track(sound, tracks[0].timescale))
    payload = sum(sum(track.chunk_bytes) for track in tracks)
    ftyp = box(b"ftyp", b"isom", u32(512), b"isomiso2avc1mp41")
    head_size = len(ftyp) + len(_moov(tracks, 0)) + _MDAT_HEADER
    padding = b"\0" * ((head_size + payload) % 2)
    head = b"".join(
        (
            ftyp,
            _moov(tracks, head_size),
            u32(1),
            b"mdat",
            u64(_MDAT_HEADER + payload + len(padding)),
        )
    )
    return Mp4Layout(head, padding)


def _demand_joinable(video: Sequence[VideoSegment], sound: SoundTrack | None) -> None:
    if not video:
        raise AlarmRaised("an MP4 needs at least one video segment, found none")
    first = video[0]
    for number, segment in enumerate(video):
        for name in ("sps", "pps", "width", "height", "frame_rate"):
            if getattr(segment, name) != getattr(first, name):
                raise AlarmRaised(f"{name} of segment {number} differs from that of segment 0")
    if sound is not None and len(sound.segments) != len(video):
        raise AlarmRaised(f"{len(sound.segments)} sound segments beside {len(video)} of video")


def _moov(tracks: Sequence[Track], payload_offset: int) -> bytes:
    offsets: list[list[int]] = [[] for _ in tracks]
    position = payload_offset
    for sizes in zip(*(track.chunk_bytes for track in tracks), strict=True):
        for track_offsets, size in zip(offsets, sizes, strict=True):
            track_offsets.append(position)
            position += size
    movie_timescale = tracks[0].timescale
    duration = max(track.shown for track in tracks)
    traks = (
        track_box(track, number, track_offsets)
        for number, (track, track_offsets) in enumerate(zip(tracks, offsets, strict=True), 1)
    )
    return box(b"moov", _mvhd(movie_timescale, duration, len(tracks)), *traks)


def _mvhd(timescale: int, duration: int, tracks: int) -> bytes:
    wide = duration >= NARROW_END
    time = u64 if wide else u32
    rate, volume = u32(0x10000), u16(0x100)
    return full_box(
        b"mvhd",
        time(0, 0),
        u32(timescale),
        time(duration),
        rate,
        volume,
        bytes(10),
        UNITY_MATRIX,
        bytes(24),
        u32(tracks + 1),
        version=int(wide),
    )
