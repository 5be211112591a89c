"""Store: stream the staged object into the DICOMweb store."""

from collections.abc import Iterator
from dataclasses import dataclass

from cinestow.cloud.leases import Lease
from cinestow.cloud.objects import ObjectRef, Objects
from cinestow.dicomweb import stow
from cinestow.errors import ConfigurationError, MissingRecord
from cinestow.pipeline import names, records
from cinestow.pipeline.context import Context
from cinestow.pipeline.log import log
from cinestow.pipeline.messages import InstanceStaged, InstanceStored
from cinestow.pipeline.refuse import is_refused, settling


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


def staged_record(context: Context, upload_id: str) -> records.StagedRecord:
    """What is staged; it was written before any message of it."""
    staged = records.find(
        context.objects, context.work, names.staged(upload_id), records.StagedRecord
    )
    if staged is None:
        raise MissingRecord(f"upload {upload_id} has nothing staged")
    return staged


def _send(context: Context, staged: records.StagedRecord, held: Lease) -> stow.StoreOutcome:
    if context.store is None:
        raise ConfigurationError("this function has no DICOMweb store")
    body = StagedBody(context.objects, staged.instance, staged.bytes, held)
    return stow.store(context.store, staged.uids.study, body, staged.uids.instance)
