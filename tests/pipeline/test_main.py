"""functions/main.py as functions-framework loads it, and infra/pipeline.yaml that wires it."""

import base64
import json
import logging
from pathlib import Path
from typing import Any

import functions_framework
import pytest
import yaml
from flask.testing import FlaskClient

from cinestow.media.model import Limits
from cinestow.pipeline.messages import SegmentRequested, encode

ROOT = Path(__file__).parents[2]
PIPELINE = yaml.safe_load((ROOT / "infra/pipeline.yaml").read_text())
IDENTITY_KEY, DICOMWEB_ROOT = "CINESTOW_IDENTITY_KEY", "CINESTOW_DICOMWEB_ROOT"
CLOSED = "127.0.0.1:9"


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What every function is given; nothing of it is there to be talked to."""
    for name in PIPELINE["environment"]:
        monkeypatch.setenv(name, "some-name")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://{CLOSED}")
    monkeypatch.setenv("PUBSUB_EMULATOR_HOST", CLOSED)


def function(monkeypatch: pytest.MonkeyPatch, target: str) -> FlaskClient:
    monkeypatch.setattr(logging.getLogger("cinestow"), "handlers", [])
    app = functions_framework.create_app(target, str(ROOT / "functions/main.py"), "http")
    return app.test_client()


def push(data: bytes) -> dict[str, Any]:
    return {"message": {"data": base64.b64encode(data).decode(), "attributes": {}}}


def test_a_missing_setting_is_an_alarm_that_names_it(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CINESTOW_PROJECT", raising=False)
    answer = function(monkeypatch, "transcode").post("/", json=push(b""))
    assert (answer.status_code, answer.text) == (500, "alarm")
    line = json.loads(capfd.readouterr().out)
    assert line["severity"] == "CRITICAL"
    assert "CINESTOW_PROJECT is not set" in line["error"]


@pytest.mark.usefixtures("environment")
def test_a_bug_is_placed_in_the_log_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("Invalid value for VR PN: 'Doe^Jane'")

    monkeypatch.setattr("cinestow.pipeline.transcode.transcode", broken)
    body = push(encode(SegmentRequested("0" * 32, "sound")))
    answer = function(monkeypatch, "transcode").post("/", json=body)
    assert (answer.status_code, answer.text) == (500, "alarm")
    said = capfd.readouterr()
    assert "Doe" not in said.out + said.err
    line = json.loads(said.out)
    assert line["severity"] == "CRITICAL"
    assert line["error"].startswith("ValueError: broken:")
    assert said.err == ""


@pytest.mark.usefixtures("environment")
def test_what_is_no_message_is_not_quoted_either(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    attributes = {"eventType": "OBJECT_FINALIZE", "bucketId": "b", "objectId": "Doe.webm"}
    message = {"data": "", "attributes": attributes | {"objectGeneration": "Jane"}}
    answer = function(monkeypatch, "intake").post("/", json={"message": message})
    assert (answer.status_code, answer.text) == (400, "malformed message")
    said = capfd.readouterr()
    assert "generation" in said.out
    assert "Doe" not in said.out + said.err
    assert "Jane" not in said.out + said.err


@pytest.mark.parametrize("name", sorted(PIPELINE["functions"]))
def test_secrets_and_the_store_are_given_to_who_needs_them(name: str) -> None:
    given = set(PIPELINE["functions"][name].get("environment", {}))
    assert (IDENTITY_KEY in given) == (name == "intake")
    assert (DICOMWEB_ROOT in given) == (name in {"store", "verify", "render"})


def test_a_decoder_is_given_up_before_the_function_is() -> None:
    """Else the platform ends the function, and the message comes back a hundred times."""
    deadline = PIPELINE["subscription_defaults"]["ack_deadline"]
    for name in ("intake", "transcode"):
        assert Limits().wall_s + 30 < PIPELINE["functions"][name]["timeout"] < deadline
