"""Two real H.264 MP4 payloads, and what is said of them."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest
from pydicom.uid import MPEG4HP41, UID

from cinestow.dicom.model import BitStream, LossyStep

FRAMES = 12


@dataclass(frozen=True)
class Payload:
    data: bytes
    sound_channels: int

    def stream(self, transfer_syntax: UID = MPEG4HP41) -> BitStream:
        return BitStream(
            transfer_syntax=transfer_syntax,
            rows=120,
            columns=160,
            frames=FRAMES,
            frame_time_ms=Fraction(1001, 30),
            bytes=len(self.data),
            sound_channels=self.sound_channels,
            lossy=(LossyStep(20.34, "VP9"), LossyStep(41.5, "ISO_14496_10")),
        )


def encode(path: Path, sound_channels: int) -> Payload:
    sound = ["-f", "lavfi", "-i", "sine=sample_rate=48000", "-c:a", "aac", "-shortest"]
    command = [
        *("ffmpeg", "-nostdin", "-v", "error", "-y"),
        *("-f", "lavfi", "-i", "testsrc2=size=160x120:rate=30000/1001"),
        *((*sound, "-ac", str(sound_channels)) if sound_channels else ()),
        *("-frames:v", str(FRAMES), "-c:v", "libx264", "-profile:v", "high", "-level", "4.1"),
        *("-pix_fmt", "yuv420p", "-movflags", "+faststart", str(path)),
    ]
    subprocess.run(command, check=True)
    return Payload(path.read_bytes(), sound_channels)


@pytest.fixture(scope="session")
def payload(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Payload]:
    """The MP4 with that many sound channels."""
    folder = tmp_path_factory.mktemp("payloads")
    made = {channels: encode(folder / f"{channels}.mp4", channels) for channels in (0, 1, 2)}
    return made.__getitem__
