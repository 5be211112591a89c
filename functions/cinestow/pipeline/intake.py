"""Intake: pair the recording with its metadata, look at it, decide what is to be done, start it."""

import hashlib
import time

from pydicom import Dataset

from cinestow.cloud.objects import ObjectInfo, ObjectRef
from cinestow.dicom import uids
from cinestow.dicom.iods.registry import choose
from cinestow.errors import ConfigurationError, InputRefused, RefusalCode
from cinestow.media import isolated
from cinestow.media.plan import plan
from cinestow.pipeline import names, records, sidecars
from cinestow.pipeline.context import Context
from cinestow.pipeline.events import FinalizedObject
from cinestow.pipeline.log import log
from cinestow.pipeline.messages import SegmentRequested
from cinestow.pipeline.refuse import is_refused, settling


def intake(context: Context, event: FinalizedObject) -> None:
    """Look at the pair that the finalized object belongs to, from whichever side it came."""
    if event.bucket != context.settings.buckets.uploads:
        raise ConfigurationError(
            "an object of another bucket than that of the uploads was notified"
        )
    recording = sidecars.recording_of(event.name)
    if recording is not None:
        info = context.objects.stat(event.bucket, recording)
        if info is not None:
            _take_in(context, info)
        return
    info = context.objects.stat(event.bucket, event.name)
    if info is not None and info.ref.generation == event.generation:
        _take_in(context, info)
        return
    _go_on_if_planned(context, _upload_id(context, event.bucket, event.name, event.generation))


def _go_on_if_planned(context: Context, upload_id: str) -> None:
    """The object was overwritten or deleted; what is under way ends by itself, wherever that is."""
    record = context.find_plan(upload_id)
    if record is not None:
        _request_parts(context, record)
        return
    context.record(names.superseded(upload_id), records.Marker("overwritten or deleted"))
    log("WARNING", "superseded", upload_id=upload_id, stage="intake")


def _take_in(context: Context, info: ObjectInfo) -> None:
    upload = _upload(context, info)
    if is_refused(context, upload.upload_id):
        return
    with settling(context, upload, "intake"):
        record = context.find_plan(upload.upload_id) or _decide(context, upload, info)
        if record is not None:
            _request_parts(context, record)


def _decide(
    context: Context, upload: records.Upload, info: ObjectInfo
) -> records.PlanRecord | None:
    """Write the plan; None while the recording waits for its metadata."""
    if upload.size == 0:
        raise InputRefused(
            RefusalCode.EMPTY, "The uploaded file is empty. Record or export it again."
        )
    dataset = sidecars.gather(context.objects, info)
    if dataset is None:
        if context.settings.without_metadata == "wait":
            marker = records.Marker("no metadata has come yet")
            context.record(names.waiting(upload.upload_id), marker)
            log("INFO", "waiting for metadata", upload_id=upload.upload_id, stage="intake")
            return None
        dataset = Dataset()
    choose(dataset.get("Modality"), context.wishes.sop_class)  # refuse before any work is done
    started = time.monotonic()
    recording = isolated.probe(context.objects.reader(upload.ref), context.limits)
    record = records.PlanRecord(
        upload=upload,
        plan=plan(recording, context.wishes.transfer_syntax),
        uids=_uids(context, upload, dataset),
        metadata=_keep_metadata(context, upload, dataset),
        probe_s=round(time.monotonic() - started, 3),
    )
    written = context.record(names.plan(upload.upload_id), record)
    log("INFO", "planned", upload_id=upload.upload_id, stage="intake", frames=record.plan.frames)
    return records.read(context.objects, written.ref, records.PlanRecord)


def _request_parts(context: Context, record: records.PlanRecord) -> None:
    for part in record.parts:
        message = SegmentRequested(record.upload.upload_id, part)
        context.publish(context.settings.topics.segment_requested, message)


def _upload_id(context: Context, bucket: str, name: str, generation: int) -> str:
    return uids.upload_id(context.settings.key, bucket, name, generation)


def _upload(context: Context, info: ObjectInfo) -> records.Upload:
    ref = info.ref
    return records.Upload(
        upload_id=_upload_id(context, ref.bucket, ref.name, ref.generation),
        bucket=ref.bucket,
        name=ref.name,
        generation=ref.generation,
        size=info.size,
        content_type=info.content_type,
        created=info.created,
    )


def _uids(context: Context, upload: records.Upload, dataset: Dataset) -> records.InstanceUids:
    identity = uids.identity(
        context.settings.key, dataset, upload.bucket, upload.name, upload.generation
    )
    return records.InstanceUids(
        str(identity.study), str(identity.series), str(identity.sop_instance)
    )


def _keep_metadata(context: Context, upload: records.Upload, dataset: Dataset) -> ObjectRef:
    data = dataset.to_json().encode()
    name = names.metadata(upload.upload_id, hashlib.sha256(data).hexdigest()[:16])
    return context.objects.create(context.work, name, [data], records.JSON)[0].ref
