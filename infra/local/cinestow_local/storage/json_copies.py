"""JSON API: compose, copy and rewrite. Copies share the source's content on disk."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cinestow_local.storage.model import DESCRIPTIVE_FIELDS, Description, StoredObject
from cinestow_local.storage.preconditions import Preconditions, from_query, whole_number
from cinestow_local.storage.resources import object_resource
from cinestow_local.storage.wire import (
    base_url,
    bucket_name,
    checked_name,
    json_body,
    object_answer,
    object_name,
    storage,
)

MOST_SOURCES = 32


async def compose_object(request: Request) -> Response:
    """Objects: compose; 1 to 32 sources of the same bucket, in order."""
    bucket, name = bucket_name(request), object_name(request)
    given = await json_body(request)
    listed = given.get("sourceObjects")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_SOURCES:
        raise HTTPException(400, f"The number of source components must be 1 to {MOST_SOURCES}.")
    parts = storage(request)
    checks = from_query(request.query_params)
    checks.check_write(parts.catalog.live(bucket, name))
    sources = [_compose_source(request, bucket, source) for source in listed]
    content = await parts.blobs.join(
        [source.content.blob for source in sources],
        sum(source.content.component_count or 1 for source in sources),
    )
    description = Description().patched(given.get("destination") or {}).with_default_type()
    try:
        made = parts.catalog.insert(bucket, name, content, description, checks)
    except HTTPException:
        parts.blobs.discard(content.blob)
        raise
    return object_answer(request, made)


async def copy_object(request: Request) -> Response:
    """Objects: copy."""
    return object_answer(request, await _copy(request))


async def rewrite_object(request: Request) -> Response:
    """Objects: rewrite; always done in one call."""
    made = await _copy(request)
    size = str(made.content.size)
    return JSONResponse(
        {
            "kind": "storage#rewriteResponse",
            "totalBytesRewritten": size,
            "objectSize": size,
            "done": True,
            "resource": object_resource(made, base_url(request)),
        }
    )


def _compose_source(request: Request, bucket: str, source: Mapping[str, Any]) -> StoredObject:
    generation = whole_number(_as_text(source), "generation")
    found = storage(request).catalog.find(bucket, checked_name(source.get("name")), generation)
    from_query(_as_text(source.get("objectPreconditions") or {})).check_write(found)
    return found


def _as_text(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in values.items() if value is not None}


async def _copy(request: Request) -> StoredObject:
    given = await json_body(request)
    catalog = storage(request).catalog
    generation = whole_number(request.query_params, "sourceGeneration")
    source = catalog.find(bucket_name(request), object_name(request), generation)
    _source_checks(request).check_write(source)
    # A resource that describes the copy replaces what the source says of itself.
    description = source.description
    if any(name in given for name in (*DESCRIPTIVE_FIELDS, "metadata")):
        description = Description().patched(given).with_default_type()
    return catalog.insert(
        unquote(request.path_params["to_bucket"]),
        checked_name(unquote(request.path_params["to_name"])),
        source.content,
        description,
        from_query(request.query_params),
    )


def _source_checks(request: Request) -> Preconditions:
    return from_query(request.query_params, "ifSource")
