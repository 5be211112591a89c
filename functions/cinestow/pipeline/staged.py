"""What is staged: the record of it, and the dataset in front of its bit stream."""

import io

from pydicom import Dataset, dcmread

from cinestow.errors import MissingRecord
from cinestow.pipeline import names, records
from cinestow.pipeline.context import Context


def staged_record(context: Context, upload_id: str) -> records.StagedRecord:
    """What is staged; it was written before any message of it."""
    staged = records.find(
        context.objects, context.work, names.staged(upload_id), records.StagedRecord
    )
    if staged is None:
        raise MissingRecord(f"upload {upload_id} has nothing staged")
    return staged


def staged_dataset(context: Context, staged: records.StagedRecord) -> Dataset:
    """The attributes of the staged instance, without its Pixel Data."""
    header = b"".join(context.objects.stream(staged.instance, 0, staged.header_bytes))
    return dcmread(io.BytesIO(header), stop_before_pixels=True)
