"""A worker may die between any two of its side effects: the next one brings the upload home."""

from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from cinestow.cloud import leases
from cinestow.dicom import uids
from cinestow.dicomweb.client import DicomWeb
from cinestow.pipeline import messages
from cinestow.pipeline.context import Context
from cinestow.pipeline.dicomize import dicomize
from cinestow.pipeline.events import FinalizedObject
from cinestow.pipeline.intake import intake
from cinestow.pipeline.status import status
from cinestow.pipeline.store import store
from cinestow.pipeline.transcode import transcode
from cinestow.pipeline.verify import verify
from support import judge
from support.crashing import CrashingBus, CrashingObjects, Fate, Killed
from support.orthanc import Orthanc, orthanc
from support.stages import SETTINGS


@pytest.fixture(scope="module")
def dicom_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Half a second of picture and sound: it is encoded many times here."""
    path = tmp_path / "recording.webm"
    judge.run(
        *("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=64x48:r=10:d=0.5"),
        *("-f", "lavfi", "-i", "sine=d=0.5", "-c:v", "libvpx", "-c:a", "libopus", path),
    )
    return path


def step(context: Context, topic: str, data: bytes) -> None:
    match topic:
        case "segment":
            transcode(context, messages.decode(data, messages.SegmentRequested))
        case "transcoded":
            dicomize(context, messages.decode(data, messages.RecordingTranscoded))
        case "staged":
            store(context, messages.decode(data, messages.InstanceStaged))
        case "stored":
            verify(context, messages.decode(data, messages.InstanceStored))


def deliver_all(context: Context, fate: Fate, event: FinalizedObject, bus: CrashingBus) -> None:
    """As Pub/Sub does: what was not acknowledged comes again, after all that waits meanwhile."""
    steps = deque([partial(intake, context, event)])
    while steps:
        fate.next_worker()
        try:
            steps[0]()
        except Killed:
            steps.append(steps[0])
        steps.popleft()
        steps.extend(partial(step, context, topic, data) for topic, data in bus.take())


def test_a_death_at_any_side_effect_loses_and_doubles_nothing(
    tmp_path: Path, recording: Path, dicom_store: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SECONDS", 0.0)  # the dead hold no lease for long
    fate = Fate()
    objects = CrashingObjects(tmp_path / "cloud", fate)
    metadata = {"PatientID": "1", "Modality": "US"}
    generation = objects.adopt("uploads", "rec", recording, metadata).ref.generation
    bus = CrashingBus(fate)
    with DicomWeb(dicom_store.root_url) as dicomweb:
        context = Context(SETTINGS, objects, bus, dicomweb)
        event = FinalizedObject("uploads", "rec", generation)
        deliver_all(context, fate, event, bus)
    upload_id = uids.upload_id(b"key", "uploads", "rec", generation)
    final = status(objects, SETTINGS, upload_id)
    assert final.state == "verified"
    assert final.report is not None
    assert final.report.output.frames == 5
    names = [info.ref.name for info in objects.list("work", "")]
    assert sum("/instance-" in name for name in names) == 1
    assert list(objects.list("quarantine", "")) == []
    effects = {death.split()[1] for death in fate.deaths}
    assert effects == {"create", "commit", "compose", "replace", "delete", "publish"}
    assert len(fate.deaths) > 40
