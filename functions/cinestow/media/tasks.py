"""What a limited child can be asked to do. Only the child imports this: it loads the codecs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from cinestow.media.model import Limits, Sink, Source
from cinestow.media.preview import encode_preview
from cinestow.media.preview_model import PreviewSettings
from cinestow.media.probe import probe
from cinestow.media.sound import encode_sound
from cinestow.media.still import encode_animation, encode_still
from cinestow.media.transcode import encode_video
from cinestow.media.wire import SoundArguments, VideoArguments


@dataclass(frozen=True)
class Call:
    """A task with what it works on."""

    arguments: msgspec.Raw
    source: Source
    sinks: Sequence[Sink]
    limits: Limits


def _probe(call: Call) -> object:
    return probe(call.source, call.limits)


def _encode_video(call: Call) -> object:
    arguments = msgspec.json.decode(call.arguments, type=VideoArguments)
    (sink,) = call.sinks
    return encode_video(call.source, arguments.plan, arguments.segment, sink, call.limits)


def _encode_sound(call: Call) -> object:
    arguments = msgspec.json.decode(call.arguments, type=SoundArguments)
    return encode_sound(call.source, arguments.plan, call.sinks, arguments.frames, call.limits)


def _encode_preview(call: Call) -> object:
    settings = msgspec.json.decode(call.arguments, type=PreviewSettings)
    (sink,) = call.sinks
    return encode_preview(call.source, settings, sink, call.limits)


def _encode_still(call: Call) -> object:
    kind = msgspec.json.decode(call.arguments, type=Literal["jpeg", "png"])
    return encode_still(call.source, kind, call.limits)


def _encode_animation(call: Call) -> object:
    return encode_animation(call.source, call.limits)


TASKS: dict[str, Callable[[Call], object]] = {
    "probe": _probe,
    "encode_video": _encode_video,
    "encode_sound": _encode_sound,
    "encode_preview": _encode_preview,
    "encode_still": _encode_still,
    "encode_animation": _encode_animation,
}
