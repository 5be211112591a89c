from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from cinestow.media.model import SoundTrack
from cinestow.media.sound import FRAME_SAMPLES, SAMPLE_RATE, encode_sound
from cinestow.media.source import FileSource
from support.ffmpeg import complaints, pictures, probe, run, sound
from support.plans import plan_of, planned, recording_of
from support.synthetic import flash_and_beep, moving_picture
from support.transcoding import transcode


def flashes(path: Path) -> list[float]:
    """When the picture turns white, in seconds."""
    frames = np.frombuffer(pictures(path, "gray"), np.uint8).reshape(-1, 160 * 120)
    return _onsets(frames.mean(axis=1) > 128, 30)


def beeps(path: Path) -> list[float]:
    """When the sound starts, in seconds from the first picture."""
    samples = np.abs(np.frombuffer(sound(path), "<i2").astype(float))
    windows = samples[: len(samples) // 48 * 48].reshape(-1, 48).max(axis=1)
    loud = np.convolve(windows > 500, np.ones(30), "full")[: len(windows)] > 0
    return _onsets(loud, 1000)


def _onsets(on: npt.NDArray[np.bool_], rate: int) -> list[float]:
    return [float(start) / rate for start in np.flatnonzero(np.diff(on.astype(int), prepend=0) > 0)]


def transcoded(source: Path, **changes: object) -> Path:
    target = source.with_name("out.mp4")
    transcode(source, plan_of(recording_of(source), **changes), target)
    assert complaints(target) == ""
    return target


def encoded(source: Path, *frames: int) -> tuple[SoundTrack | None, list[bytes]]:
    """The sound of a recording of 30 frames a second, beside segments of so many frames."""
    payloads = [bytearray() for _ in frames]
    with FileSource(source) as opened:
        sinks = [payload.extend for payload in payloads]
        track = encode_sound(opened, plan_of(recording_of(source)), sinks, frames)
    return track, [bytes(payload) for payload in payloads]


class TestInStep:
    """A flash and a beep at every second; what is heard must be what is seen, within 40 ms."""

    def test_from_start_to_end(self, tmp_path: Path) -> None:
        target = transcoded(flash_and_beep(tmp_path / "in.mkv"))
        assert flashes(target) == pytest.approx(range(8), abs=1e-6)
        assert beeps(target) == pytest.approx(range(8), abs=0.005)

    def test_as_opus_in_webm(self, tmp_path: Path) -> None:
        """The muxer itself puts the picture 7 ms behind (Opus's pre-skip)."""
        target = transcoded(flash_and_beep(tmp_path / "in.webm", encoding=("-c:a", "libopus")))
        assert flashes(target) == pytest.approx(range(8), abs=1e-6)
        assert beeps(target) == pytest.approx(range(8), abs=0.01)

    def test_when_the_sound_is_first(self, tmp_path: Path) -> None:
        """The picture starts half a second late, and time starts with it."""
        source = flash_and_beep(tmp_path / "in.mkv", picture_delay=0.5)
        assert recording_of(source).first_pts > 0
        target = transcoded(source)
        assert flashes(target) == pytest.approx([k - 0.5 for k in range(1, 8)], abs=1e-6)
        assert beeps(target) == pytest.approx([k - 0.5 for k in range(1, 8)], abs=0.005)

    def test_when_the_sound_is_late(self, tmp_path: Path) -> None:
        target = transcoded(flash_and_beep(tmp_path / "in.mkv", sound_delay=2.5))
        assert beeps(target) == pytest.approx(range(3, 8), abs=0.005)

    def test_over_a_gap(self, tmp_path: Path) -> None:
        target = transcoded(flash_and_beep(tmp_path / "in.mkv", gap=(2.5, 5.5)))
        assert beeps(target) == pytest.approx([0, 1, 2, 6, 7], abs=0.01)
        assert len(sound(target)) == 2 * 8 * SAMPLE_RATE

    def test_longer_sound_does_not_lengthen(self, tmp_path: Path) -> None:
        target = transcoded(flash_and_beep(tmp_path / "in.mkv", sound_seconds=10))
        assert beeps(target) == pytest.approx(range(8), abs=0.005)
        assert float(probe(target, "-show_format")["format"]["duration"]) == 8

    def test_shorter_sound_just_ends(self, tmp_path: Path) -> None:
        target = transcoded(flash_and_beep(tmp_path / "in.mkv", sound_seconds=4.5))
        assert beeps(target) == pytest.approx(range(5), abs=0.005)
        assert flashes(target) == pytest.approx(range(8), abs=1e-6)

    def test_at_another_sample_rate_and_through_seams(self, tmp_path: Path) -> None:
        source = tmp_path / "in.mkv"
        flash_and_beep(source, encoding=("-c:a", "aac", "-ar", "22050"))
        target = transcoded(source, cuts=(50, 171))
        assert flashes(target) == pytest.approx(range(8), abs=1e-6)
        assert beeps(target) == pytest.approx(range(8), abs=0.005)

    def test_browser_recordings_have_no_holes(self, tmp_path: Path) -> None:
        """A tone without a break: jittering time stamps must not cut silence into it."""
        source = Path(__file__).parents[1] / "data" / "recorded" / "vp9_pause.webm"
        transcode(source, planned(source), tmp_path / "out.mp4")
        samples = np.abs(np.frombuffer(sound(tmp_path / "out.mp4"), "<i2").astype(float))
        windows = samples[: len(samples) // 240 * 240].reshape(-1, 240).max(axis=1)
        heard = np.flatnonzero(windows > 1000)
        assert len(heard) > 500
        assert (np.diff(heard) == 1).all()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flash_and_beep(tmp_path_factory.mktemp("sound") / "in.mkv")


class TestTrack:
    def test_payloads_are_cut_beside_the_segments(self, source: Path) -> None:
        track, payloads = encoded(source, 50, 121, 69)
        assert track is not None
        units = np.cumsum([len(segment.sizes) for segment in track.segments])
        for unit, frame in zip(units[:2], (50, 171), strict=True):
            start = unit * FRAME_SAMPLES - track.priming
            assert abs(start - frame * SAMPLE_RATE / 30) <= FRAME_SAMPLES / 2
        for segment, payload in zip(track.segments, payloads, strict=True):
            assert sum(segment.sizes) == segment.bytes == len(payload)
        whole, (joined,) = encoded(source, 240)
        assert whole is not None
        assert joined == b"".join(payloads)
        assert units[-1] * FRAME_SAMPLES >= track.priming + track.samples
        assert (track.samples, track.priming) == (8 * SAMPLE_RATE, 1024)

    def test_nothing_follows_where_the_sound_has_ended(self, source: Path) -> None:
        track, payloads = encoded(source, 240, 60, 60)
        assert track is not None
        assert [segment.bytes for segment in track.segments][1:] == [0, 0]
        assert payloads[1:] == [b"", b""]

    def test_more_than_two_channels_are_mixed_down(self, tmp_path: Path) -> None:
        source = moving_picture(tmp_path / "plain.mp4", seconds=0.5)
        surround = tmp_path / "in.mkv"
        sine = "sine=duration=0.5,aformat=channel_layouts=5.1"
        run("-i", source, "-f", "lavfi", "-i", sine, "-c:v", "copy", "-c:a", "ac3", surround)
        track, _ = encoded(surround, 15)
        assert track is not None
        assert (track.channels, track.bit_rate) == (2, 192_000)

    def test_is_none_without_sound(self, tmp_path: Path) -> None:
        assert encoded(moving_picture(tmp_path / "in.mp4", seconds=0.2), 6) == (None, [b""])

    def test_is_none_when_nothing_decodes(self, tmp_path: Path) -> None:
        source = moving_picture(tmp_path / "in.mp4", seconds=1, sound="aac")
        data = bytearray(source.read_bytes())
        for packet in probe(source, "-select_streams", "a", "-show_packets")["packets"]:
            place, size = int(packet["pos"]), int(packet["size"])
            data[place : place + size] = b"\xff" * size
        (tmp_path / "broken.mp4").write_bytes(data)
        assert encoded(tmp_path / "broken.mp4", 30) == (None, [b""])
