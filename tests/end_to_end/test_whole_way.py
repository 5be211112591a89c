"""A recording dropped into the bucket comes out as an instance that plays."""

import json
from pathlib import Path

import httpx
import pytest
from google.cloud import storage

from cinestow.pipeline import names
from support import judge
from support.dicom3tools import dciodvfy_errors
from support.instance_file import retrieve
from support.way import Cloud

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
METADATA = {
    "PatientID": "4711",
    "PatientName": "Nachname^Vorname",
    "PatientBirthDate": "19700101",
    "PatientSex": "O",
    "AccessionNumber": "A1",
    "Modality": "ES",
}


@pytest.mark.parametrize("name", ["vp8_opus.webm", "vp8_resize.webm", "h264_opus.mkv"])
def test_a_recording_becomes_an_instance_that_plays(
    cloud: Cloud, name: str, tmp_path: Path
) -> None:
    status = cloud.settled(cloud.upload(RECORDED / name, METADATA))
    assert status.state == "verified", status
    assert status.report is not None
    report = status.report
    assert report.output.sop_class == "VideoEndoscopicImageStorage"
    assert not report.input.truncated

    file, video = retrieve(cloud, status, tmp_path)
    assert dciodvfy_errors(file) == []
    assert judge.decoded_frames(video) == report.output.frames
    times = judge.source_times(RECORDED / name)
    length = report.output.frames * report.output.frame_time_ms / 1000
    assert abs(length - times.duration) <= max(times.frame, report.output.frame_time_ms / 1000)
    assert report.quality.ssim_mean >= 0.95

    webm = cloud.rendered(status, "*/*", tmp_path / "preview.webm")
    assert webm.headers["content-type"].startswith("video/webm")
    assert abs(judge.container_duration(tmp_path / "preview.webm") - times.duration) <= 0.1
    assert judge.seeks(tmp_path / "preview.webm", times.duration / 2)
    cloud.rendered(status, "video/mp4", tmp_path / "stored.mp4")
    assert (tmp_path / "stored.mp4").read_bytes() == video.read_bytes()


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"this is a text file\n" * 100, "not-a-video"),
        (b"PK\x03\x04" + bytes(1000), "not-a-video"),
    ],
    ids=["empty", "text", "zip"],
)
def test_what_is_no_video_is_refused_with_a_reason(cloud: Cloud, data: bytes, code: str) -> None:
    upload_id = cloud.upload(data, METADATA)
    status = cloud.settled(upload_id)
    assert status.state == "refused"
    assert status.refusal is not None
    assert status.refusal.code == code
    assert status.refusal.sentence.endswith(".")
    quarantine = cloud.settings.buckets.quarantine
    copy = cloud.objects.stat(quarantine, names.quarantined(upload_id))
    assert copy is not None
    assert cloud.objects.read(copy.ref) == data
    assert not list(cloud.objects.list(cloud.settings.buckets.work, f"{upload_id}/"))


def test_metadata_that_comes_later_wakes_the_recording(cloud: Cloud) -> None:
    upload_id = cloud.upload(RECORDED / "av1.webm", {}, "later/rec.webm")
    client = storage.Client(project=cloud.settings.project)
    bucket = client.bucket(cloud.settings.buckets.uploads)
    assert cloud.state_after(upload_id, "queued") == "waiting"
    bucket.blob("later/rec.webm.json").upload_from_string(json.dumps(METADATA | {"Modality": "US"}))
    status = cloud.settled(upload_id)
    assert status.state == "verified"
    assert status.report is not None
    assert status.report.output.sop_class == "UltrasoundMultiFrameImageStorage"


def test_a_conflict_in_who_the_patient_is_goes_to_quarantine(cloud: Cloud) -> None:
    client = storage.Client(project=cloud.settings.project)
    bucket = client.bucket(cloud.settings.buckets.uploads)
    sidecar = json.dumps({"PatientID": "other"})
    bucket.blob("conflict/rec.webm.json").upload_from_string(sidecar)
    upload_id = cloud.upload(RECORDED / "av1.webm", METADATA, "conflict/rec.webm")
    status = cloud.settled(upload_id)
    assert status.refusal is not None
    assert status.refusal.code == "metadata-conflict"
    assert "4711" not in status.refusal.sentence


def test_the_same_object_again_is_the_same_instance_once(cloud: Cloud) -> None:
    upload_id = cloud.upload(RECORDED / "av1.webm", METADATA, "twice/rec.webm")
    first = cloud.settled(upload_id)
    bucket = storage.Client(project=cloud.settings.project).bucket(cloud.settings.buckets.uploads)
    event = {
        "bucket": bucket.name,
        "name": "twice/rec.webm",
        "generation": str(bucket.get_blob("twice/rec.webm").generation),
    }
    answer = httpx.post(
        cloud.running.endpoints.functions["intake"],
        json=event,
        headers={"ce-type": "google.cloud.storage.object.v1.finalized"},
        timeout=60,
    )
    assert answer.status_code == 204
    again = cloud.settled(upload_id)
    assert again.uids == first.uids
    work = cloud.objects.list(cloud.settings.buckets.work, f"{upload_id}/")
    assert sum("/instance-" in info.ref.name for info in work) == 1


def test_no_log_of_a_function_says_who_the_patient_is(cloud: Cloud, tmp_path: Path) -> None:
    metadata = METADATA | {"PatientID": "Geheimnis", "PatientName": "Mustermann^Erika"}
    done = cloud.settled(cloud.upload(RECORDED / "av1.webm", metadata, "Mustermann/Erika.webm"))
    assert done.state == "verified"
    cloud.rendered(done, "*/*", tmp_path / "preview.webm")
    wrong = metadata | {"PatientBirthDate": "Mustermann"}
    refused = cloud.settled(cloud.upload(RECORDED / "av1.webm", wrong, "Mustermann/Erika2.webm"))
    assert refused.state == "refused"
    logs = cloud.function_logs()
    assert set(logs) == set(cloud.running.pipeline.functions)
    for stage in ("intake", "transcode", "dicomize", "store", "verify"):
        assert done.upload_id in logs[stage]
    for name, log in logs.items():
        assert [word for word in ("Mustermann", "Erika", "Geheimnis") if word in log] == [], name


def test_memory_stays_within_what_the_platform_gives(cloud: Cloud) -> None:
    limits = {name: f.memory for name, f in cloud.running.pipeline.functions.items()}
    peaks = cloud.running.peak_memory()
    assert {name for name, peak in peaks.items() if peak > limits[name]} == set(), peaks


def test_names_of_any_language_are_found_again(cloud: Cloud) -> None:
    name = {"PatientID": "jp", "PatientName": "Roe^Rick=山田^太郎", "Modality": "ES"}
    status = cloud.settled(cloud.upload(RECORDED / "av1.webm", name))
    assert status.state == "verified"
    answer = httpx.get(
        f"{cloud.running.endpoints.render}/studies",
        params={"PatientID": "jp"},
        headers={"Accept": "application/dicom+json"},
        timeout=60,
    )
    (study,) = answer.json()
    assert study["00100010"]["Value"] == [{"Alphabetic": "Roe^Rick", "Ideographic": "山田^太郎"}]


def test_a_study_takes_no_instance_of_another_patient(cloud: Cloud) -> None:
    study = {"StudyInstanceUID": "2.25.1234567890"}
    first = cloud.settled(cloud.upload(RECORDED / "av1.webm", METADATA | study))
    assert first.state == "verified"
    other = {"PatientID": "other", "PatientName": "Other^Person", "Modality": "ES"}
    second = cloud.settled(cloud.upload(RECORDED / "av1.webm", other | study))
    assert second.refusal is not None
    assert (second.refusal.code, second.refusal.stage) == ("metadata-conflict", "store")
    third = cloud.settled(cloud.upload(RECORDED / "av1.webm", METADATA | study))
    assert third.state == "verified"
