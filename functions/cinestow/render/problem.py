"""Errors as RFC 9457 problem details (application/problem+json)."""

import msgspec
from flask import Response
from werkzeug.datastructures import Headers
from werkzeug.exceptions import (
    BadGateway,
    HTTPException,
    InternalServerError,
    NotAcceptable,
    NotFound,
    ServiceUnavailable,
)

from cinestow.errors import (
    CinestowError,
    ConfigurationError,
    InputRefused,
    InstanceNotFound,
    StorageUnavailable,
    StoreUnavailable,
    Superseded,
    WorkInProgress,
)

RETRY_AFTER_S = 5


def http_error(error: CinestowError) -> HTTPException:
    """What an error of ours means to an HTTP client. None of the texts quotes patient data."""
    match error:
        case InstanceNotFound():
            return NotFound("The store holds no such instance.")
        case InputRefused():
            return NotAcceptable(f"This instance cannot be rendered. {error.sentence}")
        case StoreUnavailable():
            return ServiceUnavailable(
                "The DICOMweb store does not answer just now; try again.", retry_after=RETRY_AFTER_S
            )
        case StorageUnavailable() | Superseded():
            return ServiceUnavailable(
                "The preview cache does not answer just now; try again.", retry_after=RETRY_AFTER_S
            )
        case WorkInProgress():
            return ServiceUnavailable(
                "This preview, or others before it, is being made; try again.",
                retry_after=RETRY_AFTER_S,
            )
        case ConfigurationError():
            return BadGateway("The DICOMweb store answered in a way that was not expected.")
        case _:
            return InternalServerError("The renderer failed; this has been reported.")


def response(error: HTTPException) -> Response:
    """The answer that says what went wrong."""
    status = error.code or 500
    kept = [(name, value) for name, value in error.get_headers() if name != "Content-Type"]
    body = {
        "type": "about:blank",
        "title": error.name,
        "status": status,
        "detail": error.description or error.name,
    }
    return Response(
        msgspec.json.encode(body),
        status,
        Headers(kept),
        content_type="application/problem+json",
    )
