"""Everything that is not rendered here: to the store and back, streaming in both directions."""

import string
from collections.abc import Iterator
from urllib.parse import quote

import httpx
from flask import Request, Response
from werkzeug.datastructures import Headers

from cinestow.dicomweb.client import DicomWeb, connection_errors
from cinestow.render.target import encoded

READING: tuple[str, ...] = ("GET", "HEAD", "OPTIONS")
STORING = (*READING, "POST")
PIECE = 1 << 20

_ASKED = (
    "Accept",
    "Accept-Charset",
    "Accept-Language",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Range",
)
"""Request fields that go on, beside the authorisation; cookies and addresses do not."""
_OF_THE_BODY = ("Content-Length", "Content-Type")
_NOT_ANSWERED = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "date",
        "server",
        "set-cookie",
    }
)
"""Hop-by-hop fields (RFC 9110 §7.6.1), and those that our own server says of itself."""


def allowed_methods(below: str) -> tuple[str, ...]:
    """Reading everywhere; storing (STOW-RS, PS3.18 §10.5) on ``studies`` and on one study.

    A viewer that saves annotations has one DICOMweb root, so STOW-RS goes through with the
    caller's own rights. Nothing a viewer does needs DELETE or PUT.
    """
    segments = below.split("/")
    return STORING if segments[0] == "studies" and len(segments) <= 2 else READING


def forward(request: Request, store: DicomWeb, below: str) -> Response:
    """The store's own answer, whatever its status; ``StoreUnavailable`` where there is none."""
    outgoing = store.http.build_request(
        request.method,
        httpx.URL(f"{store.root_url}/{encoded(below)}", query=_query(request)),
        headers=_request_fields(request, store),
        content=_body(request),
    )
    with connection_errors("Passing a request on"):
        answer = store.http.send(outgoing, stream=True)
    response = Response(_pieces(answer), answer.status_code)
    # Where there is no body (HEAD, 204, 304), nobody starts the generator that would close it.
    response.call_on_close(answer.close)
    # What the store did not say of its answer, we do not make up.
    response.headers = _response_fields(answer)
    return response


def _query(request: Request) -> bytes | None:
    """The query as it came; what may not stand in a URL is encoded."""
    return quote(request.query_string, safe=string.punctuation).encode() or None


def _request_fields(request: Request, store: DicomWeb) -> httpx.Headers:
    names = (*_ASKED, *_OF_THE_BODY) if request.method == "POST" else _ASKED
    fields = {name: request.headers[name] for name in names if name in request.headers}
    fields["Accept-Encoding"] = request.headers.get("Accept-Encoding", "identity")
    # The bytes that came in: WSGI gives them as Latin-1 (PEP 3333).
    return httpx.Headers({**fields, **store.authorization()}, encoding="latin-1")


def _body(request: Request) -> Iterator[bytes] | None:
    if request.method != "POST":
        return None
    return iter(lambda: request.stream.read(PIECE), b"")


def _pieces(answer: httpx.Response) -> Iterator[bytes]:
    """As the store encoded it; a cut answer raises, which cuts ours as well."""
    with connection_errors("Passing an answer on"):
        yield from answer.iter_raw()


def _response_fields(answer: httpx.Response) -> Headers:
    named = {name.strip().lower() for name in answer.headers.get("Connection", "").split(",")}
    return Headers(
        [
            (name, value)
            for name, value in answer.headers.multi_items()
            if name.lower() not in _NOT_ANSWERED | named
            and not name.lower().startswith("access-control-")
        ]
    )
