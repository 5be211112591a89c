"""Retrieving one instance of any size through WADO-RS, streaming (PS3.18 10.4)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx

from cinestow.dicomweb.client import DicomWeb, connection_errors, failure
from cinestow.dicomweb.multipart import boundary_of, read_parts
from cinestow.dicomweb.part10_stream import RetrievedInstance
from cinestow.errors import InstanceNotFound, StoreUnavailable

HEADERS = {
    # As stored: stores transcode to 1.2.840.10008.1.2.1 or fail unless told otherwise.
    "Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*',
    "Accept-Encoding": "identity",
}

NOT_FOUND = (httpx.codes.NOT_FOUND, httpx.codes.GONE, httpx.codes.FORBIDDEN)
"""Google answers 403 for what is not there as well as for what the caller may not see."""


@contextmanager
def retrieve(
    client: DicomWeb, study: str, series: str, instance: str
) -> Iterator[RetrievedInstance]:
    """Open an instance in the transfer syntax it is stored in; the block's end closes it.

    ``InstanceNotFound``: not there, or not to be seen by us. ``StoreUnavailable``: no answer, a
    passing error, or an answer that is cut off or no instance; reading the fragments raises it
    too. ``ConfigurationError``: the store is not there or does not let us in. ``InputRefused``:
    an instance that is no encapsulated one.
    """
    doing = f"WADO-RS of instance {instance}"
    headers = {**client.authorization(), **HEADERS}
    with ExitStack() as stack:
        with connection_errors(doing):
            response = stack.enter_context(
                client.http.stream(
                    "GET", client.instance_url(study, series, instance), headers=headers
                )
            )
        if response.status_code in NOT_FOUND:
            raise InstanceNotFound(
                f"{doing}: HTTP {response.status_code}; the store does not hold it or denies it"
            )
        if response.status_code != httpx.codes.OK:
            raise failure(response.status_code, doing)
        yield RetrievedInstance(_instance_bytes(response, doing))


def _instance_bytes(response: httpx.Response, doing: str) -> Iterator[bytes]:
    """The Part 10 stream, out of its multipart envelope if there is one."""
    chunks = _received(response, doing)
    boundary = boundary_of(response.headers.get("content-type", ""))
    return chunks if boundary is None else _only_part(chunks, boundary, doing)


def _only_part(chunks: Iterator[bytes], boundary: str, doing: str) -> Iterator[bytes]:
    parts = read_parts(chunks, boundary)
    part = next(parts, None)
    if part is None:
        raise StoreUnavailable(f"{doing}: the multipart answer is empty")
    yield from part.chunks
    if next(parts, None) is not None:
        raise StoreUnavailable(f"{doing}: the multipart answer holds more than one instance")


def _received(response: httpx.Response, doing: str) -> Iterator[bytes]:
    with connection_errors(doing):
        yield from response.iter_bytes()
