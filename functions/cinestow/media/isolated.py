"""The media functions, each run in a limited child process: what the pipeline calls.

Same results and refusals as the plain functions; besides, ``InputRefused`` with
``DECODER_CRASHED``, ``DECODER_TIMED_OUT`` or ``OVER_LIMIT`` when the child dies of its input.
"""

import math
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal, TypeVar, cast

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
from cinestow.media.payload import Payload
from cinestow.media.plausible import (
    is_plausible_preview,
    is_plausible_recording,
    is_plausible_sound,
    is_plausible_video,
)
from cinestow.media.preview_model import PreviewHead, PreviewSettings
from cinestow.media.wire import SoundArguments, VideoArguments, Wire

T = TypeVar("T")


@dataclass(frozen=True)
class Answer(Generic[T]):
    """What a task gives, and how long its JSON can honestly be."""

    kind: type[T]
    most_bytes: int


_TABLE_BYTES = 64 << 10
"""Whatever holds no table."""
_FRAME_BYTES = 64
"""One frame's row in the table of a video segment."""
_ACCESS_UNIT_BYTES = 8
"""One access unit's row in the table of a sound segment."""
_ACCESS_UNITS_PER_S = 50
_PICTURE_BYTES = 64 << 20
"""A still, or an animation of some hundred small frames."""

_RECORDING = Answer(Recording, _TABLE_BYTES)
_PREVIEW = Answer(PreviewHead, _TABLE_BYTES)
_PICTURE = Answer(bytes, _PICTURE_BYTES)


def probe(source: Source, limits: Limits = DEFAULT_LIMITS) -> Recording:
    """``probe.probe`` in a child."""
    found = run("probe", None, source, [], limits, _RECORDING)
    return _believed(found, is_plausible_recording(found, limits))


def encode_video(
    source: Source, plan: Plan, segment: int, sink: Sink, limits: Limits = DEFAULT_LIMITS
) -> VideoSegment:
    """``transcode.encode_video`` in a child."""
    payload = Payload(sink)
    arguments = VideoArguments(plan, segment)
    answer = Answer(VideoSegment, _TABLE_BYTES + _FRAME_BYTES * plan.frames)
    found = run("encode_video", arguments, source, [payload.add], limits, answer)
    return _believed(found, is_plausible_video(found, plan, segment, payload))


def encode_sound(
    source: Source,
    plan: Plan,
    sinks: Sequence[Sink],
    frames: Sequence[int],
    limits: Limits = DEFAULT_LIMITS,
) -> SoundTrack | None:
    """``sound.encode_sound`` in a child."""
    payloads = [Payload(sink) for sink in sinks]
    arguments = SoundArguments(plan, tuple(frames))
    seconds = math.ceil(sum(frames) / plan.frame_rate.value)
    rows = _ACCESS_UNIT_BYTES * _ACCESS_UNITS_PER_S * seconds
    kind = cast("type[SoundTrack | None]", SoundTrack | None)
    answer = Answer(kind, _TABLE_BYTES * (1 + len(sinks)) + rows)
    taking = [payload.add for payload in payloads]
    found = run("encode_sound", arguments, source, taking, limits, answer)
    return _believed(found, is_plausible_sound(found, payloads))


def encode_preview(
    source: Source, settings: PreviewSettings, sink: Sink, limits: Limits = DEFAULT_LIMITS
) -> PreviewHead:
    """``preview.encode_preview`` in a child."""
    payload = Payload(sink)
    found = run("encode_preview", settings, source, [payload.add], limits, _PREVIEW)
    return _believed(found, is_plausible_preview(found, payload))


def encode_still(
    source: Source, kind: Literal["jpeg", "png"], limits: Limits = DEFAULT_LIMITS
) -> bytes:
    """``still.encode_still`` in a child."""
    return run("encode_still", kind, source, [], limits, _PICTURE)


def encode_animation(source: Source, limits: Limits = DEFAULT_LIMITS) -> bytes:
    """``still.encode_animation`` in a child."""
    return run("encode_animation", None, source, [], limits, _PICTURE)


def run(
    task: str,
    arguments: object,
    source: Source,
    sinks: Sequence[Sink],
    limits: Limits,
    answer: Answer[T],
) -> T:
    """Have a child do ``task`` (a name of ``tasks.TASKS``); serve it until it is done.

    What ``source`` and ``sinks`` raise comes out as it is, and ends the child.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            child = _spawn(theirs.fileno())
        try:
            conversation = Conversation(Wire(ours), child, source, sinks, limits, answer.most_bytes)
            said = conversation.hold(task, arguments)
        finally:
            child.kill()
            child.wait()
    try:
        return msgspec.json.decode(said, type=answer.kind)
    except (ValueError, RecursionError) as error:
        raise crashed() from error


def _believed(found: T, plausible: bool) -> T:
    if not plausible:
        raise crashed()
    return found


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
        env={
            "PYTHONPATH": os.pathsep.join(str(Path(path).absolute()) for path in sys.path),
            "OPENBLAS_NUM_THREADS": "1",  # else numpy takes memory for each of the host's cores
        },
    )
