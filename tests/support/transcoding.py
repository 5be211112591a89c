"""A recording transcoded in this process and joined into an MP4 file."""

from dataclasses import dataclass
from pathlib import Path

from cinestow.media.model import Plan, SoundTrack, VideoSegment
from cinestow.media.mp4 import layout
from cinestow.media.sound import encode_sound
from cinestow.media.source import FileSource
from cinestow.media.transcode import encode_video


@dataclass(frozen=True)
class Transcoded:
    """The joined file, and the tables and payloads it was made of."""

    path: Path
    video: list[VideoSegment]
    sound: SoundTrack | None
    video_payloads: list[bytes]
    sound_payloads: list[bytes]

    @property
    def frames(self) -> int:
        """Output frames of all segments."""
        return sum(len(segment.sizes) for segment in self.video)


def transcode(path: Path, plan: Plan, target: Path) -> Transcoded:
    """Encode every segment and the sound of ``path``, and join them in ``target``."""
    pictures = [bytearray() for _ in plan.segments]
    sounds = [bytearray() for _ in plan.segments]
    with FileSource(path) as source:
        video = [
            encode_video(source, plan, number, payload.extend)
            for number, payload in enumerate(pictures)
        ]
        frames = [len(segment.sizes) for segment in video]
        sound = encode_sound(source, plan, [payload.extend for payload in sounds], frames)
    join(target, video, sound, pictures, sounds)
    return Transcoded(target, video, sound, [*map(bytes, pictures)], [*map(bytes, sounds)])


def join(
    target: Path,
    video: list[VideoSegment],
    sound: SoundTrack | None,
    pictures: list[bytearray],
    sounds: list[bytearray],
) -> None:
    """Write head, v1 a1 v2 a2 ... and padding."""
    frame = layout(video, sound)
    between = (data for pair in zip(pictures, sounds, strict=True) for data in pair)
    target.write_bytes(frame.head + b"".join(between) + frame.padding)
