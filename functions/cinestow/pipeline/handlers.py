"""HTTP in front of the stages: a push comes in, the answer tells Pub/Sub what to do.

2xx: done, or refused for good. 503: the world is bad, deliver again. 500: alarm, deliver again and
dead-letter in the end. 400: no message of ours.
"""

from collections.abc import Callable

import flask

from cinestow.cloud.messages import MalformedDelivery, parse_push
from cinestow.errors import AlarmRaised, TryAgain
from cinestow.pipeline.context import Context
from cinestow.pipeline.events import FinalizedObject, finalized_object
from cinestow.pipeline.log import log
from cinestow.pipeline.messages import M, MalformedMessage, decode

Answer = tuple[str, int]


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
        return str(error), 400
    except TryAgain as error:
        log("WARNING", "try again", stage=stage, error=f"{type(error).__name__}: {error}")
        return "try again", 503
    except AlarmRaised as error:
        log("CRITICAL", "alarm", stage=stage, error=f"{type(error).__name__}: {error}")
        return "alarm", 500
    return "", 204
