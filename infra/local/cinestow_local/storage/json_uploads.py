"""JSON API: media, multipart and resumable uploads."""

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cinestow_local.storage.model import (
    Content,
    Description,
    ExpectedChecksums,
    StoredObject,
)
from cinestow_local.storage.multipart import MultipartReader
from cinestow_local.storage.preconditions import Preconditions, from_query, whole_number
from cinestow_local.storage.sessions import Progress, parse_chunk
from cinestow_local.storage.wire import (
    LONGEST_JSON,
    base_url,
    bucket_name,
    checked_name,
    checksums_of_headers,
    checksums_of_resource,
    json_body,
    object_answer,
    parsed_json,
    storage,
)


async def upload_object(request: Request) -> Response:
    """Objects: insert, by ``uploadType``."""
    if "upload_id" in request.query_params:
        return await continue_resumable(request)
    match request.query_params.get("uploadType"):
        case "media":
            return await _upload_media(request)
        case "multipart":
            return await _upload_multipart(request)
        case "resumable":
            return await _begin_resumable(request)
    raise HTTPException(400, "uploadType has to be media, multipart or resumable.")


async def continue_resumable(request: Request) -> Response:
    """PUT of a chunk, or of a status query, to a session URI."""
    progress = await take_chunk(request)
    if progress.result is None:
        return incomplete(progress)
    return object_answer(request, progress.result)


async def cancel_resumable(request: Request) -> Response:
    """DELETE of a session URI answers 499 (Cancel an upload)."""
    await storage(request).sessions.cancel(request.query_params.get("upload_id", ""))
    return Response(status_code=499)


async def take_chunk(request: Request) -> Progress:
    """Hand the body to its session, for either API."""
    headers = request.headers
    return await storage(request).sessions.put(
        request.query_params["upload_id"],
        parse_chunk(headers.get("content-range"), headers.get("content-length")),
        request.stream(),
        checksums_of_headers(headers),
    )


def incomplete(progress: Progress) -> Response:
    """308 with what is persisted; no Range header when that is nothing."""
    headers = {"range": f"bytes=0-{progress.persisted - 1}"} if progress.persisted else {}
    return Response(status_code=308, headers=headers)


def store(
    request: Request,
    bucket: str,
    name: str,
    content: Content,
    description: Description,
    checks: Preconditions,
    expected: ExpectedChecksums,
) -> StoredObject:
    """Make an object of received content, or refuse it and drop the content."""
    try:
        expected.check(content)
        return storage(request).catalog.insert(bucket, name, content, description, checks)
    except HTTPException:
        storage(request).blobs.discard(content.blob)
        raise


async def _upload_media(request: Request) -> Response:
    bucket, name, description, checks = _target(request, {})
    storage(request).catalog.bucket(bucket)
    content = await storage(request).blobs.receive(request.stream())
    description = description.with_default_type(request.headers.get("content-type"))
    expected = checksums_of_headers(request.headers)
    made = store(request, bucket, name, content, description, checks, expected)
    return object_answer(request, made)


async def _upload_multipart(request: Request) -> Response:
    reader = MultipartReader(request.headers.get("content-type", ""), request.stream())
    await reader.next_part()
    resource = parsed_json(await reader.small_content(LONGEST_JSON))
    bucket, name, description, checks = _target(request, resource)
    storage(request).catalog.bucket(bucket)
    media = await reader.next_part()
    content = await storage(request).blobs.receive(reader.content())
    description = description.with_default_type(media.get("content-type"))
    expected = checksums_of_headers(request.headers).merged(checksums_of_resource(resource))
    made = store(request, bucket, name, content, description, checks, expected)
    return object_answer(request, made)


async def _begin_resumable(request: Request) -> Response:
    resource = await json_body(request)
    bucket, name, description, checks = _target(request, resource)
    session = storage(request).sessions.begin(
        bucket,
        name,
        description.with_default_type(request.headers.get("x-upload-content-type")),
        checks,
        checksums_of_resource(resource),
        request.headers.get("origin"),
        whole_number(request.headers, "x-upload-content-length"),
    )
    location = f"{base_url(request)}{request.url.path}?uploadType=resumable&upload_id={session.id}"
    headers = {"location": location, "x-guploader-uploadid": session.id}
    return Response(headers=headers)


def _target(
    request: Request, resource: dict[str, Any]
) -> tuple[str, str, Description, Preconditions]:
    query = request.query_params
    name = checked_name(query.get("name") or resource.get("name"))
    description = Description().patched(resource)
    if "contentEncoding" in query:
        description = description.patched(
            {"contentEncoding": query["contentEncoding"], "metadata": {}}
        )
    return bucket_name(request), name, description, from_query(query)
