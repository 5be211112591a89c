"""XML API: what headers say of an object."""

from starlette.requests import Request
from starlette.responses import Response

from cinestow_local.storage.model import Description, StoredObject
from cinestow_local.storage.resources import HEADER_OF_FIELD, state_headers

METADATA_PREFIX = "x-goog-meta-"


def described_by_headers(request: Request) -> Description:
    """The description that request headers give a new object."""
    headers = request.headers
    fields = {field: headers[h] for field, h in HEADER_OF_FIELD.items() if h in headers}
    metadata = {
        header.removeprefix(METADATA_PREFIX): value.encode("latin-1").decode("utf-8", "replace")
        for header, value in headers.items()
        if header.startswith(METADATA_PREFIX)
    }
    return Description(fields, metadata).with_default_type()


def stored_answer(made: StoredObject) -> Response:
    """The XML API's answer to a write: no body, the state in headers."""
    return Response(headers=state_headers(made))
