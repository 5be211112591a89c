"""The stages on a folder: written once, and harmless when they come twice."""

import json
from pathlib import Path

import pytest

from cinestow.errors import MessagingUnavailable, WorkInProgress
from cinestow.pipeline import messages, names
from cinestow.pipeline.dicomize import dicomize
from cinestow.pipeline.intake import intake
from cinestow.pipeline.messages import InstanceStaged, RecordingTranscoded
from cinestow.pipeline.transcode import transcode
from support.stages import PATIENT, RECORDED, Pipeline, staged


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    return Pipeline(tmp_path)


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
