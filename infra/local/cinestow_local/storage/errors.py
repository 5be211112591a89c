"""Errors as the two APIs show them."""

from xml.sax.saxutils import escape

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cinestow_local.storage.cors import JSON_API

REASONS = {
    400: ("invalid", "InvalidArgument"),
    403: ("forbidden", "SignatureDoesNotMatch"),
    404: ("notFound", "NoSuchKey"),
    405: ("methodNotAllowed", "MethodNotAllowed"),
    409: ("conflict", "BucketNotEmpty"),
    412: ("conditionNotMet", "PreconditionFailed"),
    413: ("uploadTooLarge", "EntityTooLarge"),
    416: ("requestedRangeNotSatisfiable", "InvalidRange"),
    499: ("clientClosedRequest", "ClientClosedRequest"),
    503: ("backendError", "ServiceUnavailable"),
}


async def error_answer(request: Request, error: Exception) -> Response:
    """The answer for an ``HTTPException``: JSON for the JSON API, XML for the other."""
    assert isinstance(error, HTTPException)
    status, message, headers = error.status_code, error.detail, error.headers
    if status == 304:
        return Response(status_code=304)
    reason, code = REASONS[status]
    if request.url.path.split("/")[1] in JSON_API:
        item = {"message": message, "domain": "global", "reason": reason}
        body = {"error": {"code": status, "message": message, "errors": [item]}}
        return JSONResponse(body, status, headers)
    document = (
        "<?xml version='1.0' encoding='UTF-8'?>"
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(document, status, headers, media_type="application/xml")


async def caller_left(_request: Request, _error: Exception) -> Response:
    """The caller hung up in the middle of the body; nobody reads this answer."""
    return Response(status_code=499)
