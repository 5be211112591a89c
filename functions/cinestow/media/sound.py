"""The sound of a recording as AAC-LC, in step with its pictures, cut beside the video segments."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import accumulate, chain

import av
import numpy as np
import numpy.typing as npt
from av.audio.codeccontext import AudioCodecContext
from av.audio.format import AudioFormat
from av.audio.frame import AudioFrame
from av.audio.layout import AudioLayout
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from cinestow.media.demux import open_container, packets
from cinestow.media.model import (
    DEFAULT_LIMITS,
    Limits,
    Plan,
    Sink,
    SoundSegment,
    SoundTrack,
    Source,
)
from cinestow.media.payload import Payload

SAMPLE_RATE = 48_000
"""The only rate that DICOM's H.264 transfer syntaxes allow for AAC (PS3.5 8.2.7)."""
FRAME_SAMPLES = 1024
"""Samples of one AAC-LC access unit."""
BIT_RATE_PER_CHANNEL = 96_000
TOLERANCE = SAMPLE_RATE * 20 // 1000
"""Sound this much off its time stamp is taken as jitter of the stamp, not as a gap."""
_SAMPLE_FORMAT = "fltp"

Samples = npt.NDArray[np.float32]
"""Channels by samples."""
Stretch = tuple[int, Samples]
"""Where a piece of sound starts, in samples from the first picture, and the piece."""


def encode_sound(
    source: Source,
    plan: Plan,
    sinks: Sequence[Sink],
    frames: Sequence[int],
    limits: Limits = DEFAULT_LIMITS,
) -> SoundTrack | None:
    """Encode the recording's sound, one payload per video segment; None when none decodes.

    ``frames`` are the output frames of each segment, ``sinks`` take its sound. Time 0 is that of
    the first picture: sound before it is cut, late sound and gaps are filled with silence, sound
    after the last frame is cut. A payload starts with the access unit nearest to its segment's
    first frame.
    """
    sound = plan.recording.sound
    if sound is None:
        return None
    ends = accumulate(_samples_of(count, plan) for count in frames)
    starts = [Fraction(0), *ends]
    payloads = [Payload(sink) for sink in sinks]
    encoder = _encoder(min(sound.channels, 2))
    with open_container(source, limits) as container:
        stretches = resampled(container, plan, encoder.layout.name)
        track = _Track(encoder, payloads, starts)
        for samples in in_step(stretches, starts[-1], encoder.channels):
            track.write(samples)
    return track.finish() if track.samples else None


class _Track:
    """Sound from time 0 on to access units, each in the payload of its segment."""

    def __init__(
        self, encoder: AudioCodecContext, payloads: Sequence[Payload], starts: Sequence[Fraction]
    ) -> None:
        self._encoder = encoder
        self._payloads = payloads
        self._starts = starts
        self._priming: int | None = None
        self._units = 0
        self.samples = 0

    def write(self, samples: Samples) -> None:
        frame = AudioFrame.from_ndarray(samples, _SAMPLE_FORMAT, self._encoder.layout.name)
        frame.sample_rate = SAMPLE_RATE
        frame.pts, frame.time_base = self.samples, Fraction(1, SAMPLE_RATE)
        self.samples += samples.shape[1]
        self._take(self._encoder.encode(frame))

    def finish(self) -> SoundTrack:
        self._take(self._encoder.encode(None))
        return SoundTrack(
            sample_rate=SAMPLE_RATE,
            channels=self._encoder.channels,
            bit_rate=BIT_RATE_PER_CHANNEL * self._encoder.channels,
            priming=self._priming or 0,
            samples=self.samples,
            audio_specific_config=bytes(self._encoder.extradata or b""),
            segments=tuple(
                SoundSegment(tuple(payload.sizes), payload.bytes, payload.sha256)
                for payload in self._payloads
            ),
        )

    def _take(self, packets: Sequence["Packet[Stream]"]) -> None:
        for packet in packets:
            if self._priming is None:
                assert packet.pts is not None
                self._priming = -packet.pts
            middle = self._units * FRAME_SAMPLES - self._priming + FRAME_SAMPLES // 2
            segment = bisect_right(self._starts, middle, 1, len(self._payloads)) - 1
            self._payloads[segment].add(bytes(packet))
            self._units += 1


def _samples_of(frames: int, plan: Plan) -> Fraction:
    return frames * SAMPLE_RATE / plan.frame_rate.value


def _encoder(channels: int) -> AudioCodecContext:
    encoder = av.CodecContext.create("aac", "w")
    assert isinstance(encoder, AudioCodecContext)
    encoder.sample_rate = SAMPLE_RATE
    encoder.format = AudioFormat(_SAMPLE_FORMAT)
    encoder.layout = AudioLayout("mono" if channels == 1 else "stereo")
    encoder.bit_rate = BIT_RATE_PER_CHANNEL * channels
    encoder.time_base = Fraction(1, SAMPLE_RATE)
    encoder.flags |= Flags.global_header
    encoder.open()
    return encoder


def resampled(container: InputContainer, plan: Plan, layout: str) -> Iterator[Stretch]:
    """Decoded sound at the output's rate; the resampler is made anew when the sound changes."""
    resampler: AudioResampler | None = None
    kind = None
    for frame in _decoded(container, plan):
        found = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or found != kind:
            if resampler is not None:
                yield from _stretches(resampler.resample(None), plan)
            resampler, kind = AudioResampler(_SAMPLE_FORMAT, layout, SAMPLE_RATE), found
        yield from _stretches(resampler.resample(frame), plan)
    if resampler is not None:
        yield from _stretches(resampler.resample(None), plan)


def _decoded(container: InputContainer, plan: Plan) -> Iterator[AudioFrame]:
    assert plan.recording.sound is not None
    stream = container.streams[plan.recording.sound.stream_index]
    assert isinstance(stream, AudioStream)
    for packet in chain(packets(container, stream), [None]):
        yield from _frames_of(stream.codec_context, packet)


def _frames_of(decoder: AudioCodecContext, packet: "Packet[Stream] | None") -> list[AudioFrame]:
    """The sound that a packet holds; None drains the decoder. Damage gives none."""
    try:
        return decoder.decode(packet)
    except av.error.MemoryError:
        raise
    except av.FFmpegError:
        return []


def _stretches(frames: Iterable[AudioFrame | None], plan: Plan) -> Iterator[Stretch]:
    recording = plan.recording
    first = recording.first_pts * recording.time_base.value
    for frame in frames:
        if frame is not None and frame.pts is not None and frame.time_base is not None:
            start = round((frame.pts * frame.time_base - first) * SAMPLE_RATE)
            yield start, frame.to_ndarray().astype(np.float32, copy=False)


def in_step(stretches: Iterable[Stretch], total: Fraction, channels: int) -> Iterator[Samples]:
    """Sound from sample 0 up to ``total`` without gap or overlap, by its time stamps."""
    position = 0
    expected: int | None = None
    for start, samples in stretches:
        if expected is not None and abs(start - expected) <= TOLERANCE:
            start = expected
        expected = start + samples.shape[1]
        late = max(position - start, 0)
        heard = samples[:, late : max(int(total) - start, 0)]
        if not heard.shape[1]:
            continue
        yield from _silence(start + late - position, channels)
        yield np.ascontiguousarray(heard)
        position = start + late + heard.shape[1]


def _silence(samples: int, channels: int) -> Iterator[Samples]:
    for start in range(0, samples, SAMPLE_RATE):
        yield np.zeros((channels, min(SAMPLE_RATE, samples - start)), np.float32)
