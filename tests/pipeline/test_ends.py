"""What ends an upload otherwise than in an instance: refused once, superseded, or an alarm."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cinestow.cloud import leases
from cinestow.cloud.files import FileObjects, FileReader
from cinestow.cloud.objects import ObjectRef
from cinestow.errors import (
    ConfigurationError,
    InputRefused,
    MissingRecord,
    RefusalCode,
    Superseded,
    TryAgain,
)
from cinestow.media.model import Limits
from cinestow.pipeline import messages, names
from cinestow.pipeline.dicomize import dicomize
from cinestow.pipeline.events import FinalizedObject
from cinestow.pipeline.intake import intake
from cinestow.pipeline.messages import RecordingTranscoded, SegmentRequested
from cinestow.pipeline.refuse import settling
from cinestow.pipeline.transcode import transcode
from support import judge
from support.stages import PATIENT, RECORDED, Pipeline, staged


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


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


def test_an_event_of_an_older_generation_that_is_under_way_starts_its_parts_again(
    pipeline: Pipeline, tmp_path: Path
) -> None:
    """The first delivery may have died before it had published them all."""
    event = pipeline.upload("rec", RECORDED / "av1.webm", PATIENT)
    intake(pipeline.context, event)
    (first,) = pipeline.requested()
    pipeline.objects.delete(ObjectRef(event.bucket, event.name, event.generation))
    intake(pipeline.context, event)
    assert pipeline.requested() == [first]
    assert pipeline.status(event).state == "transcoding"
    transcode(pipeline.context, first)
    assert pipeline.status(event).state == "superseded"


def test_an_event_of_another_bucket_is_an_alarm(pipeline: Pipeline) -> None:
    """A notification on the work bucket would have the pipeline feed on its own outputs."""
    with pytest.raises(ConfigurationError, match="bucket"):
        intake(pipeline.context, FinalizedObject("work", "rec.webm", 1))


class Hooked(FileObjects):
    """Something happens right after an object was opened."""

    def __init__(self, root: Path, hook: Callable[[ObjectRef], None]) -> None:
        super().__init__(root)
        self.hook = hook

    def reader(self, ref: ObjectRef, block: int = 8 << 20) -> FileReader:
        reader = super().reader(ref, block)
        self.hook(ref)
        return reader


def test_what_was_deleted_while_it_was_found_bad_is_superseded(pipeline: Pipeline) -> None:
    event = pipeline.upload("rec", b"hello\n" * 1000, PATIENT)
    objects = Hooked(pipeline.root, pipeline.objects.delete)
    intake(replace(pipeline.context, objects=objects), event)
    assert pipeline.status(event).state == "superseded"


def test_what_changes_while_the_original_stands_is_looked_at_again(pipeline: Pipeline) -> None:
    event = pipeline.upload("rec", RECORDED / "av1.webm", PATIENT)
    intake(pipeline.context, event)
    (request,) = pipeline.requested()
    upload = pipeline.context.plan_of(request.upload_id).upload
    with pytest.raises(TryAgain), settling(pipeline.context, upload, "a stage"):
        raise Superseded("a metadata file was replaced")
    assert pipeline.status(event).state == "transcoding"


IMPATIENT = Limits(wall_s=0.001)


def test_a_part_that_takes_too_long_is_refused(pipeline: Pipeline) -> None:
    event = pipeline.upload("rec", RECORDED / "av1.webm", PATIENT)
    intake(pipeline.context, event)
    (request,) = pipeline.requested()
    transcode(replace(pipeline.context, limits=IMPATIENT), request)
    refusal = pipeline.status(event).refusal
    assert refusal is not None
    assert (refusal.code, refusal.stage) == ("decoder-timed-out", "transcode")
    transcode(pipeline.context, request)
    assert pipeline.outbox.take("transcoded") == []


def test_a_part_that_another_worker_finished_is_not_refused_any_more(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SECONDS", 0.0)
    event = pipeline.upload("rec", RECORDED / "av1.webm", PATIENT)
    intake(pipeline.context, event)
    (request,) = pipeline.requested()
    objects = Hooked(pipeline.root, lambda _: transcode(pipeline.context, request))
    transcode(replace(pipeline.context, objects=objects, limits=IMPATIENT), request)
    assert pipeline.status(event).state == "building"
    assert len(pipeline.outbox.take("transcoded")) == 2


def test_a_refused_recording_is_not_built(pipeline: Pipeline) -> None:
    event = pipeline.upload("rec", RECORDED / "av1.webm", PATIENT)
    intake(pipeline.context, event)
    (request,) = pipeline.requested()
    transcode(pipeline.context, request)
    upload = pipeline.context.plan_of(request.upload_id).upload
    with settling(pipeline.context, upload, "a stage"):
        raise InputRefused(RefusalCode.OVER_LIMIT, "Too much.")
    (data,) = pipeline.outbox.take("transcoded")
    dicomize(pipeline.context, messages.decode(data, RecordingTranscoded))
    assert pipeline.outbox.sent == []
    assert pipeline.status(event).state == "refused"


def test_a_part_that_no_plan_has_is_an_alarm(pipeline: Pipeline) -> None:
    intake(pipeline.context, pipeline.upload("rec", RECORDED / "av1.webm", PATIENT))
    (request,) = pipeline.requested()
    with pytest.raises(MissingRecord, match="video-00007"):
        transcode(pipeline.context, replace(request, part="video-00007"))


def test_a_message_without_its_plan_is_an_alarm(pipeline: Pipeline) -> None:
    with pytest.raises(MissingRecord):
        transcode(pipeline.context, SegmentRequested("0" * 32, "sound"))


def test_no_name_of_ours_holds_the_uploaders_name(pipeline: Pipeline) -> None:
    intake(pipeline.context, pipeline.upload("Doe_Jane.webm", RECORDED / "av1.webm", PATIENT))
    for request in pipeline.requested():
        transcode(pipeline.context, request)
        assert b"Doe" not in messages.encode(request)
    assert all("Doe" not in name for name in pipeline.work())
