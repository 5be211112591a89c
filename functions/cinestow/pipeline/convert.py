"""The pipeline's own stages on local files: no cloud, no DICOMweb store."""

import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cinestow.cloud.files import FileObjects
from cinestow.errors import CinestowError, InputRefused
from cinestow.pipeline import messages, names, records
from cinestow.pipeline.context import Context, Wishes
from cinestow.pipeline.dicomize import dicomize
from cinestow.pipeline.events import FinalizedObject
from cinestow.pipeline.intake import intake
from cinestow.pipeline.report import Report
from cinestow.pipeline.sidecars import suffix_of
from cinestow.pipeline.transcode import transcode
from cinestow.settings import Buckets, Settings, Topics

RECORDING = "recording"
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Converted:
    """The finished instance and its report."""

    instance: Path
    report: Report


@dataclass(frozen=True)
class _Bus:
    """Messages between the stages, within one process."""

    waiting: deque[tuple[str, bytes]] = field(default_factory=deque)

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """Queue the message; ``attributes`` say nothing that the message does not."""
        del attributes
        self.waiting.append((topic, data))


def convert(
    recording: Path,
    work: Path,
    metadata: Path | None,
    wishes: Wishes,
    progress: Progress,
) -> Converted:
    """Turn one recording into a Part 10 file inside the folder ``work``.

    Raises ``InputRefused`` when the recording or its metadata cannot be taken.
    """
    objects = FileObjects(work)
    bus = _Bus()
    context = Context(_settings(), objects, bus, wishes=wishes)
    uploads = context.settings.buckets.uploads
    if metadata is not None:
        objects.adopt(uploads, f"{RECORDING}{suffix_of(metadata)}", metadata, {})
    upload = objects.adopt(uploads, RECORDING, recording, {})
    progress("looking at the recording")
    intake(context, FinalizedObject(uploads, RECORDING, upload.ref.generation))
    upload_id = _run(context, bus, progress)
    return _result(context, objects, upload_id)


def _run(context: Context, bus: _Bus, progress: Progress) -> str | None:
    """Deliver messages until the instance is staged; the upload's id, None if refused early."""
    upload_id = None
    topics = context.settings.topics
    while bus.waiting:
        topic, data = bus.waiting.popleft()
        if topic == topics.segment_requested:
            request = messages.decode(data, messages.SegmentRequested)
            progress(f"transcoding {request.part}")
            transcode(context, request)
            upload_id = request.upload_id
        elif topic == topics.recording_transcoded:
            progress("building the instance")
            dicomize(context, messages.decode(data, messages.RecordingTranscoded))
    return upload_id


def _result(context: Context, objects: FileObjects, upload_id: str | None) -> Converted:
    for info in objects.list(context.settings.buckets.quarantine, ""):
        if info.ref.name.endswith(names.refusal("")):
            refusal = records.read(objects, info.ref, records.Refusal)
            raise InputRefused(refusal.code, refusal.sentence)
    staged = upload_id and records.find(
        objects, context.work, names.staged(upload_id), records.StagedRecord
    )
    if not staged:
        raise CinestowError("the stages ended with neither an instance nor a refusal")
    report = records.read(objects, staged.report, Report)
    return Converted(objects.path(staged.instance), report)


def _settings() -> Settings:
    return Settings(
        project="local",
        buckets=Buckets("uploads", "work", "quarantine", "previews"),
        topics=Topics(
            "segment-requested", "recording-transcoded", "instance-staged", "instance-stored"
        ),
        identity_key=secrets.token_bytes(32),
        dicomweb_root="",
        without_metadata="unidentified",
    )
