"""Refusals: recorded once, with a copy of the original and a sentence a clinician understands."""

from collections.abc import Iterator
from contextlib import contextmanager

from cinestow.errors import InputRefused, StorageUnavailable, Superseded
from cinestow.pipeline import names, records
from cinestow.pipeline.context import Context
from cinestow.pipeline.log import log


@contextmanager
def settling(context: Context, upload: records.Upload, stage: str) -> Iterator[None]:
    """Turn what ends an upload for good into its terminal state; all else passes through.

    Raises ``StorageUnavailable`` when something else than the original was replaced meanwhile.
    """
    try:
        with _refusing(context, upload, stage):
            yield
    except Superseded as gone:
        if _original_stands(context, upload):
            raise StorageUnavailable("an object was replaced while it was in use") from gone
        context.record(names.superseded(upload.upload_id), records.Marker(str(gone)))
        log("WARNING", "superseded", upload_id=upload.upload_id, stage=stage)


@contextmanager
def _refusing(context: Context, upload: records.Upload, stage: str) -> Iterator[None]:
    try:
        yield
    except InputRefused as refusal:
        refuse(context, upload, refusal, stage)


def _original_stands(context: Context, upload: records.Upload) -> bool:
    live = context.objects.stat(upload.bucket, upload.name)
    return live is not None and live.ref == upload.ref


def refuse(context: Context, upload: records.Upload, refusal: InputRefused, stage: str) -> None:
    """Quarantine a copy and the reason; the original stays where it is. Twice is harmless.

    The reason is written last: where it stands, the copy stands.
    """
    quarantine = context.settings.buckets.quarantine
    context.objects.copy(upload.ref, quarantine, names.quarantined(upload.upload_id))
    record = records.Refusal(refusal.code, refusal.sentence, stage)
    records.write(context.objects, quarantine, names.refusal(upload.upload_id), record)
    log("WARNING", "refused", upload_id=upload.upload_id, stage=stage, code=refusal.code)


def is_refused(context: Context, upload_id: str) -> bool:
    """Whether the upload has been refused already."""
    quarantine = context.settings.buckets.quarantine
    return context.objects.stat(quarantine, names.refusal(upload_id)) is not None
