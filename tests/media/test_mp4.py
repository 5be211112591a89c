import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from cinestow.errors import AlarmRaised
from cinestow.media.model import Quality, Ratio, SoundSegment, SoundTrack, VideoSegment
from cinestow.media.mp4 import layout
from support.boxes import boxes, first, numbers
from support.ffmpeg import complaints, frame_times, probe
from support.plans import plan_of, recording_of
from support.synthetic import moving_picture
from support.transcoding import Transcoded, join, transcode

SPS = bytes.fromhex(
    "67640029acd9405005bb016a0c0c0c80000003008000001e70100001dcd6400001dcd65494600f183196"
)
"""High@4.1, as x264 writes it."""
PPS = bytes.fromhex("68efbcb0")


def synthetic_segment(frames: int, size: int) -> VideoSegment:
    order = [0] if frames == 1 else [i ^ 1 if 0 < i - 1 < frames - 2 else i for i in range(frames)]
    return VideoSegment(
        width=1280,
        height=720,
        frame_rate=Ratio(30, 1),
        sizes=(size,) * frames,
        decode_order=tuple(sorted(range(frames), key=lambda i: order[i])),
        key_samples=tuple(range(0, frames, 60)),
        sps=SPS,
        pps=PPS,
        bytes=size * frames,
        sha256="",
        quality=Quality((), (), frames, 0, 0),
    )


def synthetic_sound(units: list[int], size: int) -> SoundTrack:
    return SoundTrack(
        sample_rate=48000,
        channels=2,
        bit_rate=192000,
        priming=1024,
        samples=sum(units) * 1024 - 1024,
        audio_specific_config=bytes.fromhex("1190"),
        segments=tuple(SoundSegment((size,) * count, size * count, "") for count in units),
    )


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Transcoded:
    """Two segments of pictures with B-frames, cut at an arbitrary frame, and sound."""
    folder = tmp_path_factory.mktemp("joined")
    source = moving_picture(folder / "in.mp4", "-c:v", "libx264", seconds=3, sound="aac")
    return transcode(source, plan_of(recording_of(source), cuts=(17,)), folder / "out.mp4")


class TestJoinedFile:
    def test_decodes_without_a_message(self, joined: Transcoded) -> None:
        assert complaints(joined.path) == ""

    def test_every_frame_has_its_exact_time(self, joined: Transcoded) -> None:
        assert frame_times(joined.path) == pytest.approx([k / 30 for k in range(90)], abs=1e-6)

    def test_decoding_times_rise_strictly(self, joined: Transcoded) -> None:
        packets = probe(joined.path, "-select_streams", "v", "-show_packets")["packets"]
        times = [packet["dts"] for packet in packets]
        assert times == sorted(set(times))

    def test_states_duration_and_parameters(self, joined: Transcoded) -> None:
        found = probe(joined.path, "-show_streams", "-show_format")
        video, sound = found["streams"]
        assert float(found["format"]["duration"]) == pytest.approx(3)
        assert (video["profile"], video["level"], video["nb_frames"]) == ("High", 41, "90")
        assert (video["avg_frame_rate"], video["r_frame_rate"]) == ("30/1", "30/1")
        assert (video["sample_aspect_ratio"], video["field_order"]) == ("1:1", "progressive")
        assert (video["color_range"], video["color_space"]) == ("tv", "smpte170m")
        assert (sound["profile"], sound["sample_rate"], sound["channels"]) == ("LC", "48000", 1)
        assert float(sound["duration"]) == pytest.approx(3, abs=0.001)

    def test_head_comes_first_and_length_is_even(self, joined: Transcoded) -> None:
        data = joined.path.read_bytes()
        top = [name for name, _ in boxes(data) if "/" not in name]
        assert top == ["ftyp", "moov", "mdat"]
        assert len(data) % 2 == 0

    def test_sync_samples_are_the_instantaneous_refreshes(self, joined: Transcoded) -> None:
        data = joined.path.read_bytes()
        keys = numbers(first(data, "moov/trak/mdia/minf/stbl/stss"), "I", 8)
        packets = probe(joined.path, "-select_streams", "v", "-show_packets")["packets"]
        assert [n for n, p in enumerate(packets, 1) if p["flags"].startswith("K")] == keys
        assert keys == [1, 18, 78]

    def test_plays_from_any_sync_sample_alone(self, joined: Transcoded, tmp_path: Path) -> None:
        """Closed GOPs: nothing after a key frame needs what stood before it."""
        whole = joined.video[1]
        start = whole.key_samples[-1]
        assert start > 0
        skipped = sum(whole.sizes[:start])
        tail = replace(
            whole,
            sizes=whole.sizes[start:],
            decode_order=tuple(index - start for index in whole.decode_order[start:]),
            key_samples=(0,),
            bytes=whole.bytes - skipped,
        )
        payload = bytearray(joined.video_payloads[1][skipped:])
        join(tmp_path / "tail.mp4", [tail], None, [payload], [bytearray()])
        assert complaints(tmp_path / "tail.mp4") == ""
        assert len(frame_times(tmp_path / "tail.mp4")) == len(tail.sizes)


class TestLayout:
    def test_an_hour_above_four_gib(self, tmp_path: Path) -> None:
        segments = [synthetic_segment(10_800, 50_001) for _ in range(10)]
        sound = synthetic_sound([16_875] * 10, 501)
        started = time.perf_counter()
        frame = layout(segments, sound)
        assert time.perf_counter() - started < 1
        path = tmp_path / "sparse.mp4"
        payload = 10 * (10_800 * 50_001 + 16_875 * 501)
        with path.open("wb") as target:
            target.write(frame.head)
            target.truncate(len(frame.head) + payload + len(frame.padding))
        assert path.stat().st_size > 1 << 32
        with av.open(str(path)) as container:
            video, audio = container.streams
            assert (video.frames, audio.frames) == (108_000, 168_750)
            assert video.duration * video.time_base == 3600
            ends = [
                stream.index_entries[-1].pos + stream.index_entries[-1].size
                for stream in (video, audio)
            ]
        assert ends[1] == len(frame.head) + payload
        assert ends[0] == ends[1] - 16_875 * 501

    @pytest.mark.parametrize("size", [1000, 1001])
    def test_length_is_always_even(self, size: int) -> None:
        frame = layout([synthetic_segment(1, size)], None)
        mdat = frame.head.index(b"mdat")
        stated = int.from_bytes(frame.head[mdat + 4 : mdat + 12], "big")
        assert (len(frame.head) + size + len(frame.padding)) % 2 == 0
        assert stated == 16 + size + len(frame.padding)

    def test_segment_without_sound_has_no_chunk(self) -> None:
        frame = layout([synthetic_segment(60, 10)] * 3, synthetic_sound([94, 1, 0], 7))
        bodies = [body for name, body in boxes(frame.head) if name.endswith("co64")]
        video_offsets, sound_offsets = (numbers(body, "Q", 8) for body in bodies)
        start = len(frame.head)
        assert video_offsets == [start, start + 600 + 658, start + 1200 + 658 + 7]
        assert sound_offsets == [start + 600, start + 1200 + 658]

    def test_long_recordings_use_wide_times(self) -> None:
        segment = replace(synthetic_segment(60, 10), frame_rate=Ratio(1, 100_000))
        frame = layout([segment], None)
        body = first(frame.head, "moov/mvhd")
        assert body[0] == 1
        timescale, duration = numbers(body[20:24], "I", 0)[0], numbers(body[24:32], "Q", 0)[0]
        assert Fraction(duration, timescale) == 6_000_000
        assert duration > 1 << 32

    def test_refuses_segments_that_differ(self) -> None:
        segment = synthetic_segment(60, 10)
        with pytest.raises(AlarmRaised, match="sps of segment 1 differs from that of segment 0"):
            layout([segment, replace(segment, sps=SPS + b"\0")], None)
        with pytest.raises(AlarmRaised, match="2 sound segments beside 1 of video"):
            layout([segment], synthetic_sound([1, 1], 7))
        with pytest.raises(AlarmRaised, match="at least one video segment"):
            layout([], None)
