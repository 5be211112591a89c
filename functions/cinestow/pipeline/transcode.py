"""Transcode: one part of a plan, written once. Whoever writes the last part says so."""

import time
import uuid
from contextlib import ExitStack

from cinestow.cloud.leases import Lease
from cinestow.cloud.objects import ObjectReader
from cinestow.errors import InputRefused, MissingRecord
from cinestow.media import isolated
from cinestow.media.model import Sink
from cinestow.pipeline import names, records
from cinestow.pipeline.context import Context
from cinestow.pipeline.log import log
from cinestow.pipeline.messages import RecordingTranscoded, SegmentRequested
from cinestow.pipeline.refuse import is_refused, settling

PAYLOAD = "application/octet-stream"


def transcode(context: Context, message: SegmentRequested) -> None:
    """Encode the part unless it stands, then see whether the recording is whole."""
    record = context.plan_of(message.upload_id)
    if message.part not in record.parts:
        raise MissingRecord(f"the plan of upload {message.upload_id} has no part {message.part}")
    if is_refused(context, message.upload_id):
        return
    with settling(context, record.upload, "transcode"):
        _finish_part(context, record, message.part)
        if _all_parts_stand(context, record):
            topic = context.settings.topics.recording_transcoded
            context.publish(topic, RecordingTranscoded(message.upload_id))


def _finish_part(context: Context, record: records.PlanRecord, part: str) -> None:
    upload_id = record.upload.upload_id
    table = names.part(upload_id, record.plan_id, part)
    if context.objects.stat(context.work, table) is not None:
        return
    with context.lease(upload_id, part) as held:
        try:
            finished = _encode(context, record, part, held)
        except InputRefused:
            if context.objects.stat(context.work, table) is None:
                raise
            return  # another worker could: what it has made counts
        context.record(table, finished)
    log(
        "INFO",
        "transcoded",
        upload_id=upload_id,
        stage="transcode",
        part=part,
        seconds=finished.seconds,
    )


def _encode(
    context: Context, record: records.PlanRecord, part: str, held: Lease
) -> records.VideoPart | records.SoundPart:
    started = time.monotonic()
    source = _Kept(context.objects.reader(record.upload.ref), held)
    if part == names.SOUND_PART:
        return _encode_sound(context, record, source, started)
    return _encode_video(context, record, int(part.removeprefix("video-")), source, started)


def _encode_video(
    context: Context, record: records.PlanRecord, index: int, source: "_Kept", started: float
) -> records.VideoPart:
    name = _payload_name(record, names.video_part(index))
    with context.objects.writer(context.work, name, PAYLOAD) as payload:
        segment = isolated.encode_video(
            source, record.plan, index, source.keeping(payload.write), context.limits
        )
    return records.VideoPart(segment, payload.info.ref, round(time.monotonic() - started, 3))


def _encode_sound(
    context: Context, record: records.PlanRecord, source: "_Kept", started: float
) -> records.SoundPart:
    count = len(record.plan.segments)
    payloads = []
    with ExitStack() as stack:
        for index in range(count):
            name = _payload_name(record, f"{names.SOUND_PART}-{index:05}")
            writer = context.objects.writer(context.work, name, PAYLOAD)
            payloads.append(stack.enter_context(writer))
        track = isolated.encode_sound(
            source,
            record.plan,
            [source.keeping(payload.write) for payload in payloads],
            _planned_frames(record),
            context.limits,
        )
    refs = tuple(payload.info.ref for payload in payloads)
    return records.SoundPart(track, refs, round(time.monotonic() - started, 3))


def _planned_frames(record: records.PlanRecord) -> list[int]:
    total = record.plan.frames
    return [
        (total if segment.end is None else segment.end) - segment.first
        for segment in record.plan.segments
    ]


def _payload_name(record: records.PlanRecord, part: str) -> str:
    return names.payload(record.upload.upload_id, record.plan_id, part, uuid.uuid4().hex)


def _all_parts_stand(context: Context, record: records.PlanRecord) -> bool:
    prefix = names.parts(record.upload.upload_id, record.plan_id)
    standing = {info.ref.name for info in context.objects.list(context.work, prefix)}
    wanted = {names.part(record.upload.upload_id, record.plan_id, part) for part in record.parts}
    return wanted <= standing


class _Kept:
    """A source whose every read keeps the lease alive."""

    def __init__(self, reader: ObjectReader, held: Lease) -> None:
        self._reader = reader
        self._held = held

    @property
    def size(self) -> int:
        return self._reader.size

    def read_at(self, offset: int, length: int) -> bytes:
        self._held.keep()
        return self._reader.read_at(offset, length)

    def keeping(self, write: Sink) -> Sink:
        """``write``, keeping the lease alive at every piece."""

        def kept(piece: bytes) -> None:
            self._held.keep()
            write(piece)

        return kept
