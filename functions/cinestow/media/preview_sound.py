"""The sound of a preview: Opus, in step with the pictures, never longer than they are."""

from collections.abc import Iterator
from fractions import Fraction

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream

from cinestow.media.model import Plan, Sound
from cinestow.media.sound import SAMPLE_RATE, in_step, resampled

Packets = Iterator["Packet[Stream]"]

BIT_RATE_PER_CHANNEL = 48_000
_SAMPLE_FORMAT = "fltp"
_TICK = Fraction(1, SAMPLE_RATE)


def add_sound(container: OutputContainer, sound: Sound) -> AudioStream:
    """An Opus stream of one or two channels."""
    layout = "mono" if sound.channels == 1 else "stereo"
    stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout=layout)
    stream.bit_rate = BIT_RATE_PER_CHANNEL * stream.channels
    return stream


def sound_packets(recording: InputContainer, stream: AudioStream, plan: Plan) -> Packets:
    """The recording's sound, encoded for ``stream``; time 0 is that of the first picture."""
    position = 0
    layout = stream.layout.name
    stretches = resampled(recording, plan, layout)
    total = plan.recording.duration * SAMPLE_RATE
    for samples in in_step(stretches, total, stream.channels):
        frame = AudioFrame.from_ndarray(samples, _SAMPLE_FORMAT, layout)
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, position, _TICK
        position += samples.shape[1]
        yield from stream.encode(frame)
    yield from stream.encode(None)
