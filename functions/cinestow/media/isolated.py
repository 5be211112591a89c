"""The media functions, each run in a limited child process: what the pipeline calls.

Same results and refusals as the plain functions; besides, ``InputRefused`` with
``DECODER_CRASHED``, ``DECODER_TIMED_OUT`` or ``OVER_LIMIT`` when the child dies of its input.
"""

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar, cast

import msgspec

from cinestow.media.conversation import Conversation, crashed
from cinestow.media.model import (
    DEFAULT_LIMITS,
    Limits,
    Plan,
    Recording,
    Sink,
    SoundTrack,
    Source,
    VideoSegment,
)
from cinestow.media.preview_model import PreviewHead, PreviewSettings
from cinestow.media.tasks import SoundArguments, VideoArguments
from cinestow.media.wire import Wire

T = TypeVar("T")

_SOUND = cast("type[SoundTrack | None]", SoundTrack | None)


def probe(source: Source, limits: Limits = DEFAULT_LIMITS) -> Recording:
    """``probe.probe`` in a child."""
    return run("probe", None, source, [], limits, Recording)


def encode_video(
    source: Source, plan: Plan, segment: int, sink: Sink, limits: Limits = DEFAULT_LIMITS
) -> VideoSegment:
    """``transcode.encode_video`` in a child."""
    arguments = VideoArguments(plan, segment)
    return run("encode_video", arguments, source, [sink], limits, VideoSegment)


def encode_sound(
    source: Source,
    plan: Plan,
    sinks: Sequence[Sink],
    frames: Sequence[int],
    limits: Limits = DEFAULT_LIMITS,
) -> SoundTrack | None:
    """``sound.encode_sound`` in a child."""
    arguments = SoundArguments(plan, tuple(frames))
    return run("encode_sound", arguments, source, sinks, limits, _SOUND)


def encode_preview(
    source: Source, settings: PreviewSettings, sink: Sink, limits: Limits = DEFAULT_LIMITS
) -> PreviewHead:
    """``preview.encode_preview`` in a child."""
    return run("encode_preview", settings, source, [sink], limits, PreviewHead)


def encode_still(
    source: Source, kind: Literal["jpeg", "png"], limits: Limits = DEFAULT_LIMITS
) -> bytes:
    """``still.encode_still`` in a child."""
    return run("encode_still", kind, source, [], limits, bytes)


def encode_animation(source: Source, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """``still.encode_animation`` in a child."""
    return run("encode_animation", None, source, [], limits, bytes)


def run(
    task: str,
    arguments: object,
    source: Source,
    sinks: Sequence[Sink],
    limits: Limits,
    result: type[T],
) -> T:
    """Have a child do ``task`` (a name of ``tasks.TASKS``); serve it until it is done.

    What ``source`` and ``sinks`` raise comes out as it is, and ends the child.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = _spawn(theirs.fileno())
        try:
            conversation = Conversation(Wire(ours), child, source, sinks, limits)
            return msgspec.json.decode(conversation.hold(task, arguments), type=result)
        except msgspec.MsgspecError as error:
            raise crashed() from error
        finally:
            child.kill()
            child.wait()


def _spawn(descriptor: int) -> subprocess.Popen[bytes]:
    """Start the child with nothing of our environment (credentials) but where modules lie."""
    module = "cinestow.media.child"
    return subprocess.Popen(
        [sys.executable, "-P", "-B", "-m", module, str(descriptor), str(os.getpid())],
        pass_fds=[descriptor],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path)},
    )
