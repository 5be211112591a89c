"""XML API: uploads by HTML form, under a signed policy (POST Object)."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cinestow_local.storage.json_uploads import store
from cinestow_local.storage.model import Content, Description, ExpectedChecksums
from cinestow_local.storage.multipart import MultipartReader
from cinestow_local.storage.preconditions import NO_PRECONDITIONS
from cinestow_local.storage.resources import HEADER_OF_FIELD, state_headers
from cinestow_local.storage.signing import verify_signature
from cinestow_local.storage.wire import bucket_name, checked_name, parsed_json, storage
from cinestow_local.storage.xml_headers import METADATA_PREFIX

LONGEST_FIELD = 1 << 16
SIGNED_FIELDS = (
    "policy",
    "x-goog-algorithm",
    "x-goog-credential",
    "x-goog-date",
    "x-goog-signature",
)
FREE_FIELDS = {"policy", "x-goog-signature", "file", "bucket"}


async def upload_form(request: Request) -> Response:
    """POST of a form to a bucket; its last field is the file."""
    bucket = bucket_name(request)
    storage(request).catalog.bucket(bucket)
    reader = MultipartReader(request.headers.get("content-type", ""), request.stream())
    fields, file_name, file_type = await _fields_before_file(reader)
    policy = _policy(request, fields) if "policy" in fields else {}
    content = await storage(request).blobs.receive(reader.content())
    name = fields.get("key", "").replace("${filename}", file_name)
    try:
        name = checked_name(name)
        _check_conditions(policy, fields | {"bucket": bucket, "key": name}, content)
    except HTTPException:
        storage(request).blobs.discard(content.blob)
        raise
    description = _description(fields).with_default_type(file_type)
    made = store(request, bucket, name, content, description, NO_PRECONDITIONS, ExpectedChecksums())
    headers = state_headers(made)
    if "success_action_redirect" in fields:
        return RedirectResponse(fields["success_action_redirect"], 303, headers)
    status = fields.get("success_action_status")
    return Response(status_code=int(status) if status in ("200", "201") else 204, headers=headers)


async def _fields_before_file(reader: MultipartReader) -> tuple[dict[str, str], str, str | None]:
    fields: dict[str, str] = {}
    while True:
        part = await reader.next_part()
        name = str(part.get_param("name", "", "content-disposition")).lower()
        if name == "file":
            return fields, part.get_filename() or "", part.get("content-type")
        fields[name] = (await reader.small_content(LONGEST_FIELD)).decode("utf-8", "replace")


def _policy(request: Request, fields: Mapping[str, str]) -> dict[str, Any]:
    """The policy document, its signature and time checked. Raises 400, 403."""
    missing = [name for name in SIGNED_FIELDS if name not in fields]
    if missing:
        raise HTTPException(400, f"The form lacks {', '.join(missing)}.")
    said = {
        f"X-Goog-{name}": fields[f"x-goog-{name.lower()}"]
        for name in ("Algorithm", "Credential", "Date", "Signature")
    }
    verify_signature(storage(request).database, said, fields["policy"].encode())
    try:
        policy = parsed_json(base64.b64decode(fields["policy"], validate=True))
        expires = datetime.fromisoformat(policy["expiration"])
    except (ValueError, KeyError, TypeError) as error:
        raise HTTPException(400, "The policy document is not well-formed.") from error
    if datetime.now(UTC) > expires:
        raise HTTPException(400, "The policy has expired.")
    return policy


def _check_conditions(
    policy: Mapping[str, Any], fields: Mapping[str, str], content: Content
) -> None:
    """Raises 403 unless every condition holds and every field is named by one."""
    if not policy:
        return
    named = set(FREE_FIELDS)
    for condition in policy.get("conditions", []):
        match condition:
            case {**pairs} if len(pairs) == 1:
                ((name, value),) = pairs.items()
                kind, name = "eq", f"${name}"
            case ["content-length-range", int(low), int(high)]:
                if not low <= content.size <= high:
                    raise HTTPException(400, "The file's size is outside of the policy's range.")
                continue
            case [str(kind), str(name), value]:
                pass
            case _:
                raise HTTPException(400, f"The policy has an unknown condition: {condition!r}")
        field = name.removeprefix("$").lower()
        named.add(field)
        found = fields.get(field, "")
        holds = found.startswith(str(value)) if kind == "starts-with" else found == str(value)
        if not holds:
            raise HTTPException(403, f"The form's field {field} does not fit the policy.")
    unnamed = [name for name in fields if name not in named and not name.startswith("x-ignore-")]
    if unnamed:
        raise HTTPException(403, f"Fields that the policy does not name: {', '.join(unnamed)}")


def _description(fields: Mapping[str, str]) -> Description:
    known = {field: fields[h] for field, h in HEADER_OF_FIELD.items() if h in fields}
    metadata = {
        name.removeprefix(METADATA_PREFIX): value
        for name, value in fields.items()
        if name.startswith(METADATA_PREFIX)
    }
    return Description(known, metadata)
