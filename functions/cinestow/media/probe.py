"""What a recording really is: every packet is read, and pictures now and then are decoded."""

from dataclasses import replace
from fractions import Fraction

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.demux import (
    open_container,
    packets,
    picture_stream,
    sound_stream,
    unreadable,
)
from cinestow.media.look import (
    Claims,
    claims_of,
    colour_of,
    high_dynamic_range_of,
    orientation_of,
)
from cinestow.media.model import Limits, Recording, Sound, Source, ratio
from cinestow.media.survey import Survey
from cinestow.media.timeline import (
    candidate_rates,
    interval_percentiles_ms,
    median_interval,
    shared_slots,
)
from cinestow.media.truncation import ends_early

_LONE_PICTURE = Fraction(1, 25)
"""Seconds, when the file does not say."""


def probe(source: Source, limits: Limits) -> Recording:
    """Read the whole of ``source`` once; memory grows by a few bytes a picture alone.

    Raises ``InputRefused``: those of ``open_container`` and ``picture_stream``, ``NO_FRAMES`` when
    nothing decodes, ``OVER_LIMIT`` for more pixels, pictures or seconds than ``limits`` allow,
    ``UNSUPPORTED`` for high dynamic range.
    """
    with open_container(source, limits) as container:
        stream = _picture_stream(source, container)
        sound = sound_stream(container)
        _check_size(stream, limits)
        claims = claims_of(stream)
        survey = Survey(stream, limits)
        last_packet = 0
        for packet in packets(container, *(s for s in (stream, sound) if s is not None)):
            last_packet = max(last_packet, packet.pos or 0)
            if packet.stream_index == stream.index:
                survey.add(packet)
        recording = _recording(stream, sound, claims, survey)
        _check_duration(recording.duration, limits)
        truncated = survey.cut or ends_early(source, container, last_packet)
        return replace(recording, container=container.format.name, truncated=truncated)


def _picture_stream(source: Source, container: InputContainer) -> VideoStream:
    """As ``picture_stream``, but what a cut header leaves out is not called unsupported."""
    try:
        return picture_stream(container)
    except InputRefused as refused:
        unknown = refused.code is RefusalCode.UNSUPPORTED or sound_stream(container) is None
        if unknown and ends_early(source, container, last_packet=0):
            raise unreadable() from refused
        raise


def _recording(
    stream: VideoStream, sound: AudioStream | None, claims: Claims, survey: Survey
) -> Recording:
    """What was found, but for what concerns the file as a whole."""
    times = survey.finish()
    first = survey.first
    time_base = stream.time_base
    if first is None or time_base is None or not times:
        raise _no_frames()
    _check_dynamic_range(high_dynamic_range_of(first, claims))
    width, height = max(survey.sizes, key=lambda size: size[0] * size[1])
    colour = colour_of(first, claims)
    rotation, flipped = orientation_of(first)
    rates = candidate_rates(times, time_base)
    return Recording(
        container="",
        stream_index=stream.index,
        codec=stream.codec.canonical_name,
        profile=stream.profile or "",
        width=width,
        height=height,
        sizes=len(survey.sizes),
        sample_aspect=claims.sample_aspect,
        rotation=rotation,
        flipped=flipped,
        pixel_format=colour.pixel_format,
        full_range=colour.full_range,
        matrix=colour.matrix,
        alpha=colour.alpha,
        interlaced=survey.interlaced,
        top_field_first=survey.top_field_first,
        frames=len(times),
        time_base=ratio(time_base),
        first_pts=times[0],
        last_pts=times[-1],
        frame_interval=ratio(median_interval(times, time_base) or _alone(stream)),
        intervals_ms=interval_percentiles_ms(times, time_base),
        drops_by_rate={str(rate): shared_slots(times, time_base, rate) for rate in rates},
        sound=_sound(sound),
        truncated=False,
    )


def _sound(stream: AudioStream | None) -> Sound | None:
    if stream is None:
        return None
    return Sound(
        stream_index=stream.index,
        codec=stream.codec.canonical_name,
        sample_rate=stream.rate,
        channels=stream.channels,
    )


def _alone(stream: VideoStream) -> Fraction:
    """How long a recording of one picture lasts, in seconds."""
    return 1 / stream.average_rate if stream.average_rate else _LONE_PICTURE


def _check_size(stream: VideoStream, limits: Limits) -> None:
    if stream.width * stream.height > limits.pixels_per_frame:
        raise InputRefused(
            RefusalCode.OVER_LIMIT,
            f"The picture has {stream.width} x {stream.height} pixels; at most "
            f"{limits.pixels_per_frame} in all can be stored. Record it smaller.",
        )


def _check_duration(duration: Fraction, limits: Limits) -> None:
    if duration > limits.duration_s:
        raise InputRefused(
            RefusalCode.OVER_LIMIT,
            f"The recording lasts {float(duration) / 3600:.1f} hours by its own clock; at most "
            f"{limits.duration_s / 3600:g} can be stored. Send it in shorter parts.",
        )


def _check_dynamic_range(high: str | None) -> None:
    if high is not None:
        raise InputRefused(
            RefusalCode.UNSUPPORTED,
            f"The picture has high dynamic range ({high}), which would be stored in wrong colours; "
            "record it in standard dynamic range (SDR), or convert it to that first.",
        )


def _no_frames() -> InputRefused:
    return InputRefused(
        RefusalCode.NO_FRAMES,
        "The file has a picture track, but no picture in it can be decoded; "
        "send the recording again from the original.",
    )
