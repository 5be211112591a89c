"""Faults on demand, as ASGI middleware: the next N matching calls fail the way networks fail.

``POST /_faults {"match": REGEX, "count": N, "fault": KIND, "seconds": S}`` adds a rule, GET shows
the rules that are left, DELETE clears them. REGEX is searched in ``METHOD path?query``.
"""

import asyncio
import re
from enum import StrEnum

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

ADMIN_PATH = "/_faults"


class FaultKind(StrEnum):
    """How a call fails."""

    UNAVAILABLE = "503"
    """Answered 503 at once; the application never sees the call."""
    STALL = "stall"
    """Held back for ``seconds``, then served."""
    CUT = "cut"
    """The connection breaks in the middle of the request's body or, without one, the answer's."""
    LOST_REPLY = "lost-reply"
    """Served in full, but the connection breaks before any of the answer arrives."""


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """One rule, and how many calls it still applies to."""

    match: str
    fault: FaultKind
    count: int = 1
    seconds: float = 30.0


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP protocol (``http=CuttableProtocol``); lets a fault break a connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Hand the transport to the application in ``scope["state"]``."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class FaultInjection:
    """The middleware. It must stand outermost, under a server that uses ``CuttableProtocol``."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._faults: list[Fault] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the switch, fail the call, or pass it on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] == ADMIN_PATH:
            answer = await self._administer(Request(scope, receive))
            await answer(scope, receive, send)
        elif fault := self._due(scope):
            await self._fail(fault, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _administer(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                fault = msgspec.json.decode(await request.body(), type=Fault)
                re.compile(fault.match)
            except (msgspec.MsgspecError, re.error) as error:
                return JSONResponse({"error": f"not a fault: {error}"}, 400)
            self._faults.append(fault)
        elif request.method == "DELETE":
            self._faults.clear()
        elif request.method != "GET":
            return JSONResponse({"error": "use GET, POST or DELETE"}, 405)
        return JSONResponse({"faults": msgspec.to_builtins(self._faults)})

    def _due(self, scope: Scope) -> Fault | None:
        target = b"?".join(filter(None, (scope["raw_path"], scope["query_string"])))
        call = f"{scope['method']} {target.decode('latin-1')}"
        for fault in self._faults:
            if re.search(fault.match, call):
                fault.count -= 1
                if fault.count < 1:
                    self._faults.remove(fault)
                return fault
        return None

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        match fault.fault:
            case FaultKind.UNAVAILABLE:
                answer = JSONResponse({"error": {"code": 503, "message": "Injected fault."}}, 503)
                await answer(scope, receive, send)
            case FaultKind.STALL:
                await asyncio.sleep(fault.seconds)
                await self._app(scope, receive, send)
            case FaultKind.CUT if _body_length(scope):
                await self._app(scope, _cut_request(scope, receive), _discard)
                await _break(scope, receive)
            case FaultKind.CUT:
                await self._app(scope, receive, _cut_answer(scope, send))
            case FaultKind.LOST_REPLY:
                await self._app(scope, receive, _discard)
                await _break(scope, receive)


def _body_length(scope: Scope) -> int:
    return int(dict(scope["headers"]).get(b"content-length", 0))


async def _discard(_message: Message) -> None:
    """Drop what the application answers."""


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["state"]["transport"]
    return transport


async def _break(scope: Scope, receive: Receive) -> None:
    """Reset the connection, and wait until the server has noticed."""
    _transport(scope).abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _cut_request(scope: Scope, receive: Receive) -> Receive:
    """What the application receives when the caller is gone after half of the body."""
    left = _body_length(scope) // 2

    async def half() -> Message:
        nonlocal left
        message = await receive() if left else {"type": "http.disconnect"}
        if message["type"] == "http.request":
            message = {**message, "body": message["body"][:left], "more_body": True}
            left -= len(message["body"])
        return message

    return half


def _cut_answer(scope: Scope, send: Send) -> Send:
    """Send half of the answer's first piece, then close the connection."""
    cut = False

    async def half(message: Message) -> None:
        nonlocal cut
        if cut:
            return
        if message["type"] == "http.response.body":
            piece = message.get("body", b"")
            await send({**message, "body": piece[: len(piece) // 2], "more_body": True})
            _transport(scope).close()
            cut = True
        else:
            await send(message)

    return half
