"""Objects in Cloud Storage, through Google's own client.

The client retries what is safe to retry; what is left after that becomes ``StorageUnavailable``.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import requests
from google.api_core import exceptions as api
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse

from cinestow.cloud.objects import ObjectInfo, ObjectRef, ObjectWriter
from cinestow.errors import CinestowError, StorageUnavailable, Superseded

PIECE = 1 << 20
UPLOAD_CHUNK = 8 << 20
COMPOSE_LIMIT = 32
"""Sources of one compose call (Cloud Storage's own limit)."""
TIMEOUT = 60


class _Exists(Exception):
    """A write-once name is taken."""


@contextmanager
def _errors_of(what: str, missing: type[CinestowError] = Superseded) -> Iterator[None]:
    """Translate the client's errors; ``what`` names the call without naming the object.

    ``missing`` is raised for 404: when reading a pinned generation it was superseded, when writing
    it is the bucket that is not there.
    """
    try:
        yield
    except api.PreconditionFailed as error:
        raise _Exists from error
    except api.NotFound as error:
        raise missing(f"{what}: not found") from error
    except InvalidResponse as error:
        if error.response.status_code == api.PreconditionFailed.code:
            raise _Exists from error
        if error.response.status_code == api.NotFound.code:
            raise missing(f"{what}: not found") from error
        raise StorageUnavailable(f"{what}: answered {error.response.status_code}") from error
    except (api.GoogleAPICallError, api.RetryError, DataCorruption) as error:
        raise StorageUnavailable(f"{what}: {type(error).__name__}") from error
    except (requests.RequestException, ConnectionError, GoogleAuthError) as error:
        raise StorageUnavailable(f"{what}: {type(error).__name__}") from error


class GcsReader:
    """Ranged reads of one pinned object, in blocks, the latest few kept."""

    KEPT = 4

    def __init__(self, fetch: Callable[[int, int], bytes], size: int, block: int) -> None:
        self._fetch = fetch
        self._size = size
        self._block = block
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    @property
    def size(self) -> int:
        """Length in bytes."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; fewer only where the object ends."""
        end = min(offset + length, self._size)
        pieces = []
        while offset < end:
            index, skip = divmod(offset, self._block)
            piece = self._load(index)[skip : skip + end - offset]
            pieces.append(piece)
            offset += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _load(self, index: int) -> bytes:
        if index in self._blocks:
            self._blocks.move_to_end(index)
            return self._blocks[index]
        while len(self._blocks) >= self.KEPT:
            self._blocks.popitem(last=False)
        start = index * self._block
        end = min(start + self._block, self._size)
        data = self._fetch(start, end)
        if len(data) != end - start:
            raise StorageUnavailable(f"a ranged read gave {len(data)} of {end - start} bytes")
        self._blocks[index] = data
        return data


def gcs_objects(project: str) -> "GcsObjects":
    """The project's Cloud Storage, as the environment's identity may use it."""
    return GcsObjects(storage.Client(project=project))


class GcsObjects:
    """``cloud.objects.Objects`` on Cloud Storage."""

    def __init__(self, client: storage.Client) -> None:
        self._client = client

    def stat(self, bucket: str, name: str) -> ObjectInfo | None:
        """The live generation of an object, or None."""
        with _errors_of("looking up an object"):
            blob = self._client.bucket(bucket).get_blob(name, timeout=TIMEOUT)
        return None if blob is None else _info(blob)

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        """Live objects whose names start with ``prefix``, by name."""
        with _errors_of("listing objects", missing=StorageUnavailable):
            for blob in self._client.list_blobs(bucket, prefix=prefix, timeout=TIMEOUT):
                yield _info(blob)

    def read(self, ref: ObjectRef) -> bytes:
        """The whole of a small object."""
        with _errors_of("reading an object"):
            return bytes(self._blob(ref).download_as_bytes(raw_download=True, timeout=TIMEOUT))

    def reader(self, ref: ObjectRef, block: int = 8 << 20) -> GcsReader:
        """Ranged reads, ``block`` bytes a request."""
        blob = self._blob(ref)
        with _errors_of("opening an object"):
            blob.reload(timeout=TIMEOUT)

        def fetch(start: int, end: int) -> bytes:
            return self._range(blob, start, end)

        return GcsReader(fetch, int(blob.size), block)

    def stream(self, ref: ObjectRef, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Bytes ``start`` up to, not including, ``end``, in pieces of at most 1 MiB."""
        reader = self.reader(ref)
        end = reader.size if end is None else min(end, reader.size)
        while start < end:
            piece = reader.read_at(start, min(PIECE, end - start))
            yield piece
            start += len(piece)

    def create(
        self,
        bucket: str,
        name: str,
        pieces: Iterable[bytes],
        content_type: str,
        metadata: Mapping[str, str] | None = None,
    ) -> tuple[ObjectInfo, bool]:
        """Write once, streaming. The object that stands there, and whether it is ours.

        If ``pieces`` raises, the upload is cancelled: a part of an object is never committed.
        """
        blob = self._client.bucket(bucket).blob(name)
        if metadata:
            blob.metadata = dict(metadata)
        source = iter(pieces)
        start = bytearray()
        for piece in source:
            start += piece
            if len(start) > PIECE:
                break
        try:
            if len(start) <= PIECE:
                self._create_small(blob, bytes(start), content_type)
            else:
                with _writing(blob, content_type) as writer:
                    writer.write(bytes(start))
                    for piece in source:
                        writer.write(piece)
        except _Exists:
            return self._existing(bucket, name), False
        return _info(blob), True

    @contextmanager
    def writer(self, bucket: str, name: str, content_type: str) -> Iterator[ObjectWriter]:
        """Write once, pushing pieces. An exception in the block cancels the whole object."""
        blob = self._client.bucket(bucket).blob(name)
        ended = False
        try:
            with _writing(blob, content_type) as file:
                handle = ObjectWriter(file.write)
                yield handle
                ended = True
        except _Exists:
            if not ended:  # the block was left half-way: its caller must not go on
                raise StorageUnavailable("the name of an attempt is taken") from None
            handle.finish(self._existing(bucket, name))
        else:
            handle.finish(_info(blob))

    def compose(
        self, bucket: str, name: str, parts: Sequence[ObjectRef], content_type: str
    ) -> tuple[ObjectInfo, bool]:
        """Join objects of the same bucket, in order, any number of them; write once."""
        if existing := self.stat(bucket, name):
            return existing, False
        joined: list[ObjectRef] = []
        while len(parts) > COMPOSE_LIMIT:
            groups = [parts[i : i + COMPOSE_LIMIT] for i in range(0, len(parts), COMPOSE_LIMIT)]
            names = [f"{name}.join-{len(joined) + i:05}" for i in range(len(groups))]
            parts = [
                self._compose(bucket, part, group, content_type)[0].ref
                for part, group in zip(names, groups, strict=True)
            ]
            joined += parts
        result = self._compose(bucket, name, parts, content_type)
        for ref in joined:
            self.delete(ref)
        return result

    def replace(self, bucket: str, name: str, data: bytes, generation: int) -> ObjectRef | None:
        """Written if the live generation is ``generation`` (0: absent); else None."""
        blob = self._client.bucket(bucket).blob(name)
        try:
            with _errors_of("writing an object", missing=StorageUnavailable):
                blob.upload_from_string(
                    data, "application/json", if_generation_match=generation, timeout=TIMEOUT
                )
        except _Exists:
            return None
        return _info(blob).ref

    def delete(self, ref: ObjectRef) -> None:
        """Remove that generation; already gone is fine."""
        try:
            with _errors_of("deleting an object"):
                self._blob(ref).delete(if_generation_match=ref.generation, timeout=TIMEOUT)
        except (_Exists, Superseded):
            return

    def copy(self, ref: ObjectRef, bucket: str, name: str) -> tuple[ObjectInfo, bool]:
        """Copy inside Cloud Storage, without moving bytes through us; write once."""
        blob = self._client.bucket(bucket).blob(name)
        token = None
        try:
            with _errors_of("copying an object"):
                while True:
                    token, _, _ = blob.rewrite(
                        self._blob(ref), token=token, if_generation_match=0, timeout=TIMEOUT
                    )
                    if token is None:
                        return _info(blob), True
        except _Exists:
            return self._existing(bucket, name), False

    def _blob(self, ref: ObjectRef) -> Any:
        return self._client.bucket(ref.bucket).blob(ref.name, generation=ref.generation)

    def _range(self, blob: Any, start: int, end: int) -> bytes:
        with _errors_of("reading a range"):
            return bytes(
                blob.download_as_bytes(
                    start=start, end=end - 1, raw_download=True, checksum=None, timeout=TIMEOUT
                )
            )

    def _existing(self, bucket: str, name: str) -> ObjectInfo:
        info = self.stat(bucket, name)
        if info is None:
            raise StorageUnavailable("an object was deleted while it was being written")
        return info

    @staticmethod
    def _create_small(blob: Any, data: bytes, content_type: str) -> None:
        with _errors_of("writing an object", missing=StorageUnavailable):
            blob.upload_from_string(data, content_type, if_generation_match=0, timeout=TIMEOUT)

    def _compose(
        self, bucket: str, name: str, parts: Sequence[ObjectRef], content_type: str
    ) -> tuple[ObjectInfo, bool]:
        blob = self._client.bucket(bucket).blob(name)
        blob.content_type = content_type
        try:
            with _errors_of("composing an object", missing=StorageUnavailable):
                blob.compose(
                    [self._blob(part) for part in parts],
                    if_generation_match=0,
                    if_source_generation_match=[part.generation for part in parts],
                    timeout=TIMEOUT,
                )
        except _Exists:
            return self._existing(bucket, name), False
        return _info(blob), True


@contextmanager
def _writing(blob: Any, content_type: str) -> Iterator[Any]:
    """A resumable write-once upload; the block's exception cancels it."""
    with _errors_of("writing an object", missing=StorageUnavailable):
        with blob.open(
            "wb",
            chunk_size=UPLOAD_CHUNK,
            if_generation_match=0,
            content_type=content_type,
            timeout=TIMEOUT,
        ) as file:
            yield file
        blob.reload(timeout=TIMEOUT)


def _info(blob: Any) -> ObjectInfo:
    return ObjectInfo(
        ref=ObjectRef(blob.bucket.name, blob.name, int(blob.generation)),
        size=int(blob.size),
        content_type=blob.content_type or "application/octet-stream",
        metadata=dict(blob.metadata or {}),
        created=blob.time_created.isoformat(),
    )
