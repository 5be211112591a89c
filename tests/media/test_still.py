import subprocess
from pathlib import Path
from typing import Literal

import pytest

from cinestow.errors import InputRefused
from cinestow.media.source import FileSource
from cinestow.media.still import ANIMATION_FRAMES, encode_animation, encode_still
from support import ffmpeg

RECORDED = Path(__file__).parents[1] / "data/recorded"
ORANGE = (255, 128, 0)


@pytest.fixture(scope="module")
def fading(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Black, then orange with a grey corner, then black again; anamorphic; 14 s in all."""
    source = tmp_path_factory.mktemp("stills") / "fading.mp4"
    picture = "color=0xff8000:s=180x128:r=10:d=4,drawbox=0:0:40:40:gray:fill,format=rgb24"
    black = "color=black:s=180x128:r=10:d=5,format=rgb24"
    ffmpeg.run("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", black, "-filter_complex",
               "[1]split[a][b];[a][0][b]concat=n=3,scale=out_color_matrix=bt709:out_range=tv,"
               "format=yuv420p,setsar=64/45", "-color_range", "tv", "-colorspace", "bt709",
               "-color_primaries", "bt709", "-color_trc", "bt709", "-c:v", "libx264",
               "-g", "10", "-qp", "5", source)  # fmt: skip
    return source


def pixel(image: Path, x: int, y: int) -> tuple[int, ...]:
    """Red, green and blue as ffmpeg's command line decodes them."""
    cut = ["-vf", f"scale=out_range=full,format=rgb24,crop=1:1:{x}:{y}", "-pix_fmt", "rgb24"]
    command = ["ffmpeg", "-v", "error", "-i", str(image), *cut, "-f", "rawvideo", "-"]
    return tuple(subprocess.run(command, capture_output=True, check=True).stdout[:3])


@pytest.mark.parametrize(("kind", "codec"), [("jpeg", "mjpeg"), ("png", "png")])
def test_the_picture_is_not_the_black_one_and_has_its_colours(
    kind: Literal["jpeg", "png"], codec: str, fading: Path, tmp_path: Path
) -> None:
    image = tmp_path / f"still.{kind}"
    with FileSource(fading) as source:
        image.write_bytes(encode_still(source, kind))
    stream = ffmpeg.probe(image, "-show_streams")["streams"][0]
    assert (stream["codec_name"], stream["width"], stream["height"]) == (codec, 256, 128)
    assert pixel(image, 200, 100) == pytest.approx(ORANGE, abs=4)
    assert pixel(image, 20, 20) == pytest.approx((128, 128, 128), abs=4)


def test_an_animation_is_short_and_small(fading: Path, tmp_path: Path) -> None:
    image = tmp_path / "animation.gif"
    with FileSource(fading) as source:
        image.write_bytes(encode_animation(source))
    stream = ffmpeg.probe(image, "-count_frames", "-show_streams")["streams"][0]
    assert stream["codec_name"] == "gif"
    assert (stream["width"], stream["height"]) == (256, 128)
    assert int(stream["nb_read_frames"]) == ANIMATION_FRAMES
    assert float(stream["duration"]) == pytest.approx(10, abs=0.2)
    second = ["-ss", "7", "-frames:v", "1"]
    frame = tmp_path / "frame.png"
    ffmpeg.run("-i", image, *second, frame)
    assert pixel(frame, 200, 100) == pytest.approx(ORANGE, abs=8)


def test_an_animation_of_a_recording_keeps_its_length(tmp_path: Path) -> None:
    image = tmp_path / "animation.gif"
    with FileSource(RECORDED / "vp9_odd.webm") as source:
        image.write_bytes(encode_animation(source))
    stream = ffmpeg.probe(image, "-show_streams")["streams"][0]
    assert float(stream["duration"]) == pytest.approx(3.98, abs=0.15)
    assert max(stream["width"], stream["height"]) == 480


def test_sound_alone_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.webm"
    ffmpeg.run("-f", "lavfi", "-i", "sine=d=1", "-c:a", "libopus", path)
    with FileSource(path) as source, pytest.raises(InputRefused):
        encode_still(source, "jpeg")
