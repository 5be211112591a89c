"""Storing one instance of any size through STOW-RS, streaming (PS3.18 10.5)."""

import re
import uuid
from collections.abc import Generator, Iterator
from contextlib import closing
from enum import Enum
from typing import Protocol

import httpx

from cinestow.dicomweb.client import (
    PASSING,
    DicomWeb,
    bounded_body,
    connection_errors,
    failure,
)
from cinestow.dicomweb.failure_reasons import Verdict, reason_of
from cinestow.dicomweb.stow_answer import InstanceResult, StoreAnswer, read_answer
from cinestow.errors import InputRefused, RefusalCode, StorageUnavailable, StoreUnavailable

MAX_ANSWER = 1 << 20
"""Bytes of a response to one instance; a longer one is none."""

ALREADY_EXISTS = re.compile(rb"already[ _]exists", re.IGNORECASE)
"""How Google's service puts it, in Failure Detail or in its own error format."""


class Body(Protocol):
    """A Part 10 instance that can be read from its beginning as often as it is asked for."""

    @property
    def length(self) -> int:
        """Bytes that ``open`` gives."""
        ...

    def open(self) -> Iterator[bytes]:
        """The bytes, in pieces, from the first; the same at every call."""
        ...


class StoreOutcome(Enum):
    """What the store says; that it holds our bytes, only reading them back can tell."""

    STORED = "stored"
    """It holds our instance, now or since before: Orthanc silently keeps an older one. It may have
    changed data elements (a Warning Reason, PS3.18 I.2.1)."""
    ALREADY_THERE = "already-there"
    """It held an instance of this UID and took no other."""


def store(client: DicomWeb, study_uid: str, instance: Body, sop_instance_uid: str) -> StoreOutcome:
    """Send one instance and learn what became of it; the sender verifies by reading it back.

    One attempt (see ``DicomWeb``); each call reads the body from its beginning. ``InputRefused``:
    the store will never take this instance. ``StoreUnavailable``: no answer, a passing error, or
    an answer that does not name our instance, whatever its status. ``ConfigurationError``: the
    store is not there or does not let us in. ``StorageUnavailable``: the body is not as long as it
    says; what ``instance.open()`` raises passes through.
    """
    doing = f"STOW-RS of instance {sop_instance_uid}"
    boundary = uuid.uuid4().hex
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    headers = {
        **client.authorization(),
        "Content-Type": f'multipart/related; type="application/dicom"; boundary={boundary}',
        "Content-Length": str(len(head) + instance.length + len(tail)),
        "Accept": "application/dicom+json",
    }
    # A stream with a known length: chunked transfer is up to 12 times slower in Orthanc.
    with closing(_pieces(head, instance, tail)) as content, connection_errors(doing):
        request = client.http.stream(
            "POST", client.study_url(study_uid), content=content, headers=headers
        )
        with request as response:
            body = bounded_body(response, MAX_ANSWER, doing)
    return _outcome(response.status_code, body, sop_instance_uid, doing)


def _pieces(head: bytes, instance: Body, tail: bytes) -> Generator[bytes]:
    yield head
    left = instance.length
    for piece in instance.open():
        left -= len(piece)
        if left < 0:
            break
        yield piece
    if left:
        # Raised here because httpx lets an error of its HTTP library escape instead.
        raise StorageUnavailable(f"The instance to store is not {instance.length} bytes long")
    yield tail


def _outcome(status: int, body: bytes, uid: str, doing: str) -> StoreOutcome:
    if status >= 500 or status in PASSING:
        raise failure(status, doing)
    if status == httpx.codes.REQUEST_ENTITY_TOO_LARGE:
        raise _refused("it is larger than the store accepts (HTTP 413)")
    if status == httpx.codes.CONFLICT and ALREADY_EXISTS.search(body):
        return StoreOutcome.ALREADY_THERE
    answer = read_answer(body)
    if answer is not None:
        return _of_answer(answer, status, uid, doing)
    if httpx.codes.is_success(status) or status in (httpx.codes.BAD_REQUEST, httpx.codes.CONFLICT):
        raise StoreUnavailable(f"{doing}: HTTP {status} without a Store Instances Response")
    raise failure(status, doing)


def _of_answer(answer: StoreAnswer, status: int, uid: str, doing: str) -> StoreOutcome:
    """Only our own UID counts: a 2xx may have stored nothing, a 400 may have stored ours."""
    for result in answer.stored:
        if result.instance_uid == uid:
            present = reason_of(result.reason).verdict is Verdict.PRESENT
            return StoreOutcome.ALREADY_THERE if present else StoreOutcome.STORED
    for result in answer.failed:
        if result.instance_uid in (uid, None):
            return _of_failure(result, status, doing)
    if status == httpx.codes.BAD_REQUEST and not answer.stored and not answer.failed:
        raise _refused("it could not read it as a DICOM instance (HTTP 400)")
    raise StoreUnavailable(f"{doing}: HTTP {status}, but nothing said of our instance")


def _of_failure(result: InstanceResult, status: int, doing: str) -> StoreOutcome:
    reason = reason_of(result.reason)
    if reason.verdict is Verdict.PRESENT:
        return StoreOutcome.ALREADY_THERE
    code = "absent" if result.reason is None else f"{result.reason:04X}H"
    if reason.verdict is Verdict.LATER:
        raise StoreUnavailable(f"{doing}: HTTP {status}, {reason.words} (Failure Reason {code})")
    raise _refused(f"{reason.words} (Failure Reason {code}, HTTP {status})")


def _refused(why: str) -> InputRefused:
    return InputRefused(
        RefusalCode.NOT_STORABLE,
        f"The DICOM store refused the finished instance and would refuse it again: {why}. "
        "Show this to the administrator of the store; the recording itself is kept.",
    )
