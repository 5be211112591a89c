"""The stages on a folder: one upload, what is published, and what stands."""

from pathlib import Path

from cinestow.cloud.files import FileObjects
from cinestow.dicom import uids
from cinestow.errors import MessagingUnavailable
from cinestow.pipeline import messages
from cinestow.pipeline.context import Context
from cinestow.pipeline.dicomize import dicomize
from cinestow.pipeline.events import FinalizedObject
from cinestow.pipeline.intake import intake
from cinestow.pipeline.messages import RecordingTranscoded, SegmentRequested
from cinestow.pipeline.status import Status, status
from cinestow.pipeline.transcode import transcode
from cinestow.settings import Buckets, Settings, Topics

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
        self.root = root
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
