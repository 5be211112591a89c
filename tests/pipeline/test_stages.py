"""The stages on a folder: written once, refused once, and harmless when they come twice."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinestow.cloud.files import FileObjects
from cinestow.dicom import uids
from cinestow.errors import MessagingUnavailable, MissingRecord, WorkInProgress
from cinestow.pipeline import messages, names
from cinestow.pipeline.context import Context
from cinestow.pipeline.dicomize import dicomize
from cinestow.pipeline.events import FinalizedObject
from cinestow.pipeline.intake import intake
from cinestow.pipeline.messages import InstanceStaged, RecordingTranscoded, SegmentRequested
from cinestow.pipeline.status import Status, status
from cinestow.pipeline.transcode import transcode
from cinestow.settings import Buckets, Settings, Topics
from support import judge

RECORDED = Path(__file__).parents[1] / "data" / "recorded"
SETTINGS = Settings(
    project="p",
    buckets=Buckets("uploads", "work", "quarantine", "previews"),
    topics=Topics("segment", "transcoded", "staged", "stored"),
    identity_key=b"key",
    dicomweb_root="",
    without_metadata="wait",
)
PATIENT = {"PatientID": "1", "PatientName": "Doe^Jane", "Modality": "US"}


class Outbox:
    """Keeps what is published; breaks down on request."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []
        self.broken = False

    def publish(self, topic: str, data: bytes, attributes: object) -> None:
        if self.broken:
            raise MessagingUnavailable("down")
        self.sent.append((topic, data))

    def take(self, topic: str) -> list[bytes]:
        taken = [data for name, data in self.sent if name == topic]
        self.sent = [(name, data) for name, data in self.sent if name != topic]
        return taken


class Pipeline:
    """Context, outbox and one upload."""

    def __init__(self, root: Path) -> None:
        self.objects = FileObjects(root)
        self.outbox = Outbox()
        self.context = Context(SETTINGS, self.objects, self.outbox)

    def upload(self, name: str, data: bytes | Path, metadata: dict[str, str]) -> FinalizedObject:
        if isinstance(data, Path):
            info = self.objects.adopt("uploads", name, data, metadata)
        else:
            info, _ = self.objects.create("uploads", name, [data], "video/webm", metadata)
        return FinalizedObject("uploads", name, info.ref.generation)

    def status(self, event: FinalizedObject) -> Status:
        upload_id = uids.upload_id(b"key", event.bucket, event.name, event.generation)
        return status(self.objects, SETTINGS, upload_id)

    def requested(self) -> list[SegmentRequested]:
        return [messages.decode(data, SegmentRequested) for data in self.outbox.take("segment")]

    def work(self) -> dict[str, int]:
        return {i.ref.name: i.ref.generation for i in self.objects.list("work", "")}


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    return Pipeline(tmp_path)


def staged(
    pipeline: Pipeline, recording: Path | bytes = RECORDED / "vp8_opus.webm"
) -> FinalizedObject:
    """A recording brought as far as its staged instance."""
    event = pipeline.upload("rec", recording, PATIENT)
    intake(pipeline.context, event)
    for request in pipeline.requested():
        transcode(pipeline.context, request)
    for data in pipeline.outbox.take("transcoded"):
        dicomize(pipeline.context, messages.decode(data, RecordingTranscoded))
    return event


def test_the_way_to_the_staged_instance(pipeline: Pipeline) -> None:
    event = staged(pipeline)
    found = pipeline.status(event)
    assert (found.state, found.parts_done, found.parts) == ("staged", 2, 2)
    assert found.report is not None
    assert found.report.input.audio == "opus"
    assert found.report.quality.frames_out == found.report.output.frames
    assert found.report.quality.ssim_mean > 0.99
    (message,) = pipeline.outbox.take("staged")
    assert messages.decode(message, InstanceStaged).upload_id == found.upload_id


def test_everything_twice_changes_nothing_and_says_it_again(pipeline: Pipeline) -> None:
    event = staged(pipeline)
    before = pipeline.work()
    again = staged(pipeline)
    assert again == event
    assert pipeline.work() == before
    assert len(pipeline.outbox.take("staged")) >= 2


def test_the_last_part_says_that_the_recording_is_whole_whichever_it_is(
    pipeline: Pipeline,
) -> None:
    intake(pipeline.context, pipeline.upload("rec", RECORDED / "vp8_opus.webm", PATIENT))
    first, second = reversed(pipeline.requested())
    transcode(pipeline.context, first)
    assert pipeline.outbox.take("transcoded") == []
    transcode(pipeline.context, second)
    assert len(pipeline.outbox.take("transcoded")) == 1


@pytest.mark.parametrize("stage", ["intake", "transcode", "dicomize"])
def test_nothing_is_acknowledged_before_it_is_published(pipeline: Pipeline, stage: str) -> None:
    event = pipeline.upload("rec", RECORDED / "av1.webm", PATIENT)
    pipeline.outbox.broken = stage == "intake"
    if stage == "intake":
        with pytest.raises(MessagingUnavailable):
            intake(pipeline.context, event)
        pipeline.outbox.broken = False
    intake(pipeline.context, event)
    (request,) = pipeline.requested()
    if stage == "transcode":
        pipeline.outbox.broken = True
        with pytest.raises(MessagingUnavailable):
            transcode(pipeline.context, request)
        pipeline.outbox.broken = False
    transcode(pipeline.context, request)
    (data,) = pipeline.outbox.take("transcoded")
    message = messages.decode(data, RecordingTranscoded)
    if stage == "dicomize":
        pipeline.outbox.broken = True
        with pytest.raises(MessagingUnavailable):
            dicomize(pipeline.context, message)
        pipeline.outbox.broken = False
    dicomize(pipeline.context, message)
    assert len(pipeline.outbox.take("staged")) == 1


def test_a_part_that_is_being_worked_on_is_not_done_twice(pipeline: Pipeline) -> None:
    intake(pipeline.context, pipeline.upload("rec", RECORDED / "av1.webm", PATIENT))
    (request,) = pipeline.requested()
    with pipeline.context.lease(request.upload_id, request.part):
        with pytest.raises(WorkInProgress):
            transcode(pipeline.context, request)
    transcode(pipeline.context, request)
    assert len(pipeline.outbox.take("transcoded")) == 1


def test_a_payload_without_a_table_is_never_used(pipeline: Pipeline) -> None:
    """A worker that dies half-way leaves a payload; the next attempt has a name of its own."""
    event = pipeline.upload("rec", RECORDED / "av1.webm", PATIENT)
    intake(pipeline.context, event)
    (request,) = pipeline.requested()
    record = pipeline.context.plan_of(request.upload_id)
    orphan = names.payload(request.upload_id, record.plan_id, request.part, "dead")
    pipeline.objects.create("work", orphan, [b"half"], "application/octet-stream")
    transcode(pipeline.context, request)
    (data,) = pipeline.outbox.take("transcoded")
    dicomize(pipeline.context, messages.decode(data, RecordingTranscoded))
    found = pipeline.status(event)
    assert found.report is not None
    assert found.report.output.frames > 0


def test_without_metadata_it_waits_and_the_metadata_wakes_it(pipeline: Pipeline) -> None:
    event = pipeline.upload("rec.webm", RECORDED / "av1.webm", {})
    intake(pipeline.context, event)
    assert pipeline.status(event).state == "waiting"
    assert pipeline.requested() == []
    sidecar = pipeline.upload("rec.webm.json", json.dumps(PATIENT).encode(), {})
    intake(pipeline.context, sidecar)
    assert pipeline.status(event).state == "transcoding"
    assert len(pipeline.requested()) == 1


def test_metadata_that_comes_first_waits_for_its_recording(pipeline: Pipeline) -> None:
    intake(pipeline.context, pipeline.upload("rec.webm.json", json.dumps(PATIENT).encode(), {}))
    assert pipeline.work() == {}
    event = pipeline.upload("rec.webm", RECORDED / "av1.webm", {})
    intake(pipeline.context, event)
    assert pipeline.status(event).state == "transcoding"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"hello\n" * 1000, "not-a-video"),
        ((RECORDED / "vp8_opus.webm").read_bytes()[200:], "not-a-video"),
        ((RECORDED / "mp4_avc1.mp4").read_bytes()[:300], "unreadable"),
    ],
    ids=["empty", "text", "without its head", "cut in its head"],
)
def test_refused_once_with_a_copy_and_a_reason(pipeline: Pipeline, data: bytes, code: str) -> None:
    event = pipeline.upload("rec", data, PATIENT)
    for _ in range(2):
        intake(pipeline.context, event)
    found = pipeline.status(event)
    assert found.state == "refused"
    assert found.refusal is not None
    assert found.refusal.code == code
    kept = {i.ref.name: i.ref for i in pipeline.objects.list("quarantine", "")}
    assert set(kept) == {names.refusal(found.upload_id), names.quarantined(found.upload_id)}
    assert pipeline.objects.read(kept[names.quarantined(found.upload_id)]) == data
    assert pipeline.objects.stat("uploads", "rec") is not None
    assert pipeline.outbox.sent == []


def test_sound_alone_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    sound = tmp_path / "sound.webm"
    judge.run("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "libopus", sound)
    event = pipeline.upload("rec", sound, PATIENT)
    intake(pipeline.context, event)
    refusal = pipeline.status(event).refusal
    assert refusal is not None
    assert refusal.code == "no-video-stream"


def test_a_stream_without_frames_is_refused(pipeline: Pipeline, tmp_path: Path) -> None:
    fragmented = tmp_path / "fragmented.mp4"
    judge.run(
        *("ffmpeg", "-v", "error", "-i", RECORDED / "mp4_avc1.mp4", "-c", "copy"),
        *("-movflags", "empty_moov+frag_keyframe", fragmented),
    )
    data = fragmented.read_bytes()
    event = pipeline.upload("rec", data[: data.index(b"moof") - 4], PATIENT)
    intake(pipeline.context, event)
    refusal = pipeline.status(event).refusal
    assert refusal is not None
    assert refusal.code == "no-frames"


def test_a_recording_that_ended_before_its_first_cluster_is_refused(pipeline: Pipeline) -> None:
    data = (RECORDED / "vp9.webm").read_bytes()
    event = pipeline.upload("rec", data[: data.index(bytes.fromhex("1f43b675"))], PATIENT)
    intake(pipeline.context, event)
    refusal = pipeline.status(event).refusal
    assert refusal is not None
    assert refusal.code == "unreadable"


@pytest.mark.parametrize("name", ["vp8_opus.webm", "vp9.webm", "av1.webm"])
def test_of_a_file_cut_in_the_middle_what_decodes_is_kept(pipeline: Pipeline, name: str) -> None:
    data = (RECORDED / name).read_bytes()
    event = staged(pipeline, data[: len(data) * 6 // 10])
    report = pipeline.status(event).report
    assert report is not None
    assert report.input.truncated
    whole = judge.source_times(RECORDED / name).duration
    kept = report.output.frames * report.output.frame_time_ms / 1000
    assert 0.3 * whole < kept < 0.9 * whole


def test_wrong_metadata_is_refused_before_any_work(pipeline: Pipeline) -> None:
    event = pipeline.upload("rec", RECORDED / "av1.webm", PATIENT | {"PatientBirthDate": "May"})
    intake(pipeline.context, event)
    refusal = pipeline.status(event).refusal
    assert refusal is not None
    assert refusal.code == "metadata-invalid"
    assert "PatientBirthDate" in refusal.sentence
    assert "May" not in refusal.sentence


def test_an_event_of_an_older_generation_is_superseded(pipeline: Pipeline) -> None:
    event = pipeline.upload("rec", b"x", PATIENT)
    older = FinalizedObject(event.bucket, event.name, event.generation - 1)
    intake(pipeline.context, older)
    assert pipeline.status(older).state == "superseded"
    assert pipeline.status(event).state == "queued"


def test_a_message_without_its_plan_is_an_alarm(pipeline: Pipeline) -> None:
    with pytest.raises(MissingRecord):
        transcode(pipeline.context, SegmentRequested("0" * 32, "sound"))


def test_no_name_of_ours_holds_the_uploaders_name(pipeline: Pipeline) -> None:
    intake(pipeline.context, pipeline.upload("Doe_Jane.webm", RECORDED / "av1.webm", PATIENT))
    for request in pipeline.requested():
        transcode(pipeline.context, request)
        assert b"Doe" not in messages.encode(request)
    assert all("Doe" not in name for name in pipeline.work())
