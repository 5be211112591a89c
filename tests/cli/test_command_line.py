"""The commands as a user starts them: exit codes, what is written, what is said."""

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom import dcmread

from support import judge
from support.dicom3tools import dciodvfy_errors

CINESTOW = Path(sys.executable).with_name("cinestow")
RECORDED = Path(__file__).parents[1] / "data" / "recorded"


def cinestow(*words: str | Path, code: int = 0) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([CINESTOW, *words], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("cli") / "instance.dcm"
    cinestow("convert", RECORDED / "vp8_opus.webm", "-o", target)
    return target


def test_convert_writes_a_valid_instance_and_a_line(tmp_path: Path) -> None:
    metadata = tmp_path / "patient.json"
    metadata.write_text(json.dumps({"PatientID": "4711", "Modality": "US"}))
    target = tmp_path / "out.dcm"
    done = cinestow("convert", RECORDED / "av1.webm", "-o", target, "--metadata", metadata)
    assert "UltrasoundMultiFrameImageStorage" in done.stdout
    assert done.stderr == ""
    assert dciodvfy_errors(target) == []
    dataset = dcmread(target, stop_before_pixels=True)
    assert dataset.PatientID == "4711"
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_the_report_is_json_and_complete(tmp_path: Path) -> None:
    done = cinestow("convert", RECORDED / "av1.webm", "-o", tmp_path / "out.dcm", "--json")
    report = json.loads(done.stdout)
    assert set(report) == {
        "input", "output", "action", "why", "quality", "lossy", "timings_s", "versions",
    }  # fmt: skip
    assert set(report["input"]) == {
        "container", "codec", "width", "height", "frames", "duration_s", "audio", "truncated",
    }  # fmt: skip
    assert set(report["output"]) == {
        "transfer_syntax", "sop_class", "sop_instance_uid", "frames", "frame_time_ms", "bytes",
    }  # fmt: skip
    assert set(report["quality"]) == {
        "ssim_mean", "ssim_p1", "psnr_db", "frames_in", "frames_out", "dropped", "duplicated",
    }  # fmt: skip
    assert report["output"]["bytes"] > 0
    assert report["lossy"]["method"] == "ISO_14496_10"


def test_several_inputs_go_into_a_folder_and_one_refusal_does_not_stop_the_rest(
    tmp_path: Path,
) -> None:
    text = tmp_path / "text.webm"
    text.write_text("no video\n" * 100)
    done = cinestow("convert", text, RECORDED / "av1.webm", "-o", tmp_path, code=3)
    assert (tmp_path / "av1.dcm").exists()
    assert not (tmp_path / "text.dcm").exists()
    (line,) = done.stderr.splitlines()
    assert line.startswith("text.webm: refused (not-a-video): ")


def test_the_transfer_syntax_can_be_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "out.dcm"
    cinestow("convert", RECORDED / "av1.webm", "-o", target, "--transfer-syntax", "MPEG4HP422D")
    assert dcmread(target, stop_before_pixels=True).file_meta.TransferSyntaxUID.keyword == (
        "MPEG4HP422D"
    )
    assert dciodvfy_errors(target) == []


@pytest.mark.parametrize(
    "words",
    [
        ["convert"],
        ["convert", "no-such-file"],
        ["convert", str(RECORDED / "av1.webm"), "--transfer-syntax", "nonsense"],
        ["convert", str(RECORDED / "av1.webm"), "--transfer-syntax", "RLELossless"],
        ["render", str(RECORDED / "av1.webm"), "-o", "out.txt"],
        ["render", "no-such-file", "-o", "out.webm"],
    ],
)
def test_wrong_usage_is_2(words: list[str]) -> None:
    cinestow(*words, code=2)


@pytest.mark.parametrize(
    "words",
    [
        ("convert", "rec.webm", "-o", "rec.webm"),
        ("convert", "rec.webm", "-o", "link.webm"),
        ("convert", "rec.webm", "--metadata", "rec.dcm"),  # its default output is that file
        ("render", "rec.webm", "-o", "rec.webm"),
        ("render", "rec.webm", "-o", "link.webm"),
    ],
    ids=" ".join,
)
def test_an_output_is_never_one_of_the_inputs(
    words: tuple[str, ...], instance: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recording, metadata = Path("rec.webm"), Path("rec.dcm")
    shutil.copy(RECORDED / "av1.webm", recording)
    shutil.copy(instance, metadata)
    Path("link.webm").hardlink_to(recording)
    assert "would be overwritten" in cinestow(*words, code=2).stderr
    assert recording.read_bytes() == (RECORDED / "av1.webm").read_bytes()
    assert metadata.read_bytes() == instance.read_bytes()


def test_a_device_or_pipe_is_no_output(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    done = cinestow("convert", RECORDED / "av1.webm", "-o", pipe, code=2)
    assert "is no file" in done.stderr
    assert pipe.is_fifo()


def test_two_inputs_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    for name in ("a/rec.webm", "b/rec.webm"):
        (tmp_path / name).parent.mkdir()
        shutil.copy(RECORDED / "av1.webm", tmp_path / name)
    done = cinestow(
        *("convert", tmp_path / "a/rec.webm", tmp_path / "b/rec.webm", "-o", tmp_path), code=2
    )
    assert "same file" in done.stderr
    assert list(tmp_path.glob("*.dcm")) == []


def test_what_ends_in_a_slash_is_a_folder_and_made(tmp_path: Path) -> None:
    cinestow("convert", RECORDED / "av1.webm", "-o", f"{tmp_path}/new/folder/")
    assert (tmp_path / "new/folder/av1.dcm").is_file()


@pytest.mark.parametrize("command", ["convert", "render"])
def test_an_output_that_cannot_be_written_is_one_line(command: str, tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.touch()
    target = no_folder / "out.webm"
    done = cinestow(command, RECORDED / "av1.webm", "-o", target, code=2)
    assert "Traceback" not in done.stderr
    assert str(no_folder) in done.stderr


def test_a_store_that_is_away_is_one_line(tmp_path: Path) -> None:
    url = "http://127.0.0.1:9/studies/1/series/2/instances/3"
    (line,) = cinestow("render", url, "-o", tmp_path / "x.webm", code=1).stderr.splitlines()
    assert line.startswith("StoreUnavailable: ")


def test_a_url_of_no_instance_is_wrong_usage(tmp_path: Path) -> None:
    done = cinestow("render", "http://127.0.0.1:9/video.webm", "-o", tmp_path / "x.webm", code=2)
    assert "WADO-RS" in done.stderr


def test_a_terminal_shows_the_progress_and_the_refusal_on_a_line_of_its_own(
    tmp_path: Path,
) -> None:
    text = tmp_path / "text.webm"
    text.write_text("no video\n" * 100)
    ours, theirs = pty.openpty()
    done = subprocess.run([CINESTOW, "convert", text], stderr=theirs, check=False)
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert done.returncode == 3
    assert "looking at the recording" in shown
    assert shown.rpartition("\x1b[K")[2].startswith("text.webm: refused")


@pytest.mark.parametrize(
    ("tag_vr", "value"),
    [
        (b"\x18\x00\x63\x10DS", b"1\\2 "),
        (b"\x28\x00\x08\x00IS", b"ab"),
        (b"\x28\x00\x10\x00US", b"\1"),
        (b"\x28\x00\x10\x00US", b"\1\0\2\0"),
    ],
    ids=["two frame times", "frames are no number", "half a number of rows", "two numbers of rows"],
)
def test_validate_of_broken_numbers_is_a_finding(
    instance: Path, tmp_path: Path, tag_vr: bytes, value: bytes
) -> None:
    data = instance.read_bytes()
    start = data.index(tag_vr) + len(tag_vr)
    end = start + 2 + int.from_bytes(data[start : start + 2], "little")
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(data[:start] + len(value).to_bytes(2, "little") + value + data[end:])
    done = cinestow("validate", broken, code=1)
    assert "broken.dcm: " in done.stdout
    assert done.stderr == ""


def test_validate_of_a_file_cut_before_its_pixels_is_refused_in_one_line(
    instance: Path, tmp_path: Path
) -> None:
    data = instance.read_bytes()
    cut = tmp_path / "cut.dcm"
    cut.write_bytes(data[: data.index(b"\xe0\x7f\x10\x00OB") + 10])
    (line,) = cinestow("validate", cut, code=3).stderr.splitlines()
    assert line.startswith("refused (unreadable): ")


def test_probe_says_what_it_is_and_what_would_be_done() -> None:
    done = cinestow("probe", RECORDED / "vp9_odd.webm")
    assert "vp9 641x479" in done.stdout
    assert "642x480" in done.stdout
    everything = json.loads(cinestow("probe", RECORDED / "vp9_odd.webm", "--json").stdout)
    assert everything["recording"]["codec"] == "vp9"


def test_probe_of_no_video_is_refused_in_one_line(tmp_path: Path) -> None:
    empty = tmp_path / "empty.webm"
    empty.touch()
    (line,) = cinestow("probe", empty, code=3).stderr.splitlines()
    assert line.startswith("refused (empty): ")


def test_validate_finds_nothing_in_ours_and_much_in_a_damaged_one(
    instance: Path, tmp_path: Path
) -> None:
    assert "no problems" in cinestow("validate", instance).stdout
    damaged = tmp_path / "damaged.dcm"
    dataset = dcmread(instance)
    dataset.NumberOfFrames = 7
    dataset.Rows = 100
    dataset.save_as(damaged)
    found = cinestow("validate", damaged, code=1).stdout
    assert "NumberOfFrames is 7" in found
    assert "Rows x Columns" in found


@pytest.mark.parametrize("suffix", [".webm", ".mp4", ".jpg", ".png", ".gif"])
def test_render_of_an_instance(instance: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"preview{suffix}"
    cinestow("render", instance, "-o", target)
    assert judge.decoded_frames(target) >= 1
    assert judge.stream_entries(target, "codec_name")["codec_name"] == {
        ".webm": "vp9", ".mp4": "h264", ".jpg": "mjpeg", ".png": "png", ".gif": "gif",
    }[suffix]  # fmt: skip


def test_render_of_a_recording(tmp_path: Path) -> None:
    target = tmp_path / "preview.webm"
    cinestow("render", RECORDED / "vp9_pause.webm", "-o", target, "--crf", "40", "--title", "T")
    times = judge.source_times(RECORDED / "vp9_pause.webm")
    assert abs(judge.container_duration(target) - times.duration) <= 0.1


def test_status_without_a_deployment_is_wrong_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("CINESTOW_PROJECT", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    assert "make run" in cinestow("status", "0" * 32, code=2).stderr


@pytest.mark.parametrize("upload_id", ["", "1234", "0" * 31 + "G", "../" + "0" * 29])
def test_status_of_what_is_no_id_is_wrong_usage(upload_id: str) -> None:
    assert "32 hexadecimal digits" in cinestow("status", upload_id, code=2).stderr


def test_a_missing_setting_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CINESTOW_PROJECT", "p")
    monkeypatch.delenv("CINESTOW_UPLOADS_BUCKET", raising=False)
    (line,) = cinestow("status", "0" * 32, code=2).stderr.splitlines()
    assert line == "CINESTOW_UPLOADS_BUCKET is not set"


def test_a_stopped_local_cloud_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (tmp_path / ".local").mkdir()
    stale = {"environment": {"STORAGE_EMULATOR_HOST": "http://127.0.0.1:9"}}
    (tmp_path / ".local/endpoints.json").write_text(json.dumps(stale))
    monkeypatch.chdir(below)
    assert "is not running" in cinestow("status", "0" * 32, code=2).stderr


def test_metadata_is_not_sent_as_a_recording(tmp_path: Path) -> None:
    sidecar = tmp_path / "rec.webm.json"
    sidecar.write_text("{}")
    assert "--metadata" in cinestow("send", sidecar, code=2).stderr


def test_a_recording_that_was_cut_off_is_said_to_be(tmp_path: Path) -> None:
    data = (RECORDED / "vp9.webm").read_bytes()
    cut = tmp_path / "cut.webm"
    cut.write_bytes(data[: len(data) // 2])
    done = cinestow("convert", cut, "-o", tmp_path / "cut.dcm")
    assert "cut off" in done.stderr
    assert "cut off" in dcmread(tmp_path / "cut.dcm", stop_before_pixels=True).ImageComments
    assert dciodvfy_errors(tmp_path / "cut.dcm") == []


def test_a_dicom_file_is_said_to_be_one(instance: Path) -> None:
    assert "DICOM file already" in cinestow("probe", instance, code=3).stderr
