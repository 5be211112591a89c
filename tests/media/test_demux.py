"""What is opened, what is refused, and that nothing else is ever opened."""

import io
import struct
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import pytest

from cinestow.errors import InputRefused, RefusalCode, StorageUnavailable
from cinestow.media.demux import DECODER_THREADS, open_container, picture_stream, pictures
from cinestow.media.model import DEFAULT_LIMITS
from cinestow.media.probe import probe
from support import ffmpeg
from support.recordings import RECORDED, BytesSource

WEBM = (RECORDED / "vp9.webm").read_bytes()
MP4 = (RECORDED / "mp4_avc1.mp4").read_bytes()


def refusal(data: bytes) -> RefusalCode:
    with pytest.raises(InputRefused) as caught:
        probe(BytesSource(data), DEFAULT_LIMITS)
    assert caught.value.sentence.endswith(".")
    assert "Errno" not in caught.value.sentence
    return caught.value.code


def made(folder: Path, name: str, *arguments: str) -> bytes:
    ffmpeg.run(*arguments, folder / name)
    return (folder / name).read_bytes()


PICTURE = ("-f", "lavfi", "-i", "testsrc2=size=160x120:rate=25:duration=1")
SOUND = ("-f", "lavfi", "-i", "sine=duration=1")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", RefusalCode.EMPTY),
        (b"Dear colleague,\nthe recording follows.\n" * 500, RefusalCode.NOT_A_VIDEO),
        (b"\0" * 100_000, RefusalCode.NOT_A_VIDEO),
        (b"G", RefusalCode.NOT_A_VIDEO),
        (WEBM[5000:], RefusalCode.NOT_A_VIDEO),
        (WEBM[:100], RefusalCode.UNREADABLE),
        (MP4[:500], RefusalCode.UNREADABLE),
        (MP4[:36], RefusalCode.UNREADABLE),
        (MP4[:1000], RefusalCode.UNREADABLE),
        (MP4[:757], RefusalCode.NO_FRAMES),
        (WEBM[:400], RefusalCode.NO_FRAMES),
        (b"\0\0\0\x18ftypheic" + bytes(4000), RefusalCode.NOT_A_VIDEO),
        (b"RIFF\x24\x08\0\0WAVEfmt " + bytes(2000), RefusalCode.NO_VIDEO_STREAM),
    ],
)
def test_refused_with_a_code(data: bytes, code: RefusalCode) -> None:
    assert refusal(data) is code


def test_zip_is_no_video(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.webm", "w") as archive:
        archive.write(RECORDED / "vp9.webm")
    assert refusal((tmp_path / "a.webm").read_bytes()) is RefusalCode.NOT_A_VIDEO


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    for name in ("a.webm", "a.mp4", "a.avi", "a.mp3"):
        assert refusal(made(tmp_path, name, *SOUND)) is RefusalCode.NO_VIDEO_STREAM


def test_cover_art_is_no_video(tmp_path: Path) -> None:
    cover = (*PICTURE, *SOUND, "-frames:v", "1", "-c:v", "mjpeg", "-disposition:v", "attached_pic")
    data = made(tmp_path, "a.m4a", *cover, "-f", "mp4")
    assert refusal(data) is RefusalCode.NO_VIDEO_STREAM


@pytest.mark.parametrize(
    ("name", "codec"), [("a.flv", "flv1"), ("a.ogv", "libtheora"), ("a.wmv", "wmv2")]
)
def test_containers_off_the_list_are_unsupported(tmp_path: Path, name: str, codec: str) -> None:
    data = made(tmp_path, name, *PICTURE, "-c:v", codec.replace("flv1", "flv"))
    assert refusal(data) is RefusalCode.UNSUPPORTED


def test_codecs_off_the_list_are_unsupported(tmp_path: Path) -> None:
    data = made(tmp_path, "a.mkv", *PICTURE, "-c:v", "snow", "-strict", "-2")
    assert refusal(data) is RefusalCode.UNSUPPORTED


def test_index_that_was_never_written_is_unreadable(tmp_path: Path) -> None:
    data = made(tmp_path, "a.mp4", *PICTURE, "-c:v", "libx264")
    assert refusal(data[: len(data) // 2]) is RefusalCode.UNREADABLE


def test_encrypted_is_unsupported(tmp_path: Path) -> None:
    key = "00112233445566778899aabbccddeeff"
    locked = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", key, "-encryption_kid", key)
    data = made(tmp_path, "a.mp4", *PICTURE, "-c:v", "libx264", *locked)
    assert refusal(data) is RefusalCode.UNSUPPORTED


def test_errors_of_the_source_come_out_as_they_are() -> None:
    class Failing(BytesSource):
        allowed = 0

        def read_at(self, offset: int, length: int) -> bytes:
            if len(self.reads) == self.allowed:
                raise StorageUnavailable("503")
            return super().read_at(offset, length)

    for Failing.allowed in range(3):
        with pytest.raises(StorageUnavailable):
            probe(Failing(WEBM + bytes(2 << 20)), DEFAULT_LIMITS)


def test_nothing_is_said_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    noisy = bytearray(WEBM)
    noisy[50_000:60_000] = bytes(10_000)
    probe(BytesSource(bytes(noisy)), DEFAULT_LIMITS)
    refusal(WEBM[:100])
    assert capfd.readouterr() == ("", "")


def test_pictures_of_h264_in_avi_come_in_order_and_in_time(tmp_path: Path) -> None:
    """AVI has no presentation times, and libav's guess puts them out of order."""
    data = made(tmp_path, "a.avi", *PICTURE, "-c:v", "libx264", "-bf", "3")
    with open_container(BytesSource(data), DEFAULT_LIMITS) as container:
        found = list(pictures(container, picture_stream(container), DEFAULT_LIMITS))
    assert [picture.pts for picture in found] == list(range(25))
    judge = ffmpeg.pictures(tmp_path / "a.avi")
    ours = b"".join(picture.to_ndarray().tobytes() for picture in found)
    assert ours == judge


def test_damage_in_the_middle_costs_few_pictures() -> None:
    noisy = bytearray(WEBM)
    noisy[100_000:100_400] = bytes(400)
    with open_container(BytesSource(bytes(noisy)), DEFAULT_LIMITS) as container:
        found = list(pictures(container, picture_stream(container), DEFAULT_LIMITS))
    assert 50 < len(found) < 109


@pytest.fixture
def web() -> Iterator[tuple[str, list[str]]]:
    hits: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            hits.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(WEBM)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", hits
        server.shutdown()
        thread.join()


def scripts(url: str, canary: Path) -> list[str]:
    return [
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}/a.ts\n#EXT-X-ENDLIST\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{canary}\n#EXT-X-ENDLIST\n",
        f"ffconcat version 1.0\nfile {canary}\n",
        f"ffconcat version 1.0\nfile '{url}/a.webm'\n",
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\na={url}\n",
        f'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period><BaseURL>{url}/'
        "</BaseURL></Period></MPD>",
        f"{url}/a.webm\n",
        f"file://{canary}\n",
    ]


def test_playlists_and_scripts_open_nothing(web: tuple[str, list[str]], tmp_path: Path) -> None:
    url, hits = web
    canary = tmp_path / "canary.webm"
    canary.write_bytes(WEBM)
    for script in scripts(url, canary):
        assert refusal(script.encode().ljust(20_000)) is RefusalCode.NOT_A_VIDEO
    assert hits == []


def test_references_to_other_files_are_not_followed(tmp_path: Path) -> None:
    """A QuickTime file whose samples are said to lie in another file."""
    canary = tmp_path / "canary.mp4"
    canary.write_bytes(MP4)
    referring = with_data_reference(MP4, str(canary))
    assert opened_by_libav_unguarded(referring) == [canary.name]
    assert refusal(referring) is RefusalCode.NO_FRAMES


def opened_by_libav_unguarded(data: bytes) -> list[str]:
    opened: list[str] = []

    def note(url: str, *_: object) -> None:
        opened.append(url)
        raise PermissionError

    unguarded = {"enable_drefs": "1", "use_absolute_path": "1"}
    with pytest.raises(PermissionError):
        av.open(io.BytesIO(data), container_options=unguarded, io_open=note)
    return opened


def with_data_reference(data: bytes, path: str) -> bytes:
    """``data`` (moov in front) with its first data reference an alias of ``path``."""
    name = path.encode() + bytes(len(path) % 2)
    record = bytes(10) + b"\x01v" + bytes(26 + 12) + b"\x01f" + bytes(62 + 16)
    record += struct.pack(">hh", 1, 1) + bytes(16)
    record += struct.pack(">hH", 2, len(name)) + name + struct.pack(">hH", -1, 0)
    alias = struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record
    start = data.index(b"dref") + 12
    changed = bytearray(data[:start] + alias + data[start + 12 :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = data.index(box) - 4
        (length,) = struct.unpack_from(">I", data, at)
        struct.pack_into(">I", changed, at, length + len(alias) - 12)
    return bytes(changed)


def test_decoding_takes_the_same_threads_on_every_host() -> None:
    with open_container(BytesSource(MP4), DEFAULT_LIMITS) as container:
        stream = container.streams.video[0]
        next(pictures(container, stream, DEFAULT_LIMITS))
        assert stream.codec_context.thread_count == DECODER_THREADS
