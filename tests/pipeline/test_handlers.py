"""The functions as functions-framework serves them: what Pub/Sub is answered."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import flask
import pytest

from cinestow.cloud.files import FileObjects
from cinestow.errors import InstanceMismatch, StoreUnavailable
from cinestow.pipeline import handlers
from cinestow.pipeline.context import Context
from cinestow.pipeline.log import write_to
from cinestow.pipeline.messages import InstanceStored, encode
from support.stages import SETTINGS

UPLOAD = "0123456789abcdef" * 2
Stage = Callable[[Context, InstanceStored], None]


class Silent:
    def publish(self, topic: str, data: bytes, attributes: object) -> None:
        raise AssertionError("no stage of these tests publishes")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(SETTINGS, FileObjects(tmp_path), Silent())


def answer(context: Context, stage: Stage, body: bytes) -> int:
    app = flask.Flask("test")

    @app.post("/")
    def serve() -> handlers.Answer:
        return handlers.on_message(flask.request, context, InstanceStored, stage)

    return app.test_client().post("/", data=body).status_code


def envelope(data: bytes) -> bytes:
    message = {"data": base64.b64encode(data).decode(), "messageId": "7"}
    return json.dumps({"message": message, "deliveryAttempt": 3}).encode()


def test_done_is_2xx(context: Context) -> None:
    seen = []
    body = envelope(encode(InstanceStored(UPLOAD)))
    assert answer(context, lambda _context, message: seen.append(message), body) == 204
    assert seen == [InstanceStored(UPLOAD)]


@pytest.mark.parametrize("body", [b"", b"{}", envelope(b"not ours"), envelope(b"{}")])
def test_what_is_no_message_of_ours_is_400(context: Context, body: bytes) -> None:
    def never(_context: Context, _message: InstanceStored) -> None:
        raise AssertionError

    assert answer(context, never, body) == 400


@pytest.mark.parametrize(
    ("error", "status"),
    [(StoreUnavailable("down"), 503), (InstanceMismatch("other content"), 500)],
)
def test_what_may_pass_and_what_needs_a_person(
    context: Context, error: Exception, status: int
) -> None:
    def failing(_context: Context, _message: InstanceStored) -> None:
        raise error

    written = io.StringIO()
    write_to(written)
    assert answer(context, failing, envelope(encode(InstanceStored(UPLOAD)))) == status
    line = json.loads(written.getvalue())
    assert line["severity"] == {503: "WARNING", 500: "CRITICAL"}[status]
    assert type(error).__name__ in line["error"]


def test_a_bug_is_not_swallowed(context: Context) -> None:
    def broken(_context: Context, _message: InstanceStored) -> None:
        raise ZeroDivisionError

    assert answer(context, broken, envelope(encode(InstanceStored(UPLOAD)))) == 500
