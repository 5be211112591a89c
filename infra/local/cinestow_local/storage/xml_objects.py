"""XML API: objects by path, also through signed URLs and session URIs."""

from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cinestow_local.storage import xml_multipart
from cinestow_local.storage.json_uploads import cancel_resumable, incomplete, store, take_chunk
from cinestow_local.storage.media import media_answer
from cinestow_local.storage.preconditions import from_headers, whole_number
from cinestow_local.storage.signing import verify_signed_url
from cinestow_local.storage.wire import (
    base_url,
    bucket_name,
    checksums_of_headers,
    object_name,
    storage,
)
from cinestow_local.storage.xml_headers import METADATA_PREFIX, described_by_headers, stored_answer

RESPONSE_OVERRIDES = {
    "response-content-type": "content-type",
    "response-content-disposition": "content-disposition",
}


async def xml_object(request: Request) -> Response:
    """Any call on ``/BUCKET/OBJECT``."""
    query = request.query_params
    if "upload_id" in query:
        return await _session(request)
    verify_signed_url(request)
    if "uploadId" in query or "uploads" in query:
        return await xml_multipart.multipart_upload(request)
    match request.method:
        case "GET" | "HEAD":
            return _get(request)
        case "PUT":
            return await _put(request)
        case "POST":
            return _begin_resumable(request)
        case "DELETE":
            return _delete(request)
    raise HTTPException(405, "The specified method is not allowed against this resource.")


def _get(request: Request) -> Response:
    generation = whole_number(request.query_params, "generation")
    found = storage(request).catalog.find(bucket_name(request), object_name(request), generation)
    from_headers(request.headers).check_read(found)
    headers = {
        METADATA_PREFIX + quote(name.lower()): value.encode().decode("latin-1")
        for name, value in found.description.metadata.items()
    }
    for parameter, header in RESPONSE_OVERRIDES.items():
        if parameter in request.query_params:
            headers[header] = request.query_params[parameter]
    return media_answer(request, found, headers)


async def _put(request: Request) -> Response:
    bucket, name = bucket_name(request), object_name(request)
    storage(request).catalog.bucket(bucket)
    content = await storage(request).blobs.receive(request.stream())
    made = store(
        request, bucket, name, content, described_by_headers(request),
        from_headers(request.headers), checksums_of_headers(request.headers),
    )  # fmt: skip
    return stored_answer(made)


def _begin_resumable(request: Request) -> Response:
    if request.headers.get("x-goog-resumable") != "start":
        raise HTTPException(400, "POST of an object needs the header x-goog-resumable: start.")
    session = storage(request).sessions.begin(
        bucket_name(request),
        object_name(request),
        described_by_headers(request),
        from_headers(request.headers),
        checksums_of_headers(request.headers),
        request.headers.get("origin"),
        whole_number(request.headers, "x-upload-content-length"),
    )
    location = f"{base_url(request)}{request.url.path}?upload_id={session.id}"
    headers = {"location": location, "x-guploader-uploadid": session.id}
    return Response(status_code=201, headers=headers)


async def _session(request: Request) -> Response:
    if request.method == "DELETE":
        return await cancel_resumable(request)
    if request.method != "PUT":
        raise HTTPException(405, "The specified method is not allowed against this resource.")
    progress = await take_chunk(request)
    return incomplete(progress) if progress.result is None else stored_answer(progress.result)


def _delete(request: Request) -> Response:
    storage(request).catalog.delete(
        bucket_name(request),
        object_name(request),
        whole_number(request.query_params, "generation"),
        from_headers(request.headers),
    )
    return Response(status_code=204)
