"""Small functions for the supervisor's own tests: each notes what reached it, in a folder."""

import json
import os
from pathlib import Path

import flask
import functions_framework

Answer = tuple[str, int]


def _note(request: flask.Request) -> int:
    """How many requests this function has had, this one included."""
    notes = Path(os.environ["NOTES"]) / f"{os.environ['K_SERVICE']}.jsonl"
    with notes.open("a") as file:
        file.write(json.dumps(request.get_json()) + "\n")
    return len(notes.read_text().splitlines())


@functions_framework.http
def take(request: flask.Request) -> Answer:
    _note(request)
    return "", 204


@functions_framework.http
def fail_once(request: flask.Request) -> Answer:
    return "", 503 if _note(request) == 1 else 204


@functions_framework.http
def fail(request: flask.Request) -> Answer:
    _note(request)
    return "", 500


@functions_framework.http
def show(request: flask.Request) -> flask.Response:
    return flask.jsonify(dict(os.environ))
