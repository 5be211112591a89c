"""A cached object as an HTTP answer that a player can seek in (RFC 9110 §8.8, §13, §14)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import Request, Response
from werkzeug.exceptions import PreconditionFailed
from werkzeug.http import http_date, is_resource_modified

from cinestow.cloud.objects import ObjectInfo, Objects
from cinestow.render import ranges


@dataclass(frozen=True)
class Delivery:
    """How an object is handed out."""

    media_type: str
    file_name: str
    """Says nothing of the patient."""
    version: str
    """Of the instance; part of the entity tag."""
    range_bytes: int
    whole_bytes: int


def answer(request: Request, objects: Objects, info: ObjectInfo, delivery: Delivery) -> Response:
    """200, 206, 304 or the problem 412 or 416, with validators; the body is streamed."""
    fields = _validators(info, delivery)
    _check_preconditions(request, fields)
    if not _modified(request, fields):
        return Response(status=304, headers=fields)
    asked = request.headers.get("Range") if _range_applies(request, fields) else None
    part = ranges.requested(asked, info.size, delivery.range_bytes)
    fields["Content-Disposition"] = f'inline; filename="{delivery.file_name}"'
    length = info.size if part is None else part.length
    if part is not None:
        fields["Content-Range"] = part.content_range(info.size)
    if length <= delivery.whole_bytes or request.method == "HEAD":
        fields["Content-Length"] = str(length)
    body: Iterator[bytes] = iter(())
    if request.method != "HEAD":
        start, end = (0, info.size) if part is None else (part.start, part.end)
        body = objects.stream(info.ref, start, end)
    status = 200 if part is None else 206
    return Response(body, status, fields, content_type=delivery.media_type)


def _validators(info: ObjectInfo, delivery: Delivery) -> dict[str, str]:
    subtype = delivery.media_type.partition("/")[2]
    return {
        "ETag": f'"{delivery.version}-{subtype}-{info.ref.generation}"',
        "Last-Modified": http_date(datetime.fromisoformat(info.created)),
        "Accept-Ranges": "bytes",
        # Kept by the viewer alone, and asked for again: the store may have withdrawn the right.
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Authorization",
    }


def _check_preconditions(request: Request, fields: dict[str, str]) -> None:
    if request.if_match and not request.if_match.contains(_tag(fields)):
        raise PreconditionFailed("The preview is another one by now.")


def _modified(request: Request, fields: dict[str, str]) -> bool:
    environ = {name: value for name, value in request.environ.items() if name != "HTTP_IF_MATCH"}
    return is_resource_modified(environ, fields["ETag"], None, fields["Last-Modified"])


def _range_applies(request: Request, fields: dict[str, str]) -> bool:
    """Whether If-Range, if there is one, names this very representation (RFC 9110 §13.1.5)."""
    validator = request.headers.get("If-Range")
    return validator is None or validator in (fields["ETag"], fields["Last-Modified"])


def _tag(fields: dict[str, str]) -> str:
    return fields["ETag"].strip('"')
