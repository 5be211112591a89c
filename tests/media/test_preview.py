import subprocess
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.preview import KEY_FRAME_MS, PreviewHead, PreviewSettings, encode_preview
from cinestow.media.source import FileSource
from support import ebml, ffmpeg, judge

RECORDED = Path(__file__).parents[1] / "data/recorded"
COUNTER = "nullsrc=s=160x120:r=10:d=10,geq=lum=16+2*N:cb=128:cr=128,format=yuv420p"
"""Frame N of 100 has luma 16 + 2 N all over."""


def preview(source: Path, target: Path, settings: PreviewSettings | None = None) -> PreviewHead:
    pieces: list[bytes] = []
    with FileSource(source) as opened:
        head = encode_preview(opened, settings or PreviewSettings(), pieces.append)
    body = b"".join(pieces)
    assert len(body) == head.body_bytes
    target.write_bytes(head.head + body)
    return head


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("previews")


@pytest.fixture(scope="module")
def counted(folder: Path) -> Path:
    """Ten seconds whose brightness is the frame's number, with sound."""
    source = folder / "counted.mp4"
    ffmpeg.run("-f", "lavfi", "-i", COUNTER, "-f", "lavfi", "-i", "sine=d=14",
               "-c:v", "libx264", "-qp", "0", "-c:a", "aac", source)  # fmt: skip
    return source


@pytest.fixture(scope="module")
def counted_preview(counted: Path, folder: Path) -> Path:
    target = folder / "counted.webm"
    preview(counted, target, PreviewSettings(title="Zähler"))
    return target


def test_a_player_learns_duration_title_and_where_to_seek(counted_preview: Path) -> None:
    data = counted_preview.read_bytes()
    read = ebml.webm(data)
    assert read.duration_s == pytest.approx(10.0, abs=0.03)
    assert read.title == "Zähler"
    for identifier in (ebml.INFO, ebml.TRACKS, ebml.CUES):
        assert read.seek_head[identifier] == read.positions[identifier]
    times = [time for time, _ in read.cues]
    assert times == [0, 2, 4, 6, 8]
    assert {position for _, position in read.cues} <= set(read.clusters)


def test_sound_never_makes_it_longer(counted_preview: Path) -> None:
    streams = ffmpeg.probe(counted_preview, "-show_streams")["streams"]
    assert [stream["codec_name"] for stream in streams] == ["vp9", "opus"]
    packets = ffmpeg.probe(counted_preview, "-select_streams", "a", "-show_packets")["packets"]
    last = packets[-1]
    assert float(last["pts_time"]) + float(last["duration_time"]) == pytest.approx(10.0, abs=0.03)


def test_sound_stays_in_step(tmp_path: Path) -> None:
    source, target = tmp_path / "beep.mp4", tmp_path / "beep.webm"
    beep = "aevalsrc=sin(2*PI*1000*t)*gte(t\\,2):d=4"
    ffmpeg.run("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=4", "-f", "lavfi", "-i", beep,
               "-c:v", "libx264", "-c:a", "aac", source)  # fmt: skip
    preview(source, target)
    samples = np.abs(np.frombuffer(ffmpeg.sound(target), np.int16).astype(int))
    onset = int(np.argmax(samples > 3000)) / 48_000
    assert onset == pytest.approx(2.0, abs=0.02)


@pytest.mark.parametrize("frame", [0, 1, 19, 20, 21, 37, 64, 99])
def test_seeking_lands_on_the_frame(counted_preview: Path, frame: int) -> None:
    seek = ["ffmpeg", "-v", "error", "-ss", f"{frame / 10:.3f}", "-i", str(counted_preview)]
    grey = [*seek, "-frames:v", "1", "-pix_fmt", "gray", "-f", "rawvideo", "-"]
    luma = subprocess.run(grey, capture_output=True, check=True).stdout
    # "gray" is full range, the preview limited.
    shown = sum(luma) / len(luma) * 219 / 255 + 16
    assert round((shown - 16) / 2) == frame


def test_the_command_line_decodes_every_frame_without_a_word(counted_preview: Path) -> None:
    assert judge.decoded_frames(counted_preview) == 100


@pytest.mark.parametrize("name", sorted(path.name for path in RECORDED.iterdir()))
def test_times_colours_and_pictures_of_recordings(name: str, tmp_path: Path) -> None:
    source, target = RECORDED / name, tmp_path / "preview.webm"
    head = preview(source, target, PreviewSettings(crf=20))
    assert ffmpeg.probe(target, "-show_format")["format"]["format_name"] == "matroska,webm"
    read = ebml.webm(target.read_bytes())
    times = judge.source_times(source)
    assert read.duration_s == pytest.approx(times.duration, abs=0.1)
    assert head.duration_s == pytest.approx(times.duration, abs=0.001)
    ours = judge.source_times(target).times
    expected = [time - times.times[0] for time in times.times]
    assert list(ours) == pytest.approx(expected, abs=0.0011)
    assert head.frames == len(ours)
    keys = [time for time, _ in read.cues]
    longest = KEY_FRAME_MS / 1000 + max(b - a for a, b in pairwise(ours))
    assert all(after - before <= longest for before, after in pairwise(keys))
    entries = judge.stream_entries(
        target, "color_range", "color_space", "color_primaries", "color_transfer"
    )
    assert entries == {
        "color_range": "tv", "color_space": "bt709",
        "color_primaries": "bt709", "color_transfer": "bt709",
    }  # fmt: skip
    assert max(differences(source, target, head)) < 2.5


def differences(source: Path, target: Path, head: PreviewHead) -> list[float]:
    """Mean difference of each frame's samples from the source's, turned to limited range."""
    size = f"{head.width}:{head.height}"
    fitted = (
        f"scale={size}:force_original_aspect_ratio=decrease:in_range=full:out_range=limited,"
        f"pad={size}:(ow-iw)/2:(oh-ih)/2"
    )
    shape = (-1, head.width * head.height * 3 // 2)
    expected = np.frombuffer(ffmpeg.pictures(source, "yuv420p", "-vf", fitted), np.uint8)
    shown = np.frombuffer(ffmpeg.pictures(target), np.uint8)
    difference = expected.reshape(shape).astype(np.int16) - shown.reshape(shape)
    return [float(value) for value in np.abs(difference).mean(axis=1)]


def test_a_large_picture_is_made_smaller_and_stays_upright(tmp_path: Path) -> None:
    source, target = tmp_path / "portrait.mp4", tmp_path / "preview.webm"
    ffmpeg.run("-f", "lavfi", "-i", "testsrc2=s=2160x3840:r=5:d=1", "-pix_fmt", "yuv420p",
               "-c:v", "libx264", "-preset", "ultrafast", source)  # fmt: skip
    head = preview(source, target)
    assert (head.width, head.height, head.frames) == (1080, 1920, 5)
    assert judge.stream_entries(target, "width", "height") == {"width": "1080", "height": "1920"}


def test_a_better_quality_is_a_larger_file(counted: Path, tmp_path: Path) -> None:
    source = RECORDED / "vp9.webm"
    sizes = []
    for crf in (10, 50):
        target = tmp_path / f"{crf}.webm"
        preview(source, target, PreviewSettings(crf=crf))
        sizes.append(target.stat().st_size)
    assert sizes[0] > 1.5 * sizes[1]


def test_the_result_crosses_a_process_boundary() -> None:
    head = PreviewHead(b"\x1a\x45", 12, 3, 0.1, 64, 48)
    assert msgspec.json.decode(msgspec.json.encode(head), type=PreviewHead) == head


def test_text_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "notes.webm"
    source.write_text("no video at all " * 100)
    with pytest.raises(InputRefused) as refused:
        preview(source, tmp_path / "preview.webm")
    assert refused.value.code == RefusalCode.NOT_A_VIDEO


def test_times_that_go_back_are_held_until_they_rise(tmp_path: Path) -> None:
    """A broken index: every fifth picture says that it was shown long before."""
    source, target = tmp_path / "broken.webm", tmp_path / "preview.webm"
    back = "setts=dts=DTS-400:pts='if(eq(mod(N\\,5)\\,4)\\,PTS-100\\,PTS)'"
    ffmpeg.run("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=2",
               "-c:v", "libvpx", "-bsf:v", back, source)  # fmt: skip
    times = [float(time) for time in ffmpeg.frame_times(source)]
    assert times != sorted(times)
    head = preview(source, target)
    shown = ffmpeg.frame_times(target)
    assert len(shown) == head.frames == 40
    assert shown == sorted(set(shown))
