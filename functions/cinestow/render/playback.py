"""A cached object as an HTTP answer that a player can seek in (RFC 9110 §8.8, §13, §14)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from flask import Request, Response
from werkzeug.exceptions import PreconditionFailed
from werkzeug.http import http_date, is_resource_modified, parse_date

from cinestow.cloud.objects import ObjectInfo, ObjectReader, Objects
from cinestow.render import ranges

_PIECE = 1 << 20
_BLOCK = 2 << 20
"""Read ahead for one viewer; a few are kept for each, beside an encoder that needs the memory."""


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
    part = None
    if _range_applies(request, fields):
        part = ranges.requested(request.headers.get("Range"), info.size, delivery.range_bytes)
    fields["Content-Disposition"] = f'inline; filename="{delivery.file_name}"'
    length = info.size if part is None else part.length
    if part is not None:
        fields["Content-Range"] = part.content_range(info.size)
    if length <= delivery.whole_bytes or request.method == "HEAD":
        fields["Content-Length"] = str(length)
    body: Iterator[bytes] = iter(())
    if request.method != "HEAD":
        start, end = (0, info.size) if part is None else (part.start, part.end)
        # Opened before the answer begins: what is gone by now becomes a problem, not a cut video.
        body = _pieces(objects.reader(info.ref, _BLOCK), start, end)
    status = 200 if part is None else 206
    return Response(body, status, fields, content_type=delivery.media_type)


def _pieces(reader: ObjectReader, start: int, end: int) -> Iterator[bytes]:
    while start < end and (piece := reader.read_at(start, min(_PIECE, end - start))):
        yield piece
        start += len(piece)


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
    """If-Unmodified-Since counts only where there is no If-Match (RFC 9110 §13.2.2)."""
    if request.if_match:
        holds = request.if_match.contains(_tag(fields))
    else:
        since = request.if_unmodified_since
        changed = parse_date(fields["Last-Modified"])
        holds = since is None or changed is None or changed <= since
    if not holds:
        raise PreconditionFailed("The preview is another one by now.")


def _modified(request: Request, fields: dict[str, str]) -> bool:
    environ = {name: value for name, value in request.environ.items() if name != "HTTP_IF_MATCH"}
    return is_resource_modified(environ, fields["ETag"], None, fields["Last-Modified"])


def _range_applies(request: Request, fields: dict[str, str]) -> bool:
    """Whether Range counts: for GET alone (RFC 9110 §14.2), and with an If-Range only where that
    names this very representation (§13.1.5).
    """
    if request.method != "GET":
        return False
    validator = request.headers.get("If-Range")
    return validator is None or validator in (fields["ETag"], fields["Last-Modified"])


def _tag(fields: dict[str, str]) -> str:
    return fields["ETag"].strip('"')
