"""The limited child: same results, and whatever kills it costs the one upload."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cinestow.errors import AlarmRaised, InputRefused, RefusalCode, StorageUnavailable
from cinestow.media import isolated
from cinestow.media.model import DEFAULT_LIMITS, Limits, Recording
from cinestow.media.plan import plan
from cinestow.media.preview_model import PreviewSettings
from support import ffmpeg
from support.recordings import RECORDED, BytesSource, probed

VP8 = RECORDED / "vp8_opus.webm"
VP9 = RECORDED / "vp9.webm"
MODULES = {"PYTHONPATH": os.pathsep.join(sys.path)}


def media_children() -> list[psutil.Process]:
    """Our limited children; other tests may have processes of their own."""
    return [p for p in psutil.Process().children() if "cinestow.media.child" in p.cmdline()]


class WatchedSource(BytesSource):
    """Tells what our only child is, each time it asks for bytes."""

    def __init__(self, data: bytes, watch: Callable[[psutil.Process], None]) -> None:
        super().__init__(data)
        self._watch = watch

    def read_at(self, offset: int, length: int) -> bytes:
        (child,) = media_children()
        self._watch(child)
        return super().read_at(offset, length)


def refusal_when(watch: Callable[[psutil.Process], None]) -> RefusalCode:
    with pytest.raises(InputRefused) as caught:
        isolated.probe(WatchedSource(VP8.read_bytes(), watch))
    assert media_children() == []
    return caught.value.code


@pytest.mark.parametrize("path", [VP8, RECORDED / "mp4_avc1.mp4"])
def test_probes_as_the_plain_function(path: Path) -> None:
    assert isolated.probe(BytesSource(path.read_bytes())) == probed(path)
    assert media_children() == []


def test_encodes_through_the_child() -> None:
    source = BytesSource(VP8.read_bytes())
    made = plan(isolated.probe(source))
    video: list[bytes] = []
    segment = isolated.encode_video(source, made, 0, video.append)
    assert len(segment.sizes) == made.frames
    assert sum(segment.sizes) == segment.bytes == sum(map(len, video))
    sound: list[bytes] = []
    track = isolated.encode_sound(source, made, [sound.append], [made.frames])
    assert track is not None
    assert track.segments[0].bytes == sum(map(len, sound)) > 0


def test_previews_come_through_the_child() -> None:
    source = BytesSource(VP8.read_bytes())
    body: list[bytes] = []
    head = isolated.encode_preview(source, PreviewSettings(), body.append)
    assert head.body_bytes == sum(map(len, body)) > 0
    assert isolated.encode_still(source, "png").startswith(b"\x89PNG")
    assert isolated.encode_animation(source).startswith(b"GIF89a")


def test_the_parent_never_loads_a_decoder() -> None:
    said = "import sys, cinestow.media.isolated; print('av' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", said], capture_output=True, env=MODULES, check=True
    )
    assert done.stdout == b"False\n"


def test_refusals_come_through() -> None:
    with pytest.raises(InputRefused) as caught:
        isolated.probe(BytesSource(b"no video at all"))
    assert caught.value.code is RefusalCode.NOT_A_VIDEO
    assert "WebM" in caught.value.sentence


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGSEGV, RefusalCode.DECODER_CRASHED),
        (signal.SIGABRT, RefusalCode.DECODER_CRASHED),
        (signal.SIGXCPU, RefusalCode.DECODER_TIMED_OUT),
        (signal.SIGKILL, RefusalCode.OVER_LIMIT),
    ],
)
def test_death_by_signal(number: signal.Signals, code: RefusalCode) -> None:
    assert refusal_when(lambda child: child.send_signal(number)) is code


def test_a_child_that_does_nothing_runs_out_of_time() -> None:
    source = WatchedSource(VP8.read_bytes(), lambda child: child.suspend())
    start = time.monotonic()
    with pytest.raises(InputRefused) as caught:
        isolated.probe(source, Limits(wall_s=2))
    assert caught.value.code is RefusalCode.DECODER_TIMED_OUT
    assert time.monotonic() - start < 10
    assert media_children() == []


def test_slow_storage_is_not_the_childs_fault() -> None:
    source = WatchedSource(VP8.read_bytes(), lambda child: time.sleep(1))
    assert isolated.probe(source, Limits(wall_s=3)).frames == 36
    assert len(source.reads) > 3


def test_processor_time_is_limited() -> None:
    source = BytesSource(VP9.read_bytes())
    with pytest.raises(InputRefused) as caught:
        isolated.encode_video(source, plan(probed(VP9)), 0, lambda _: None, Limits(cpu_s=1))
    assert caught.value.code is RefusalCode.DECODER_TIMED_OUT


def test_memory_is_limited(tmp_path: Path) -> None:
    huge = ("-f", "lavfi", "-i", "color=size=8192x4320:rate=1:duration=1")
    ffmpeg.run(*huge, "-c:v", "mjpeg", tmp_path / "a.avi")
    before_decoding: list[int] = []
    source = WatchedSource(
        (tmp_path / "a.avi").read_bytes(),
        lambda child: before_decoding.append(child.memory_info().data >> 20),
    )
    assert isolated.probe(source).width == 8192
    one_picture_mib = 8192 * 4320 * 3 // 2 >> 20
    too_little = Limits(memory_mib=before_decoding[0] + one_picture_mib // 2)
    with pytest.raises(InputRefused) as caught:
        isolated.probe(source, too_little)
    assert caught.value.code is RefusalCode.OVER_LIMIT


@pytest.mark.parametrize("mib", [300, 500])
def test_encoders_that_lack_memory_are_no_alarm(mib: int, tmp_path: Path) -> None:
    large = ("-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=10:duration=4")
    ffmpeg.run(*large, "-c:v", "mjpeg", tmp_path / "a.avi")
    source = BytesSource((tmp_path / "a.avi").read_bytes())
    made = plan(isolated.probe(source))
    with pytest.raises(InputRefused) as caught:
        isolated.encode_video(source, made, 0, lambda _: None, Limits(memory_mib=mib))
    assert caught.value.code is RefusalCode.OVER_LIMIT


def test_lies_of_the_child_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        b'{"head": "AAAA", "body_bytes": 5, "frames": 1, "duration_s": 1, "width": 2, "height": 2}'
    )
    monkeypatch.setattr(isolated.Conversation, "hold", lambda *_: said)
    with pytest.raises(InputRefused) as caught:
        isolated.encode_preview(BytesSource(b"a"), PreviewSettings(), lambda _: None)
    assert caught.value.code is RefusalCode.DECODER_CRASHED


@pytest.mark.parametrize("said", [b"no json", b'"\xff"', b"[" * 100_000, b'{"a":' + b"[" * 100_000])
def test_gibberish_of_the_child_is_a_crash(said: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated.Conversation, "hold", lambda *_: said)
    with pytest.raises(InputRefused) as caught:
        isolated.probe(BytesSource(b"a"))
    assert caught.value.code is RefusalCode.DECODER_CRASHED


def test_streams_of_all_kinds_open_nothing(tmp_path: Path) -> None:
    """PyAV loads a module for each kind; the child can open no file when it meets one."""
    words = tmp_path / "a.srt"
    words.write_text("1\n00:00:00,000 --> 00:00:01,000\nwords\n")
    picture = ("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=10:duration=1")
    kinds = ("-map", "0", "-map", "1", "-map", "2", "-attach", words)
    mime = ("-metadata:s:t", "mimetype=text/plain")
    sound = ("-f", "lavfi", "-i", "sine=duration=1")
    target = tmp_path / "a.mkv"
    ffmpeg.run(*picture, *sound, "-i", words, *kinds, *mime, "-c:v", "libx264", target)
    source = BytesSource(target.read_bytes())
    assert isolated.probe(source).frames == 10


@pytest.mark.parametrize("error", [StorageUnavailable("503"), ValueError("a"), TimeoutError("b")])
def test_errors_of_source_and_sink_come_out_as_they_are(error: Exception) -> None:
    def fail(_: object) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        isolated.probe(WatchedSource(VP8.read_bytes(), fail))
    assert caught.value is error
    with pytest.raises(type(error)) as caught:
        isolated.encode_video(BytesSource(VP8.read_bytes()), plan(probed(VP8)), 0, fail)
    assert caught.value is error
    assert media_children() == []


def test_a_bug_in_the_child_raises_an_alarm_that_says_where() -> None:
    with pytest.raises(AlarmRaised, match="KeyError in main"):
        answer = isolated.Answer(Recording, 100)
        isolated.run("no such task", None, BytesSource(b"a"), [], DEFAULT_LIMITS, answer)


def test_the_child_has_no_secrets_and_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "secret")
    seen: dict[str, str] = {}

    def watch(child: psutil.Process) -> None:
        seen["environment"] = " ".join(child.environ())
        seen["limits"] = Path(f"/proc/{child.pid}/limits").read_text()
        seen["status"] = Path(f"/proc/{child.pid}/status").read_text()
        links = Path(f"/proc/{child.pid}/fd").iterdir()
        seen["open"] = " ".join(sorted(str(link.readlink()) for link in links))

    isolated.probe(WatchedSource(VP8.read_bytes(), watch))
    assert set(seen["environment"].split()) <= {"PYTHONPATH", "LC_CTYPE", "OPENBLAS_NUM_THREADS"}
    assert re.fullmatch(r"(/dev/null ){3}socket:\[\d+\]", seen["open"])
    assert "NoNewPrivs:\t1" in seen["status"]
    assert "Uid:\t0" not in seen["status"]
    for name, limit in {
        "Max core file size": 0,
        "Max file size": 0,
        "Max open files": 0,
        "Max cpu time": 1000,
        "Max data size": 928 << 20,
    }.items():
        assert re.search(rf"{name} +{limit} ", seen["limits"]), name


def test_the_child_does_not_outlive_its_parent() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(ORPHAN_MAKER)],
        stdout=subprocess.PIPE,
        env=MODULES,
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = psutil.Process(int(parent.stdout.readline()))
    assert child.ppid() == parent.pid
    parent.kill()
    parent.wait()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert (gone, alive) == ([child], [])


ORPHAN_MAKER = """
    import time, psutil
    from cinestow.media import isolated

    class Source:
        size = 100_000
        def read_at(self, offset, length):
            (child,) = psutil.Process().children()
            child.suspend()  # or it would see its socket closed, and end on its own
            print(child.pid, flush=True)
            time.sleep(600)

    isolated.probe(Source())
"""
