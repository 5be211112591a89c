"""XML API: multipart uploads, whose parts arrive in any order and at the same time."""

import base64
import binascii
import uuid
from dataclasses import dataclass
from xml.sax.saxutils import escape

import msgspec
from defusedxml import ElementTree
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cinestow_local.storage.json_uploads import store
from cinestow_local.storage.model import Content, Description, ExpectedChecksums
from cinestow_local.storage.preconditions import from_headers, whole_number
from cinestow_local.storage.resources import hash_header
from cinestow_local.storage.wire import (
    base_url,
    bucket_name,
    checksums_of_headers,
    object_name,
    small_body,
    storage,
)
from cinestow_local.storage.xml_headers import described_by_headers

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
SMALLEST_PART = 5 << 20
MOST_PARTS = 10_000
LONGEST_LIST = 4 << 20


@dataclass(frozen=True)
class MultipartUpload:
    """An upload that has begun."""

    bucket: str
    name: str
    description: Description


async def multipart_upload(request: Request) -> Response:
    """Any call with ``uploads`` or ``uploadId``."""
    if request.method == "POST" and "uploads" in request.query_params:
        return _initiate(request)
    upload = _upload(request)
    match request.method:
        case "PUT":
            return await _put_part(request)
        case "POST":
            return await _complete(request, upload)
        case "DELETE":
            _forget(request)
            return Response(status_code=204)
    raise HTTPException(405, "The specified method is not allowed against this resource.")


def _initiate(request: Request) -> Response:
    bucket, name = bucket_name(request), object_name(request)
    storage(request).catalog.bucket(bucket)
    upload = MultipartUpload(bucket, name, described_by_headers(request))
    upload_id = uuid.uuid4().hex
    storage(request).database.execute(
        "INSERT INTO multipart_uploads VALUES (?, ?)", upload_id, msgspec.json.encode(upload)
    )
    return _document("InitiateMultipartUploadResult", Bucket=bucket, Key=name, UploadId=upload_id)


async def _put_part(request: Request) -> Response:
    number = whole_number(request.query_params, "partNumber")
    if number is None or not 1 <= number <= MOST_PARTS:
        raise HTTPException(400, f"partNumber has to be 1 to {MOST_PARTS}.")
    parts = storage(request)
    content = await parts.blobs.receive(request.stream())
    try:
        checksums_of_headers(request.headers).check(content)
        _upload(request)
    except HTTPException:
        parts.blobs.discard(content.blob)
        raise
    upload_id = request.query_params["uploadId"]
    old = parts.database.row(
        "SELECT blob FROM parts WHERE upload=? AND number=?", upload_id, number
    )
    parts.database.execute(
        "INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)",
        *(upload_id, number, content.blob, msgspec.json.encode(content)),
    )
    if old is not None:
        parts.blobs.discard(old[0])
    return Response(headers={"etag": _etag(content), "x-goog-hash": hash_header(content)})


async def _complete(request: Request, upload: MultipartUpload) -> Response:
    chosen = _chosen_parts(request, await _listed_parts(request))
    parts = storage(request)
    content = await parts.blobs.join([part.blob for part in chosen], len(chosen))
    made = store(
        request, upload.bucket, upload.name, content, upload.description,
        from_headers(request.headers), ExpectedChecksums(),
    )  # fmt: skip
    _forget(request)
    answer = _document(
        "CompleteMultipartUploadResult",
        Location=f"{base_url(request)}{request.url.path}",
        Bucket=upload.bucket,
        Key=upload.name,
        ETag=f'"{made.generation}"',
    )
    answer.headers["x-goog-generation"] = str(made.generation)
    return answer


async def _listed_parts(request: Request) -> list[tuple[int, str]]:
    """Number and ETag of the parts that the caller wants joined."""
    body = await small_body(request, LONGEST_LIST)
    try:
        root = ElementTree.fromstring(body)
        found = root.findall("{*}Part")
        return [
            (int(part.findtext("{*}PartNumber", "")), part.findtext("{*}ETag", ""))
            for part in found
        ]
    except (ElementTree.ParseError, ValueError) as error:
        raise HTTPException(400, "The list of parts is not well-formed.") from error


def _chosen_parts(request: Request, listed: list[tuple[int, str]]) -> list[Content]:
    rows = storage(request).database.execute(
        "SELECT number, record FROM parts WHERE upload=?", request.query_params["uploadId"]
    )
    stored = {number: msgspec.json.decode(record, type=Content) for number, record in rows}
    numbers = [number for number, _ in listed]
    if not listed or numbers != sorted(set(numbers)):
        raise HTTPException(400, "The parts have to be listed once each, in ascending order.")
    for number, etag in listed:
        if number not in stored or etag.strip('"') != _etag(stored[number]).strip('"'):
            raise HTTPException(400, f"Part {number} was not uploaded, or not like this.")
    chosen = [stored[number] for number in numbers]
    if any(part.size < SMALLEST_PART for part in chosen[:-1]):
        raise HTTPException(400, f"Parts but the last have at least {SMALLEST_PART} bytes.")
    return chosen


def _upload(request: Request) -> MultipartUpload:
    row = storage(request).database.row(
        "SELECT record FROM multipart_uploads WHERE id=?", request.query_params.get("uploadId")
    )
    if row is None:
        raise HTTPException(404, "The specified multipart upload does not exist.")
    return msgspec.json.decode(row[0], type=MultipartUpload)


def _forget(request: Request) -> None:
    upload_id = request.query_params["uploadId"]
    parts = storage(request)
    with parts.database.transaction():
        rows = parts.database.execute("SELECT blob FROM parts WHERE upload=?", upload_id)
        blobs = [blob for (blob,) in rows]
        parts.database.execute("DELETE FROM parts WHERE upload=?", upload_id)
        parts.database.execute("DELETE FROM multipart_uploads WHERE id=?", upload_id)
    for blob in blobs:
        parts.blobs.discard(blob)


def _etag(content: Content) -> str:
    return f'"{binascii.hexlify(base64.b64decode(content.md5 or "")).decode()}"'


def _document(root: str, **elements: str) -> Response:
    inner = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in elements.items())
    document = f'<?xml version="1.0" encoding="UTF-8"?><{root} xmlns="{NAMESPACE}">{inner}</{root}>'
    return Response(document, media_type="application/xml")
