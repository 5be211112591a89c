"""JSON API: getting, listing, describing and deleting objects."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cinestow_local.storage.listing import list_page, list_query
from cinestow_local.storage.media import media_answer
from cinestow_local.storage.model import Description, StoredObject
from cinestow_local.storage.preconditions import from_query, whole_number
from cinestow_local.storage.resources import object_resource
from cinestow_local.storage.wire import (
    base_url,
    bucket_name,
    json_body,
    object_answer,
    object_name,
    storage,
)


async def get_object(request: Request) -> Response:
    """Objects: get; the resource, or with ``alt=media`` the content."""
    found = _found(request)
    from_query(request.query_params).check_read(found)
    if request.query_params.get("alt") == "media":
        return media_answer(request, found)
    return object_answer(request, found)


async def list_objects(request: Request) -> Response:
    """Objects: list."""
    bucket = bucket_name(request)
    storage(request).catalog.bucket(bucket)
    page = list_page(storage(request).database, bucket, list_query(request.query_params))
    answer: dict[str, Any] = {"kind": "storage#objects"}
    if page.items:
        answer["items"] = [object_resource(item, base_url(request)) for item in page.items]
    if page.prefixes:
        answer["prefixes"] = page.prefixes
    if page.next_token:
        answer["nextPageToken"] = page.next_token
    return JSONResponse(answer)


async def describe_object(request: Request) -> Response:
    """Objects: patch (merged, null removes) and update (replaced)."""
    given = await json_body(request)
    found = _found(request)
    if request.method == "PATCH":
        description = found.description.patched(given)
    else:
        description = Description().patched(given).with_default_type()
    checks = from_query(request.query_params)
    return object_answer(request, storage(request).catalog.describe(found, description, checks))


async def delete_object(request: Request) -> Response:
    """Objects: delete."""
    storage(request).catalog.delete(
        bucket_name(request),
        object_name(request),
        whole_number(request.query_params, "generation"),
        from_query(request.query_params),
    )
    return Response(status_code=204)


def _found(request: Request) -> StoredObject:
    generation = whole_number(request.query_params, "generation")
    return storage(request).catalog.find(bucket_name(request), object_name(request), generation)
