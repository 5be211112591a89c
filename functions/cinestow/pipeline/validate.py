"""A finished DICOM file held against the video inside it."""

from fractions import Fraction
from pathlib import Path

from pydicom import Dataset
from pydicom.errors import BytesLengthException

from cinestow.dicom.part10_file import Part10File
from cinestow.dicom.validate import file_problems
from cinestow.media import isolated
from cinestow.media.model import Limits, Recording


def problems_of(path: Path, limits: Limits) -> list[str]:
    """What is wrong with a DICOM video file; one sentence each, none if all is well.

    Raises ``InputRefused`` when there is no video inside that could be looked at.
    """
    found = file_problems(path)
    with Part10File(path) as file:
        recording = isolated.probe(file, limits)
        stated = file.dataset
        return found + stream_problems(
            recording,
            rows=int(_number(stated, "Rows")),
            columns=int(_number(stated, "Columns")),
            frames=int(_number(stated, "NumberOfFrames")),
            frame_time_ms=_number(stated, "FrameTime"),
        )


def _number(dataset: Dataset, keyword: str) -> Fraction:
    """A single number; 0 where there is none, or something else."""
    try:
        return Fraction(str(dataset.get(keyword) or 0))
    except (BytesLengthException, ValueError, ZeroDivisionError):
        return Fraction(0)


def stream_problems(
    recording: Recording, *, rows: int, columns: int, frames: int, frame_time_ms: Fraction
) -> list[str]:
    """Where the attributes say something else than the stream (PS3.3 C.7.6.3, C.7.6.5, C.7.6.6)."""
    found = []
    if (rows, columns) != (recording.height, recording.width):
        found.append(
            f"Rows x Columns is {rows} x {columns}; the video has "
            f"{recording.height} x {recording.width}."
        )
    if frames != recording.frames:
        found.append(f"NumberOfFrames is {frames}; the video has {recording.frames} pictures.")
    duration = frames * frame_time_ms / 1000
    if abs(duration - recording.duration) > recording.frame_interval.value:
        found.append(
            f"NumberOfFrames x FrameTime is {float(duration):.3f} s; the video lasts "
            f"{float(recording.duration):.3f} s."
        )
    if recording.truncated:
        found.append("The video inside is cut off.")
    return found
