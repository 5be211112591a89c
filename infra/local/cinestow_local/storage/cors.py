"""Cross-origin calls, answered as the service does.

The XML API obeys the bucket's CORS configuration. The JSON API allows every origin and ignores
that configuration, but a resumable session belongs to the origin that began it.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cinestow_local.storage.wire import storage

JSON_API = ("storage", "upload", "download", "batch")
JSON_EXPOSED = (
    "Content-Disposition, Content-Encoding, Content-Length, Content-Range, Content-Type, Date,"
    " ETag, Last-Modified, Location, Range, Server, Transfer-Encoding, Vary, X-GUploader-UploadID,"
    " X-Goog-Component-Count, X-Goog-Generation, X-Goog-Hash, X-Goog-Metageneration,"
    " X-Goog-Storage-Class, X-Goog-Stored-Content-Encoding, X-Goog-Stored-Content-Length"
)
JSON_METHODS = "DELETE,GET,HEAD,PATCH,POST,PUT"
PREFLIGHT_SECONDS = 3600


class Cors:
    """ASGI middleware: answers preflights, adds headers to the other answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a call."""
        request = Request(scope) if scope["type"] == "http" else None
        if request is None or "origin" not in request.headers:
            await self._app(scope, receive, send)
        elif request.method == "OPTIONS":
            method = request.headers.get("access-control-request-method", "")
            answer = Response(headers={"vary": "Origin"})
            answer.raw_headers += _raw(_allowed(request, method, preflight=True))
            await answer(scope, receive, send)
        else:
            allowed = _allowed(request, request.method, preflight=False)

            async def send_with_headers(message: Message) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message).add_vary_header("Origin")
                    message["headers"] += _raw(allowed)
                await send(message)

            await self._app(scope, receive, send_with_headers)


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers on the wire, in the service's spelling: there are clients that mind the case."""
    return [(name.title().encode(), value.encode()) for name, value in headers.items()]


def _allowed(request: Request, method: str, preflight: bool) -> dict[str, str]:
    """The CORS headers of an answer; none where the call is not allowed."""
    origin = request.headers["origin"]
    if request.url.path.split("/")[1] in JSON_API:
        return _json_api(request, origin, preflight)
    return _xml_api(request, origin, method, preflight)


def _json_api(request: Request, origin: str, preflight: bool) -> dict[str, str]:
    session_id = request.query_params.get("upload_id")
    if session_id is not None and not _belongs(request, session_id, origin):
        return {}
    headers = {"access-control-allow-origin": origin}
    if preflight:
        headers["access-control-allow-methods"] = JSON_METHODS
        headers["access-control-allow-headers"] = request.headers.get(
            "access-control-request-headers", ""
        )
        headers["access-control-max-age"] = str(PREFLIGHT_SECONDS)
    else:
        headers["access-control-expose-headers"] = JSON_EXPOSED
    return headers


def _belongs(request: Request, session_id: str, origin: str) -> bool:
    try:
        return storage(request).sessions.get(session_id).origin == origin
    except HTTPException:
        return False


def _xml_api(request: Request, origin: str, method: str, preflight: bool) -> dict[str, str]:
    rule = _matching_rule(request, origin, method)
    if rule is None:
        return {}
    listed = ", ".join(rule.get("responseHeader", []))
    headers = {"access-control-allow-origin": "*" if "*" in rule["origin"] else origin}
    if preflight:
        headers["access-control-allow-methods"] = ",".join(rule["method"])
        headers["access-control-allow-headers"] = listed
        headers["access-control-max-age"] = str(rule.get("maxAgeSeconds", PREFLIGHT_SECONDS))
    else:
        headers["access-control-expose-headers"] = listed
    return headers


def _matching_rule(request: Request, origin: str, method: str) -> Mapping[str, Any] | None:
    """The first entry of the bucket's configuration that matches origin and method."""
    bucket = unquote(request.url.path.split("/")[1])
    try:
        rules: list[dict[str, Any]] = storage(request).catalog.bucket(bucket).get("cors", [])
    except HTTPException:
        return None
    for rule in rules:
        origins, methods = rule.get("origin", []), rule.get("method", [])
        if (origin in origins or "*" in origins) and (method in methods or "*" in methods):
            return rule
    return None
