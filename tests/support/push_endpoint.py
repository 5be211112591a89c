"""An HTTP endpoint that push subscriptions deliver to; it keeps every request."""

import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request, as it came in."""

    time: float
    headers: dict[str, str]
    body: bytes

    @property
    def envelope(self) -> dict[str, Any]:
        """The body of a wrapped message."""
        return dict(json.loads(self.body))


@dataclass
class Endpoint:
    """Where to push, what came, and what is answered."""

    url: str
    answer: Callable[[int], int]
    """The status for the n-th request, from 1; it may take its time."""
    requests: list[Request] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, headers: dict[str, str], body: bytes) -> int:
        with self.lock:
            self.requests.append(Request(time.monotonic(), headers, body))
            number = len(self.requests)
        return self.answer(number)

    @property
    def gaps(self) -> list[float]:
        """Seconds between one request and the next."""
        times = [request.time for request in self.requests]
        return [after - before for before, after in itertools.pairwise(times)]


@contextmanager
def push_endpoint(
    answer: Callable[[int], int] = lambda _: 204, port: int = 0
) -> Iterator[Endpoint]:
    """Serve an endpoint until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = endpoint.take({k.lower(): v for k, v in self.headers.items()}, body)
            try:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()
            except BrokenPipeError:
                pass

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/push", answer)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()
