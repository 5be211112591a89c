"""Passes a request on to another server and its answer back, piece by piece (RFC 9110, 7.6)."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import httpx
from starlette.types import Message, Receive, Scope, Send

_HOP_BY_HOP = {
    b"connection",
    b"expect",
    b"keep-alive",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"proxy-connection",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
}

RawHeaders = list[tuple[bytes, bytes]]


class CallerGone(Exception):
    """The caller closed the connection."""


class RequestBody:
    """The body of an ASGI request, and whether the caller is still there."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._read = asyncio.Event()

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body as it comes in."""
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise CallerGone
            more = message.get("more_body", False)
            yield message.get("body", b"")
        self._read.set()

    def skip(self) -> None:
        """There is no body to read."""
        self._read.set()

    async def watch_caller(self) -> None:
        """Raise ``CallerGone`` when the caller is, once the body is read."""
        await self._read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise CallerGone


def target_client() -> httpx.AsyncClient:
    """A client without time-outs, proxies, or reused connections that may just be closing."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncClient(trust_env=False, timeout=None, limits=limits)  # noqa: S113 (the front's own time-out bounds the exchange)


def outgoing(target_url: str, scope: Scope, body: RequestBody) -> httpx.Request:
    """The request to send to ``target_url``: the same method, target, headers and body."""
    headers = _end_to_end(scope["headers"])
    names = {name for name, _ in scope["headers"]}
    has_body = b"transfer-encoding" in names or b"content-length" in names
    if not has_body:
        body.skip()
    query = scope["query_string"]
    return httpx.Request(
        scope["method"],
        target_url,
        headers=headers + _forwarded(scope, headers),
        content=body.pieces() if has_body else None,
        extensions={"target": scope["raw_path"] + (b"?" + query if query else b"")},
    )


async def pass_back(response: httpx.Response, send: Send) -> None:
    """Send an answer on, each piece when it arrives."""
    await send(
        {
            "type": "http.response.start",
            "status": response.status_code,
            "headers": _end_to_end(response.headers.raw),
        }
    )
    async for piece in response.aiter_raw():
        await send(_body(piece, more=True))
    await send(_body(b"", more=False))


def _body(piece: bytes, more: bool) -> Message:
    return {"type": "http.response.body", "body": piece, "more_body": more}


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> RawHeaders:
    """Headers without those that concern one connection only."""
    listed = [(name.lower(), value) for name, value in headers]
    named = b",".join(value for name, value in listed if name == b"connection").lower()
    dropped = _HOP_BY_HOP | {name.strip() for name in named.split(b",")}
    return [(name, value) for name, value in listed if name not in dropped]


def _forwarded(scope: Scope, headers: RawHeaders) -> RawHeaders:
    """X-Forwarded-For and -Proto of this hop; who is before us is listed before us."""
    added = [(b"x-forwarded-for", scope["client"][0].encode())]
    if b"x-forwarded-proto" not in dict(headers):
        added.append((b"x-forwarded-proto", scope["scheme"].encode()))
    return added
