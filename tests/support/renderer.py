"""The renderer for tests: inside the test, or as the process that functions-framework makes."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import flask
import httpx
from flask import Flask, Response
from flask.testing import FlaskClient

from cinestow.cloud.files import FileObjects
from cinestow.render.app import handle
from cinestow.render.services import RenderServices, store_connections

FUNCTIONS = Path(__file__).parents[2] / "functions"
READY_S = 30.0


@dataclass
class Renderer:
    """A renderer of its own cache, and every request that it made to the store."""

    client: FlaskClient
    objects: FileObjects
    services: RenderServices
    asked: list[str] = field(default_factory=list)


@contextmanager
def make_renderer(root_url: str, folder: Path, **changes: Any) -> Iterator[Renderer]:
    objects = FileObjects(folder / "objects")
    asked: list[str] = []
    with store_connections() as http:
        http.event_hooks["request"] = [lambda request: asked.append(request.url.path)]
        services = replace(RenderServices(root_url, objects, "previews", http=http), **changes)
        yield Renderer(application(services).test_client(), objects, services, asked)


def application(services: RenderServices) -> Flask:
    """Every path and method goes to the handler, as functions-framework does it."""
    app = Flask("renderer")
    methods = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PATCH"]

    @app.route("/", defaults={"path": ""}, methods=methods, provide_automatic_options=False)
    @app.route("/<path:path>", methods=methods, provide_automatic_options=False)
    def render(path: str) -> Response:
        return handle(flask.request, services)

    return app


@contextmanager
def running_renderer(dicomweb_root: str, folder: Path) -> Iterator[str]:
    """URL of a renderer process of its own; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    source = Path(__file__).with_name("render_function.py")
    environment = os.environ | {
        "CINESTOW_DICOMWEB_ROOT": dicomweb_root,
        "CINESTOW_TEST_OBJECTS": str(folder / "objects"),
        "PYTHONPATH": str(FUNCTIONS),
    }
    command = [sys.executable, "-m", "functions_framework", "--target", "render",
               "--source", str(source), "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    with (folder / "renderer.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url, folder / "renderer.log")
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(url, timeout=5).raise_for_status()
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"the renderer does not answer: {log.read_text()}")
