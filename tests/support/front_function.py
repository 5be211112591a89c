"""A function for fronts to stand before: it echoes, streams, holds, and remembers who called."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from support.front import app_server

METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"]
VIDEO = bytes(range(256)) * 4096
PIECE = bytes(1 << 20)


@dataclass
class Function:
    """What tests steer and look at; ``url`` is the function's own."""

    gate: threading.Event = field(default_factory=threading.Event)
    in_flight: int = 0
    most_in_flight: int = 0
    first_piece: threading.Event = field(default_factory=threading.Event)
    abandoned: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    async def echo(self, request: Request) -> Response:
        headers = [[name.decode(), value.decode()] for name, value in request.headers.raw]
        seen = {
            "method": request.method,
            "target": request.scope["raw_path"].decode(),
            "query": request.scope["query_string"].decode(),
            "headers": headers,
            "body": (await request.body()).decode(),
        }
        extra = {"x-function": "echo", "keep-alive": "timeout=5", "connection": "x-private"}
        return JSONResponse(seen, 201, extra | {"x-private": "1"})

    async def hold(self, request: Request) -> Response:
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await self.gate_opened()
        self.in_flight -= 1
        return Response(b"held")

    async def stream(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"first"
            try:
                await self.gate_opened()
            except asyncio.CancelledError:
                self.abandoned.set()
                raise
            yield b"second"

        return StreamingResponse(pieces(), media_type="video/webm")

    async def upload(self, request: Request) -> Response:
        size = 0
        try:
            async for piece in request.stream():
                size += len(piece)
                self.first_piece.set()
        except ClientDisconnect:
            self.abandoned.set()
        return JSONResponse({"size": size})

    async def video(self, request: Request) -> Response:
        first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
        headers = {"content-range": f"bytes {first}-{last}/{len(VIDEO)}"}
        return Response(VIDEO[first : last + 1], 206, headers, "video/webm")

    async def large(self, request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(200):
                yield PIECE

        headers = {"content-length": str(200 * len(PIECE))}
        return StreamingResponse(pieces(), headers=headers)

    async def gate_opened(self) -> None:
        while not self.gate.is_set():
            await asyncio.sleep(0.01)


@contextmanager
def front_function() -> Iterator[Function]:
    """Serve the function until the block ends."""
    function = Function()
    routes = [
        Route("/hold", function.hold),
        Route("/stream", function.stream),
        Route("/upload", function.upload, methods=["POST"]),
        Route("/video", function.video),
        Route("/large", function.large),
        Route("/{path:path}", function.echo, methods=METHODS),
    ]
    with app_server(Starlette(routes=routes)) as url:
        function.url = url
        try:
            yield function
        finally:
            function.gate.set()
