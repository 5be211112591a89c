"""HTTP in front of the stages: a push comes in, the answer tells Pub/Sub what to do.

2xx: done, or refused for good. 503: the world is bad, deliver again. 500: alarm, deliver again and
dead-letter in the end. 400: no message of ours.
"""

import traceback
from collections.abc import Callable

import flask
from werkzeug.exceptions import HTTPException

from cinestow.cloud.messages import MalformedDelivery, parse_push
from cinestow.errors import CinestowError, TryAgain
from cinestow.pipeline.context import Context
from cinestow.pipeline.events import FinalizedObject, finalized_object
from cinestow.pipeline.log import log
from cinestow.pipeline.messages import M, MalformedMessage, decode

Answer = tuple[str, int]
INNERMOST = 10
"""Frames of a bug that are named in the log."""


def on_object(
    request: flask.Request, context: Context, stage: Callable[[Context, FinalizedObject], None]
) -> Answer:
    """Run a stage on the finalized object that the request tells of."""

    def run() -> None:
        event = finalized_object(request.headers, request.get_data())
        if event is not None:
            stage(context, event)

    return _answer(run, stage.__name__)


def on_message(
    request: flask.Request, context: Context, kind: type[M], stage: Callable[[Context, M], None]
) -> Answer:
    """Run a stage on the message that the push delivers."""

    def run() -> None:
        stage(context, decode(parse_push(request.get_data()).data, kind))

    return _answer(run, stage.__name__)


def _answer(run: Callable[[], None], stage: str) -> Answer:
    try:
        run()
    except (MalformedDelivery, MalformedMessage) as error:
        log("ERROR", "malformed message", stage=stage, error=str(error))
        return "malformed message", 400
    except TryAgain as error:
        log("WARNING", "try again", stage=stage, error=f"{type(error).__name__}: {error}")
        return "try again", 503
    except CinestowError as error:
        log("CRITICAL", "alarm", stage=stage, error=f"{type(error).__name__}: {error}")
        return "alarm", 500
    return "", 204


def on_error(error: Exception) -> Answer | HTTPException:
    """Answer what nobody foresaw: a wrong setting, or a bug.

    Of a bug the log says where it is, but neither its message nor its traceback, as Flask would:
    an exception of a library may quote a patient's data.
    """
    if isinstance(error, HTTPException):
        return error
    said = str(error) if isinstance(error, CinestowError) else _place(error)
    log("CRITICAL", "alarm", error=f"{type(error).__name__}: {said}")
    return "alarm", 500


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)[-INNERMOST:]
    return " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
