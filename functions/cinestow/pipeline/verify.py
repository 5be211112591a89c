"""Verify: read the instance back and hold it against what was staged, bit for bit."""

import hashlib
from collections.abc import Iterator

from pydicom import Dataset

from cinestow.cloud.leases import Lease
from cinestow.dicomweb import wado
from cinestow.errors import ConfigurationError, InstanceMismatch, InstanceNotFound, StoreUnavailable
from cinestow.pipeline import names, records
from cinestow.pipeline.context import Context
from cinestow.pipeline.log import log
from cinestow.pipeline.messages import InstanceStored
from cinestow.pipeline.staged import staged_dataset, staged_record


def verify(context: Context, message: InstanceStored) -> None:
    """Compare bit stream and dataset; only then does the upload count as verified.

    Raises ``InstanceMismatch`` when the store holds other content under our UID.
    """
    upload_id = message.upload_id
    name = names.verified(upload_id)
    if context.objects.stat(context.work, name) is not None:
        return
    staged = staged_record(context, upload_id)
    with context.lease(upload_id, "verify") as held:
        seen = _read_back(context, staged, held)
    context.record(name, records.VerifiedRecord(staged.uids, seen.bytes, seen.sha256))
    log("INFO", "verified", upload_id=upload_id, stage="verify", bytes=seen.bytes)


def _read_back(context: Context, staged: records.StagedRecord, held: Lease) -> records.Piece:
    if context.store is None:
        raise ConfigurationError("this function has no DICOMweb store")
    uids = staged.uids
    try:
        with wado.retrieve(context.store, uids.study, uids.series, uids.instance) as instance:
            _compare_datasets(instance.dataset, staged_dataset(context, staged))
            return _compare_bit_streams(held.keeping(instance.bit_stream()), staged.bit_stream)
    except InstanceNotFound as error:
        # The store has answered for it: it may not be readable yet.
        raise StoreUnavailable(f"stored instance {uids.instance} is not there yet") from error


def _compare_datasets(found: Dataset, expected: Dataset) -> None:
    """Data elements without group 2, which stores may write anew (PS3.18 leaves it to them)."""
    differing = sorted(
        {element.keyword for element in expected if found.get(element.tag) != element}
        | {element.keyword for element in found if element.tag not in expected}
    )
    if differing:
        raise InstanceMismatch(
            f"the store changed the dataset: {', '.join(differing)}; "
            "look at the store's coercion settings"
        )


def _compare_bit_streams(
    found: Iterator[bytes], expected: tuple[records.Piece, ...]
) -> records.Piece:
    """The pieces' hashes come from the stages that made them: this spans the whole way."""
    whole = hashlib.sha256()
    reader = _Exactly(found)
    for index, piece in enumerate(expected):
        digest = hashlib.sha256()
        for data in reader.take(piece.bytes):
            digest.update(data)
            whole.update(data)
        if digest.hexdigest() != piece.sha256:
            raise InstanceMismatch(f"piece {index} of the stored bit stream is not what was sent")
    if not reader.exhausted():
        raise InstanceMismatch("the stored bit stream is longer than what was sent")
    return records.Piece(sum(piece.bytes for piece in expected), whole.hexdigest())


class _Exactly:
    """Takes exact lengths from a stream of pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def take(self, length: int) -> Iterator[memoryview]:
        """The next ``length`` bytes; raises ``InstanceMismatch`` where the stream ends before."""
        while length:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    raise InstanceMismatch("the stored bit stream is shorter than what was sent")
                self._rest = memoryview(piece)
                continue
            data, self._rest = self._rest[:length], self._rest[length:]
            length -= len(data)
            yield data

    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return not self._rest and not any(self._pieces)
