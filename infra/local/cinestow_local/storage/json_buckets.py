"""JSON API: buckets and their notification configurations."""

import re
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cinestow_local.storage.model import now
from cinestow_local.storage.preconditions import whole_number
from cinestow_local.storage.wire import base_url, bucket_name, json_body, storage

BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]")
READ_ONLY = ("id", "kind", "name", "metageneration", "timeCreated", "updated", "selfLink", "etag")


async def insert_bucket(request: Request) -> Response:
    """Buckets: insert."""
    given = await json_body(request)
    name = given.get("name")
    if not isinstance(name, str) or not BUCKET_NAME.fullmatch(name):
        raise HTTPException(400, f"Invalid bucket name: {name!r}")
    database = storage(request).database
    if database.row("SELECT 1 FROM buckets WHERE name=?", name):
        raise HTTPException(409, "Your previous request to create the named bucket succeeded.")
    resource = {"location": "US", "storageClass": "STANDARD"} | given
    resource |= {"name": name, "metageneration": "1", "timeCreated": now(), "updated": now()}
    database.execute(
        "INSERT INTO buckets VALUES (?, ?)", name, msgspec.json.encode(resource).decode()
    )
    return JSONResponse(_shown(request, resource))


async def get_bucket(request: Request) -> Response:
    """Buckets: get."""
    return JSONResponse(_shown(request, storage(request).catalog.bucket(bucket_name(request))))


async def list_buckets(request: Request) -> Response:
    """Buckets: list; one page."""
    rows = storage(request).database.execute("SELECT resource FROM buckets ORDER BY name")
    prefix = request.query_params.get("prefix", "")
    resources = [msgspec.json.decode(resource) for (resource,) in rows]
    items = [_shown(request, item) for item in resources if item["name"].startswith(prefix)]
    return JSONResponse({"kind": "storage#buckets", "items": items})


async def patch_bucket(request: Request) -> Response:
    """Buckets: patch (merged, null removes) and update (replaced)."""
    given = await json_body(request)
    catalog = storage(request).catalog
    old = catalog.bucket(bucket_name(request))
    if whole_number(request.query_params, "ifMetagenerationMatch") not in (
        None,
        int(old["metageneration"]),
    ):
        raise HTTPException(412, "At least one of the pre-conditions you specified did not hold.")
    kept = {name: old[name] for name in READ_ONLY if name in old}
    base = old if request.method == "PATCH" else {"location": old["location"]}
    new = _merge_patch(base, given) | kept
    new |= {"metageneration": str(int(old["metageneration"]) + 1), "updated": now()}
    storage(request).database.execute(
        "UPDATE buckets SET resource=? WHERE name=?",
        *(msgspec.json.encode(new).decode(), old["name"]),
    )
    return JSONResponse(_shown(request, new))


async def delete_bucket(request: Request) -> Response:
    """Buckets: delete; only an empty one."""
    name = bucket_name(request)
    database = storage(request).database
    storage(request).catalog.bucket(name)
    with database.transaction():
        if database.row("SELECT 1 FROM objects WHERE bucket=?", name):
            raise HTTPException(409, "The bucket you tried to delete is not empty.")
        database.execute("DELETE FROM notification_configs WHERE bucket=?", name)
        database.execute("DELETE FROM buckets WHERE name=?", name)
    return Response(status_code=204)


async def insert_notification(request: Request) -> Response:
    """Notifications: insert."""
    name = bucket_name(request)
    storage(request).catalog.bucket(name)
    config = storage(request).configs.create(name, await json_body(request))
    return JSONResponse(config)


async def list_notifications(request: Request) -> Response:
    """Notifications: list."""
    name = bucket_name(request)
    storage(request).catalog.bucket(name)
    items = storage(request).configs.list(name)
    return JSONResponse({"kind": "storage#notifications", "items": items})


async def get_notification(request: Request) -> Response:
    """Notifications: get."""
    number = request.path_params["number"]
    return JSONResponse(storage(request).configs.get(bucket_name(request), number))


async def delete_notification(request: Request) -> Response:
    """Notifications: delete."""
    storage(request).configs.delete(bucket_name(request), request.path_params["number"])
    return Response(status_code=204)


def _merge_patch(target: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """RFC 7396."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            old = merged.get(name)
            merged[name] = _merge_patch(old if isinstance(old, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _shown(request: Request, resource: dict[str, Any]) -> dict[str, Any]:
    name = resource["name"]
    return resource | {
        "kind": "storage#bucket",
        "id": name,
        "selfLink": f"{base_url(request)}/storage/v1/b/{name}",
        "etag": resource["metageneration"],
    }
