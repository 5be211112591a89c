"""The report on one recording: what came in, what was made of it and why, and how good it is."""

import platform
from dataclasses import dataclass

import av
import numpy as np
import pydicom
from pydicom.uid import UID

import cinestow
from cinestow.dicom.model import BitStream
from cinestow.media.model import Plan, Quality
from cinestow.pipeline.records import PlanRecord, VideoPart


@dataclass(frozen=True)
class InputReport:
    """The recording as it came."""

    container: str
    codec: str
    width: int
    height: int
    frames: int
    duration_s: float
    audio: str | None
    truncated: bool


@dataclass(frozen=True)
class OutputReport:
    """The instance."""

    transfer_syntax: str
    sop_class: str
    sop_instance_uid: str
    frames: int
    frame_time_ms: float
    bytes: int


@dataclass(frozen=True)
class QualityReport:
    """What was encoded against what was decoded."""

    ssim_mean: float
    ssim_p1: float
    psnr_db: float
    frames_in: int
    frames_out: int
    dropped: int
    duplicated: int


@dataclass(frozen=True)
class LossyReport:
    """The compression step that Cinestow added."""

    ratio: float
    method: str


@dataclass(frozen=True)
class Report:
    """The contract of ``--json`` and of ``report.json`` beside the staged instance."""

    input: InputReport
    output: OutputReport
    action: str
    why: str
    quality: QualityReport
    lossy: LossyReport
    timings_s: dict[str, float]
    versions: dict[str, str]


def input_report(plan: Plan) -> InputReport:
    """What the probe saw."""
    recording = plan.recording
    return InputReport(
        container=recording.container,
        codec=recording.codec,
        width=recording.width,
        height=recording.height,
        frames=recording.frames,
        duration_s=round(float(recording.duration), 3),
        audio=recording.sound.codec if recording.sound else None,
        truncated=recording.truncated,
    )


def quality_report(parts: list[Quality]) -> QualityReport:
    """Over all segments; PSNR is the mean over the frames, each capped at 100 dB."""
    ssim = np.concatenate([part.ssim for part in parts])
    psnr = np.concatenate([part.psnr_db for part in parts])
    return QualityReport(
        ssim_mean=round(float(ssim.mean()), 5),
        ssim_p1=round(float(np.percentile(ssim, 1)), 5),
        psnr_db=round(float(psnr.mean()), 2),
        frames_in=sum(part.frames_in for part in parts),
        frames_out=len(ssim),
        dropped=sum(part.dropped for part in parts),
        duplicated=sum(part.duplicated for part in parts),
    )


def report(
    record: PlanRecord,
    video: list[VideoPart],
    stream: BitStream,
    sop_class: UID,
    timings_s: dict[str, float],
) -> Report:
    """Put the report together from what the stages wrote down."""
    return Report(
        input=input_report(record.plan),
        output=OutputReport(
            transfer_syntax=stream.transfer_syntax.keyword,
            sop_class=sop_class.keyword,
            sop_instance_uid=record.uids.instance,
            frames=stream.frames,
            frame_time_ms=round(float(stream.frame_time_ms), 6),
            bytes=stream.bytes,
        ),
        action=record.plan.action,
        why=record.plan.why,
        quality=quality_report([part.segment.quality for part in video]),
        lossy=LossyReport(round(stream.lossy[-1].ratio, 2), stream.lossy[-1].method),
        timings_s=timings_s,
        versions={
            "cinestow": cinestow.__version__,
            "av": av.__version__,
            "ffmpeg": av.ffmpeg_version_info,
            "pydicom": pydicom.__version__,
            "python": platform.python_version(),
        },
    )
