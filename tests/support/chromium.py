"""Real Chromium, headless: loads a page of ours that posts one JSON answer."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
]  # fmt: skip


def answer_of(page: str, profile: Path, timeout_s: float = 90) -> Any:
    """What the page posts to ``/answer``, decoded; its own origin is not the renderer's."""
    with _serving(page) as (url, answers), (profile.parent / "chromium.log").open("wb") as log:
        command = ["chromium", *FLAGS, f"--user-data-dir={profile}", url]
        browser = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            return answers.get(timeout=timeout_s)
        finally:
            browser.terminate()
            browser.wait(20)


@contextmanager
def _serving(page: str) -> Iterator[tuple[str, Queue[Any]]]:
    answers: Queue[Any] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def do_POST(self) -> None:
            answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", answers
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
