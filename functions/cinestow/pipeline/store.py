"""Store: stream the staged object into the DICOMweb store."""

from collections.abc import Iterator
from dataclasses import dataclass

from cinestow.cloud.leases import Lease
from cinestow.cloud.objects import ObjectRef, Objects
from cinestow.dicomweb import query, stow
from cinestow.dicomweb.client import DicomWeb
from cinestow.errors import ConfigurationError, InputRefused, RefusalCode
from cinestow.pipeline import names, records
from cinestow.pipeline.context import Context
from cinestow.pipeline.log import log
from cinestow.pipeline.messages import InstanceStaged, InstanceStored
from cinestow.pipeline.refuse import is_refused, settling
from cinestow.pipeline.staged import staged_dataset, staged_record


@dataclass(frozen=True)
class StagedBody:
    """The staged object as a body that can be sent again: every retry sends the same bytes."""

    objects: Objects
    ref: ObjectRef
    length: int
    held: Lease

    def open(self) -> Iterator[bytes]:
        """The bytes from the start; every piece keeps the lease alive."""
        return self.held.keeping(self.objects.stream(self.ref))


def store(context: Context, message: InstanceStaged) -> None:
    """STOW the staged instance unless the store has answered for it already."""
    upload_id = message.upload_id
    if is_refused(context, upload_id):
        return
    staged = staged_record(context, upload_id)
    upload = context.plan_of(upload_id).upload
    with settling(context, upload, "store"):
        if context.objects.stat(context.work, names.stored(upload_id)) is None:
            _store_once(context, upload_id, staged)
        context.publish(context.settings.topics.instance_stored, InstanceStored(upload_id))


def _store_once(context: Context, upload_id: str, staged: records.StagedRecord) -> None:
    with context.lease(upload_id, "store") as held:
        outcome = _send(context, staged, held)
        already = outcome is stow.StoreOutcome.ALREADY_THERE
        context.record(names.stored(upload_id), records.StoredRecord(staged.uids, already))
    log("INFO", "stored", upload_id=upload_id, stage="store", bytes=staged.bytes)


def _demand_same_patient(context: Context, store: DicomWeb, staged: records.StagedRecord) -> None:
    """An instance joins an existing study only if the study is that patient's."""
    patients = query.patients_of_study(store, staged.uids.study)
    ours = str(staged_dataset(context, staged).PatientID or "")
    if patients - {ours}:
        raise InputRefused(
            RefusalCode.METADATA_CONFLICT,
            "The study that this recording was meant for belongs to another patient. "
            "Check the patient and the study, and send the recording again.",
        )


def _send(context: Context, staged: records.StagedRecord, held: Lease) -> stow.StoreOutcome:
    if context.store is None:
        raise ConfigurationError("this function has no DICOMweb store")
    _demand_same_patient(context, context.store, staged)
    body = StagedBody(context.objects, staged.instance, staged.bytes, held)
    return stow.store(context.store, staged.uids.study, body, staged.uids.instance)
