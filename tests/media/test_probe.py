"""The bundled recordings and made ones, with ffprobe's reading of the packets as the judge."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from statistics import median

import av
import pytest

from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.demux import open_container, pictures
from cinestow.media.model import DEFAULT_LIMITS, Limits, Sound
from cinestow.media.probe import probe
from cinestow.media.source import FileSource
from support import ffmpeg
from support.recordings import RECORDED, BytesSource, probed

PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=2")
SOUND = ("-f", "lavfi", "-i", "sine=sample_rate=48000:duration=2")


@dataclass
class Expected:
    codec: str
    frames: int
    size: tuple[int, int] = (640, 480)
    sizes: int = 1
    alpha: bool = False
    sound: bool = False
    container: str = "matroska"


BUNDLED = {
    "av1.webm": Expected("av1", 94, size=(320, 240), alpha=True),
    "h264_opus.mkv": Expected("h264", 98, sound=True),
    "mp4_avc1.mp4": Expected("h264", 94, container="mov"),
    "vp8_alpha.webm": Expected("vp8", 66, alpha=True),
    "vp8_notimeslice.webm": Expected("vp8", 42, alpha=True, sound=True),
    "vp8_opus.webm": Expected("vp8", 36, alpha=True, sound=True),
    "vp8_resize.webm": Expected("vp8", 69, size=(800, 600), sizes=2, alpha=True),
    "vp9.webm": Expected("vp9", 109, alpha=True),
    "vp9_odd.webm": Expected("vp9", 108, size=(641, 479), alpha=True),
    "vp9_pause.webm": Expected("vp9", 86, alpha=True, sound=True),
}


def packet_times(path: Path) -> tuple[list[int], Fraction]:
    shown = ("-show_entries", "packet=pts:stream=time_base")
    answer = ffmpeg.probe(path, "-select_streams", "v:0", *shown)
    times = sorted(packet["pts"] for packet in answer["packets"])
    return times, Fraction(answer["streams"][0]["time_base"])


@pytest.mark.parametrize("name", BUNDLED)
def test_bundled_recordings(name: str) -> None:
    found, expected = probed(RECORDED / name), BUNDLED[name]
    assert (found.container, found.codec) == (expected.container, expected.codec)
    assert (found.width, found.height, found.sizes) == (*expected.size, expected.sizes)
    assert (found.full_range, found.matrix) == (True, "bt709")
    assert found.alpha is expected.alpha
    assert (found.rotation, found.flipped, found.interlaced) == (0, False, False)
    assert found.sample_aspect.value == 1
    assert not found.truncated
    assert (found.sound is not None) is expected.sound
    if found.sound is not None:
        assert found.sound == Sound(found.sound.stream_index, "opus", 48000, 2)

    times, time_base = packet_times(RECORDED / name)
    assert found.frames == len(times) == expected.frames
    assert (found.first_pts, found.last_pts) == (times[0], times[-1])
    distances = [(later - earlier) * time_base for earlier, later in pairwise(times)]
    assert abs(found.frame_interval.value - median(distances)) <= 2 * time_base
    assert found.duration == (times[-1] - times[0]) * time_base + found.frame_interval.value
    assert found.intervals_ms[0] == round(min(distances) * 1000)
    assert found.intervals_ms[-1] == round(max(distances) * 1000)


@pytest.mark.parametrize("name", BUNDLED)
def test_probe_and_decoder_agree_on_every_picture(name: str) -> None:
    found = probed(RECORDED / name)
    with (
        FileSource(RECORDED / name) as source,
        open_container(source, DEFAULT_LIMITS) as container,
    ):
        stream = container.streams.video[0]
        seen = [(p.pts, p.width, p.height) for p in pictures(container, stream, DEFAULT_LIMITS)]
    assert len(seen) == found.frames
    assert (seen[0][0], seen[-1][0]) == (found.first_pts, found.last_pts)
    assert {size[1:] for size in seen} >= {(found.width, found.height)}
    assert len({size[1:] for size in seen}) == found.sizes


def test_the_whole_is_read_about_once() -> None:
    source = BytesSource((RECORDED / "vp9_odd.webm").read_bytes() + bytes(8 << 20))
    probe(source, DEFAULT_LIMITS)
    assert sum(length for _, length in source.reads) < 1.5 * source.size


@pytest.mark.parametrize(
    ("name", "encoder", "codec", "container"),
    [
        ("a.mp4", ["libx264", "-bf", "3"], "h264", "mov"),
        ("a.mov", ["mjpeg"], "mjpeg", "mov"),
        ("a.mkv", ["libx264", "-bf", "3"], "h264", "matroska"),
        ("a.mkv", ["ffv1"], "ffv1", "matroska"),
        ("a.avi", ["cinepak", "-s", "32x32"], "cinepak", "avi"),
        ("a.avi", ["mjpeg"], "mjpeg", "avi"),
        ("a.avi", ["huffyuv"], "huffyuv", "avi"),
        ("a.avi", ["libx264", "-bf", "3"], "h264", "avi"),
        ("a.avi", ["mpeg4", "-bf", "2"], "mpeg4", "avi"),
        ("a.avi", ["rawvideo"], "rawvideo", "avi"),
        ("a.avi", ["msmpeg4"], "msmpeg4v3", "avi"),
        ("a.mpg", ["mpeg1video"], "mpeg1video", "mpeg"),
        ("a.mpg", ["mpeg2video", "-bf", "2"], "mpeg2video", "mpeg"),
        ("a.ts", ["mpeg2video", "-bf", "2"], "mpeg2video", "mpegts"),
        ("a.ts", ["libx264", "-bf", "3"], "h264", "mpegts"),
        ("a.m2ts", ["libx264"], "h264", "mpegts"),
        ("a.m2v", ["mpeg2video", "-bf", "2"], "mpeg2video", "mpegvideo"),
    ],
)
def test_every_container_and_rhythm(
    tmp_path: Path, name: str, encoder: list[str], codec: str, container: str
) -> None:
    ffmpeg.run(*PICTURE, "-c:v", *encoder, tmp_path / name)
    found = probed(tmp_path / name)
    assert (found.codec, found.container) == (codec, container)
    assert found.frames == 50
    assert found.duration == 2
    assert found.drops_by_rate["25"] == 0
    assert not found.truncated


def test_hidden_reference_frames_are_no_pictures(tmp_path: Path) -> None:
    """VP8 keeps alternate references in blocks of their own."""
    hidden = ("-auto-alt-ref", "1", "-lag-in-frames", "16", "-b:v", "200k")
    for number in ("1", "2"):
        passes = ("-pass", number, "-passlogfile", tmp_path / "log")
        ffmpeg.run(*PICTURE, "-c:v", "libvpx", *hidden, *passes, tmp_path / "a.webm")
    times, _ = packet_times(tmp_path / "a.webm")
    assert len(times) > 50
    assert probed(tmp_path / "a.webm").frames == 50


def test_gaps_and_late_starts(tmp_path: Path) -> None:
    uneven = "select='not(between(n,10,29))',setpts=PTS+3/TB"
    copied = ("-vf", uneven, "-fps_mode", "passthrough", "-copyts")
    ffmpeg.run(*PICTURE, *copied, "-c:v", "libvpx", tmp_path / "a.mkv")
    found = probed(tmp_path / "a.mkv")
    assert found.frames == 30
    assert found.first_pts == 3000
    assert found.duration == 2
    assert found.intervals_ms == (40, 40, 40, 40, 840)


@pytest.mark.parametrize("name", ["a.ts", "a.mpg"])
def test_the_clock_of_mpeg_streams_may_wrap(tmp_path: Path, name: str) -> None:
    """33 bits at 90 kHz: after 95443.7 s."""
    late = ("-c:v", "mpeg2video", "-bf", "2", "-output_ts_offset", "95442")
    ffmpeg.run(*PICTURE, *late, tmp_path / name)
    found = probed(tmp_path / name)
    assert (found.frames, found.duration) == (50, 2)


def test_sound_before_after_and_longer_does_not_count(tmp_path: Path) -> None:
    late = ("-itsoffset", "0.5", *PICTURE)
    longer = ("-f", "lavfi", "-i", "sine=duration=5")
    ffmpeg.run(*late, *longer, "-c:v", "libvpx", "-c:a", "libopus", tmp_path / "a.webm")
    found = probed(tmp_path / "a.webm")
    assert found.duration == 2
    assert found.sound == Sound(1, "opus", 48000, 1)
    assert 400 <= found.first_pts <= 600


def test_edit_list_leaves_pictures_out(tmp_path: Path) -> None:
    ffmpeg.run(*PICTURE, "-c:v", "libx264", "-g", "50", "-bf", "0", tmp_path / "a.mp4")
    ffmpeg.run("-ss", "1", "-i", tmp_path / "a.mp4", "-c", "copy", tmp_path / "b.mp4")
    found = probed(tmp_path / "b.mp4")
    assert found.frames == len(ffmpeg.frame_times(tmp_path / "b.mp4"))
    assert abs(found.duration - 1) <= Fraction(1, 25)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_orientation_as_players_turn(tmp_path: Path, turn: int, mirrored: bool) -> None:
    ffmpeg.run(*PICTURE, "-c:v", "libx264", tmp_path / "a.mp4")
    path = tmp_path / "b.mp4"
    with av.open(tmp_path / "a.mp4") as plain, av.open(path, "w") as turned:
        stream = turned.add_stream_from_template(plain.streams.video[0])
        stream.set_display_rotation(-turn, hflip=mirrored)
        for packet in plain.demux(video=0):
            if packet.size:
                packet.stream = stream
                turned.mux(packet)
    found = probed(path)
    mirror = "hflip," if found.flipped else ""
    turns = {0: "null", 90: "transpose=clock", 180: "hflip,vflip", 270: "transpose=cclock"}
    ours = ffmpeg.pictures(tmp_path / "a.mp4", "gray", "-vf", mirror + turns[found.rotation])
    assert found.rotation in ({turn} if not mirrored else {0, 90, 180, 270})
    assert found.flipped is mirrored
    if not mirrored:
        assert ours == ffmpeg.pictures(path, "gray")


@pytest.mark.parametrize("scan", ["tff", "bff"])
@pytest.mark.parametrize("name", ["a.mpg", "a.ts", "a.mp4"])
def test_interlaced(tmp_path: Path, name: str, scan: str) -> None:
    fields = ("-vf", f"interlace=scan={scan}", "-flags", "+ildct+ilme")
    encoder = "libx264" if name.endswith("mp4") else "mpeg2video"
    source = ("-f", "lavfi", "-i", "testsrc2=size=720x576:rate=50:duration=1")
    ffmpeg.run(*source, *fields, "-c:v", encoder, tmp_path / name)
    found = probed(tmp_path / name)
    assert found.interlaced
    assert found.top_field_first is (scan == "tff")
    assert found.frames == 25


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.mpg"])
def test_sample_aspect(tmp_path: Path, name: str) -> None:
    encoder = "mpeg2video" if name == "a.mpg" else "libx264"
    wide = ("-f", "lavfi", "-i", "testsrc2=size=720x576:rate=25:duration=1", "-vf", "setsar=64/45")
    ffmpeg.run(*wide, "-c:v", encoder, tmp_path / name)
    assert probed(tmp_path / name).sample_aspect.value == Fraction(64, 45)


@pytest.mark.parametrize(
    ("arguments", "full_range", "matrix"),
    [
        (["-c:v", "mjpeg"], True, "bt601"),
        (["-c:v", "libx264"], False, "bt601"),
        (["-c:v", "libx264", "-s", "1280x720"], False, "bt709"),
        (["-c:v", "libx264", "-color_range", "pc"], True, "bt601"),
        (["-c:v", "libx264", "-colorspace", "bt709"], False, "bt709"),
        (["-c:v", "libvpx", "-color_range", "pc", "-colorspace", "bt709"], True, "bt709"),
        (["-c:v", "libvpx"], False, "bt601"),
        (["-c:v", "ffv1", "-pix_fmt", "bgr0"], True, "bt601"),
    ],
)
def test_colour(tmp_path: Path, arguments: list[str], full_range: bool, matrix: str) -> None:
    ffmpeg.run(*PICTURE, *arguments, tmp_path / "a.mkv")
    found = probed(tmp_path / "a.mkv")
    assert (found.full_range, found.matrix) == (full_range, matrix)


def test_alpha_of_the_pixel_format_counts(tmp_path: Path) -> None:
    ffmpeg.run(*PICTURE, "-c:v", "ffv1", "-pix_fmt", "yuva420p", tmp_path / "a.mkv")
    assert probed(tmp_path / "a.mkv").alpha


def test_the_first_picture_is_the_first_that_decodes(tmp_path: Path) -> None:
    ffmpeg.run(*PICTURE, "-c:v", "mpeg2video", "-g", "10", "-bf", "2", tmp_path / "a.ts")
    data = (tmp_path / "a.ts").read_bytes()
    middle = len(data) // 2 // 188 * 188
    (tmp_path / "b.ts").write_bytes(data[middle:])
    found = probed(tmp_path / "b.ts")
    with FileSource(tmp_path / "b.ts") as source, open_container(source, DEFAULT_LIMITS) as opened:
        seen = [p.pts for p in pictures(opened, opened.streams.video[0], DEFAULT_LIMITS)]
    assert (seen[0], seen[-1], len(seen)) == (found.first_pts, found.last_pts, found.frames)
    assert found.frames < 30


def test_one_picture_lasts_what_the_file_says(tmp_path: Path) -> None:
    ffmpeg.run(*PICTURE, "-frames:v", "1", "-c:v", "libx264", tmp_path / "a.mp4")
    found = probed(tmp_path / "a.mp4")
    assert (found.frames, found.duration, found.intervals_ms) == (1, Fraction(1, 25), ())


@pytest.mark.parametrize(
    "limits",
    [Limits(frames=93), Limits(duration_s=3.9), Limits(pixels_per_frame=320 * 240 - 1)],
)
def test_over_limit(limits: Limits) -> None:
    with pytest.raises(InputRefused) as caught:
        probed(RECORDED / "av1.webm", limits)
    assert caught.value.code is RefusalCode.OVER_LIMIT
    enough = Limits(frames=94, duration_s=4.1, pixels_per_frame=320 * 240)
    assert probed(RECORDED / "av1.webm", enough).frames == 94


def test_all_key_frames_are_not_all_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ffmpeg.run(*PICTURE, "-c:v", "mjpeg", tmp_path / "a.avi")
    decoded = []
    from cinestow.media import survey

    real = survey.decode
    monkeypatch.setattr(survey, "decode", lambda *a: decoded.append(a[1]) or real(*a))
    assert probed(tmp_path / "a.avi").frames == 50
    assert sum(packet is not None for packet in decoded) <= 4


@pytest.mark.parametrize(
    ("transfer", "name", "encoder"),
    [
        ("smpte2084", "a.mp4", "libx264"),
        ("arib-std-b67", "a.mkv", "libx264"),
        ("smpte2084", "a.webm", "libvpx-vp9"),
    ],
)
def test_high_dynamic_range_is_refused(
    tmp_path: Path, transfer: str, name: str, encoder: str
) -> None:
    tags = ("-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_trc", transfer)
    tagged = ("-vf", f"setparams=color_trc={transfer}", *tags)
    ffmpeg.run(*PICTURE, *tagged, "-c:v", encoder, tmp_path / name)
    with pytest.raises(InputRefused) as caught:
        probed(tmp_path / name)
    assert caught.value.code is RefusalCode.UNSUPPORTED
    assert "dynamic range" in caught.value.sentence


def test_wide_gamut_of_standard_range_is_taken(tmp_path: Path) -> None:
    tags = ("-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_trc", "bt2020-10")
    ffmpeg.run(*PICTURE, *tags, "-c:v", "libx264", tmp_path / "a.mp4")
    assert probed(tmp_path / "a.mp4").matrix == "bt2020"
