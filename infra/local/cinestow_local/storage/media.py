"""Downloads: whole, by range, and decompressed on the way (decompressive transcoding)."""

import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from starlette.concurrency import iterate_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from cinestow_local.storage.blobs import PIECE
from cinestow_local.storage.model import StoredObject
from cinestow_local.storage.resources import media_headers
from cinestow_local.storage.wire import storage

BYTE_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def media_answer(
    request: Request, found: StoredObject, headers: dict[str, str] | None = None
) -> Response:
    """200 or 206 with an object's content. Raises 416."""
    headers = media_headers(found) | (headers or {})
    size = found.content.size
    if _is_unpacked(request, found):
        del headers["content-encoding"], headers["accept-ranges"]
        headers["warning"] = "214 UploadServer gunzipped"
        start, end, status = 0, size, 200
    else:
        start, end, status = _wanted(request.headers.get("range"), size)
        headers["content-length"] = str(end - start)
    if status == 206:
        headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    # Opened now: the object may be replaced while it is being sent.
    file = storage(request).blobs.path(found.content.blob).open("rb")
    pieces = _pieces(file, start, end)
    if "content-length" not in headers:
        pieces = _gunzipped(pieces)
    return StreamingResponse(iterate_in_threadpool(pieces), status, headers)


def _is_unpacked(request: Request, found: StoredObject) -> bool:
    fields = found.description.fields
    return (
        fields.get("contentEncoding") == "gzip"
        and "gzip" not in request.headers.get("accept-encoding", "")
        and "no-transform" not in fields.get("cacheControl", "")
    )


def _wanted(header: str | None, size: int) -> tuple[int, int, int]:
    """Start, end and status of the answer to a Range header; other units are ignored."""
    found = BYTE_RANGE.fullmatch(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return 0, size, 200
    first, last = found.groups()
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if first and last and int(last) < int(first):
        return 0, size, 200
    if start >= size:
        raise HTTPException(
            416, "The requested range cannot be satisfied.", {"content-range": f"bytes */{size}"}
        )
    return start, end, 206


def _pieces(file: BinaryIO, start: int, end: int) -> Iterator[bytes]:
    with file:
        file.seek(start)
        while start < end and (piece := file.read(min(PIECE, end - start))):
            start += len(piece)
            yield piece


def _gunzipped(pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    for piece in pieces:
        rest = piece
        while rest:
            yield unpacker.decompress(rest, PIECE)
            rest = unpacker.unconsumed_tail
    yield unpacker.flush()
