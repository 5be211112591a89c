"""Reading a call: whose names are in it, and what its body says."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from cinestow_local.storage.model import ExpectedChecksums, StoredObject
from cinestow_local.storage.parts import Storage
from cinestow_local.storage.resources import object_resource, state_headers

LONGEST_JSON = 1 << 20
LONGEST_NAME = 1024


def storage(request: Request) -> Storage:
    """The parts of the server."""
    parts: Storage = request.app.state.storage
    return parts


def bucket_name(request: Request) -> str:
    """The bucket in the path."""
    return unquote(request.path_params["bucket"])


def object_name(request: Request) -> str:
    """The object in the path. Raises 400 for what is no name."""
    return checked_name(unquote(request.path_params["name"]))


def checked_name(name: object) -> str:
    """An object's name: 1 to 1024 bytes of UTF-8, without line breaks. Raises 400."""
    if not isinstance(name, str) or not name:
        raise HTTPException(400, "Required parameter: name")
    if name in (".", ".."):
        raise HTTPException(400, f"An object cannot be named {name}.")
    if len(name.encode()) > LONGEST_NAME or "\r" in name or "\n" in name:
        raise HTTPException(400, f"An object's name has at most {LONGEST_NAME} bytes, one line.")
    return name


def base_url(request: Request) -> str:
    """The root of this server, as the caller names it."""
    return f"{request.url.scheme}://{request.url.netloc}"


async def small_body(request: Request, limit: int) -> bytes:
    """A body that is read as a whole. Raises 413."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise HTTPException(413, f"The body has more than {limit} bytes.")
    return body


async def json_body(request: Request) -> dict[str, Any]:
    """The JSON resource in the body; empty where there is none. Raises 400."""
    return parsed_json(await small_body(request, LONGEST_JSON))


def parsed_json(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises 400."""
    try:
        return msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise HTTPException(400, f"The metadata is not a JSON object: {error}") from error


def checksums_of_resource(resource: Mapping[str, Any]) -> ExpectedChecksums:
    """What the resource of an upload says of its bytes."""
    return ExpectedChecksums(resource.get("crc32c"), resource.get("md5Hash"))


def checksums_of_headers(headers: Mapping[str, str]) -> ExpectedChecksums:
    """What x-goog-hash and Content-MD5 say of the bytes."""
    said = dict(
        item.strip().split("=", 1)
        for item in headers.get("x-goog-hash", "").split(",")
        if "=" in item
    )
    return ExpectedChecksums(said.get("crc32c"), said.get("md5", headers.get("content-md5")))


def object_answer(request: Request, found: StoredObject) -> JSONResponse:
    """The JSON API's answer that shows one object."""
    resource = object_resource(found, base_url(request))
    return JSONResponse(resource, headers={"etag": state_headers(found)["etag"]})
