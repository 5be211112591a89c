"""The commands as a user starts them: exit codes, what is written, what is said."""

import json
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
