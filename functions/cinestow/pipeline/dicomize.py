"""Dicomize: header and tables around the payloads, joined by compose into one Part 10 object."""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

import pydicom.uid
from pydicom import Dataset
from pydicom.uid import UID

from cinestow.cloud.objects import ObjectRef
from cinestow.dicom import lossy, part10
from cinestow.dicom.instance import build
from cinestow.dicom.model import BitStream, Identity, LossyStep
from cinestow.dicom.validate import problems
from cinestow.errors import InvalidInstance, MissingRecord
from cinestow.media import mp4
from cinestow.media.model import SoundTrack
from cinestow.pipeline import names, records
from cinestow.pipeline.context import Context
from cinestow.pipeline.log import log
from cinestow.pipeline.messages import InstanceStaged, RecordingTranscoded
from cinestow.pipeline.refuse import is_refused, settling
from cinestow.pipeline.report import report

DICOM = "application/dicom"
H264_METHOD = "ISO_14496_10"  # PS3.3 C.7.6.1.1.5.1

TRUNCATED = "The recording was cut off; this is what could be decoded of it."


@dataclass(frozen=True)
class _Parts:
    """All that transcoding made."""

    video: list[records.VideoPart]
    sound: records.SoundPart | None

    @property
    def track(self) -> SoundTrack | None:
        """The sound, where there is any."""
        return self.sound.track if self.sound else None

    @property
    def payloads(self) -> list[tuple[ObjectRef, records.Piece]]:
        """Payloads in file order: v1 a1 v2 a2 ..."""
        ordered = []
        for index, part in enumerate(self.video):
            ordered.append((part.payload, _piece(part.segment.bytes, part.segment.sha256)))
            if self.sound and self.sound.track:
                cut = self.sound.track.segments[index]
                ordered.append((self.sound.payloads[index], _piece(cut.bytes, cut.sha256)))
        return ordered

    @property
    def frames(self) -> int:
        """Frames of the instance."""
        return sum(len(part.segment.sizes) for part in self.video)


def dicomize(context: Context, message: RecordingTranscoded) -> None:
    """Stage the instance unless it is staged, and hand it to the store."""
    upload_id = message.upload_id
    if is_refused(context, upload_id):
        return
    record = context.plan_of(upload_id)
    staged = names.staged(upload_id)
    with settling(context, record.upload, "dicomize"):
        if context.objects.stat(context.work, staged) is None:
            context.record(staged, _stage(context, record))
            log("INFO", "staged", upload_id=upload_id, stage="dicomize")
        context.publish(context.settings.topics.instance_staged, InstanceStaged(upload_id))


def _stage(context: Context, record: records.PlanRecord) -> records.StagedRecord:
    started = time.monotonic()
    parts = _read_parts(context, record)
    container = mp4.layout([part.segment for part in parts.video], parts.track)
    stream = _bit_stream(record, parts, container)
    dataset = _dataset(context, record, stream)
    _demand_valid(dataset, stream)
    around = part10.layout(dataset, stream.transfer_syntax, stream.bytes)
    instance = _compose(context, record, parts, around, container)
    timings = {
        "probe": record.probe_s,
        "transcode": round(sum(part.seconds for part in parts.video), 3),
        "sound": parts.sound.seconds if parts.sound else 0.0,
        "dicomize": round(time.monotonic() - started, 3),
    }
    text = report(record, parts.video, stream, UID(dataset.SOPClassUID), timings)
    return records.StagedRecord(
        instance=instance,
        bytes=len(around.header) + stream.bytes + len(around.trailer),
        header_bytes=len(around.header),
        uids=record.uids,
        bit_stream=_pieces(parts, container),
        report=context.record(names.report(record.upload.upload_id, record.plan_id), text).ref,
    )


def _demand_valid(dataset: Dataset, stream: BitStream) -> None:
    """Nothing is staged that our own checks find fault with."""
    found = problems(dataset, stream.transfer_syntax)
    if found:
        raise InvalidInstance(f"the instance would not conform: {' '.join(found)}")


def _read_parts(context: Context, record: records.PlanRecord) -> _Parts:
    upload_id, plan_id = record.upload.upload_id, record.plan_id

    def table(part: str) -> ObjectRef:
        info = context.objects.stat(context.work, names.part(upload_id, plan_id, part))
        if info is None:
            raise MissingRecord(f"part {part} of upload {upload_id} does not stand")
        return info.ref

    video = [
        records.read(context.objects, table(names.video_part(index)), records.VideoPart)
        for index in range(len(record.plan.segments))
    ]
    sound = None
    if names.SOUND_PART in record.parts:
        sound = records.read(context.objects, table(names.SOUND_PART), records.SoundPart)
    return _Parts(video, sound)


def _bit_stream(record: records.PlanRecord, parts: _Parts, container: mp4.Mp4Layout) -> BitStream:
    plan = record.plan
    payload = sum(piece.bytes for _, piece in parts.payloads)
    return BitStream(
        transfer_syntax=getattr(pydicom.uid, plan.transfer_syntax),
        rows=plan.height,
        columns=plan.width,
        frames=parts.frames,
        frame_time_ms=Fraction(1000) / plan.frame_rate.value,
        bytes=len(container.head) + payload + len(container.padding),
        sound_channels=parts.track.channels if parts.track else 0,
        lossy=_lossy_steps(record, parts),
    )


def _lossy_steps(record: records.PlanRecord, parts: _Parts) -> tuple[LossyStep, ...]:
    """The recording's own compression, where it was lossy, then ours."""
    recording = record.plan.recording
    earlier = lossy.method(recording.codec)
    steps = []
    if earlier is not None:
        ratio = lossy.ratio(recording.height, recording.width, recording.frames, record.upload.size)
        steps.append(LossyStep(ratio, earlier))
    video_bytes = sum(part.segment.bytes for part in parts.video)
    ratio = lossy.ratio(record.plan.height, record.plan.width, parts.frames, video_bytes)
    return (*steps, LossyStep(ratio, H264_METHOD))


def _dataset(context: Context, record: records.PlanRecord, stream: BitStream) -> Dataset:
    metadata = Dataset.from_json(context.objects.read(record.metadata).decode())
    uids = record.uids
    identity = Identity(UID(uids.instance), UID(uids.study), UID(uids.series))
    recorded_at = datetime.fromisoformat(record.upload.created)
    dataset = build(metadata, stream, identity, recorded_at, context.wishes.sop_class)
    if record.plan.recording.truncated:
        dataset.ImageComments = TRUNCATED
    return dataset


def _compose(
    context: Context,
    record: records.PlanRecord,
    parts: _Parts,
    around: part10.Part10Layout,
    container: mp4.Mp4Layout,
) -> ObjectRef:
    """header + MP4 head | v1 | a1 | ... | padding + delimiter: no sample byte passes through us."""
    header = _keep(context, record, "header", around.header + container.head)
    trailer = _keep(context, record, "trailer", container.padding + around.trailer)
    refs = [header, *(ref for ref, _ in parts.payloads), trailer]
    digest = _short_digest(repr(refs).encode())
    name = names.instance(record.upload.upload_id, record.plan_id, digest)
    return context.objects.compose(context.work, name, refs, DICOM)[0].ref


def _keep(context: Context, record: records.PlanRecord, role: str, data: bytes) -> ObjectRef:
    name = names.around(record.upload.upload_id, record.plan_id, role, _short_digest(data))
    return context.objects.create(context.work, name, [data], DICOM)[0].ref


def _short_digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _pieces(parts: _Parts, container: mp4.Mp4Layout) -> tuple[records.Piece, ...]:
    head = _piece(len(container.head), hashlib.sha256(container.head).hexdigest())
    pieces = [head, *(piece for _, piece in parts.payloads)]
    if container.padding:
        digest = hashlib.sha256(container.padding).hexdigest()
        pieces.append(_piece(len(container.padding), digest))
    return tuple(pieces)


def _piece(length: int, sha256: str) -> records.Piece:
    return records.Piece(length, sha256)
