"""Two workers on the same message at the same time, against real object storage."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Barrier, Lock

import pytest
from google.cloud import storage

from cinestow.cloud.gcs import GcsObjects
from cinestow.dicom import uids
from cinestow.errors import WorkInProgress
from cinestow.pipeline import messages
from cinestow.pipeline.context import Context
from cinestow.pipeline.dicomize import dicomize
from cinestow.pipeline.events import FinalizedObject
from cinestow.pipeline.intake import intake
from cinestow.pipeline.status import status
from cinestow.pipeline.transcode import transcode
from cinestow.settings import Buckets
from support.stages import RECORDED, SETTINGS
from support.storage import storage_client, storage_server

BUCKETS = SETTINGS.buckets
WORKERS = 3


class Outbox:
    """What all workers published."""

    def __init__(self) -> None:
        self._sent: list[tuple[str, bytes]] = []
        self._lock = Lock()

    def publish(self, topic: str, data: bytes, attributes: object) -> None:
        with self._lock:
            self._sent.append((topic, data))

    def take(self, topic: str) -> set[bytes]:
        """The different messages to a topic so far."""
        with self._lock:
            taken = {data for name, data in self._sent if name == topic}
            self._sent = [(name, data) for name, data in self._sent if name != topic]
        return taken


@pytest.fixture(scope="module")
def clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[storage.Client]]:
    """One client a worker, as every function instance has its own."""
    with storage_server(tmp_path_factory.mktemp("storage")) as server:
        made = [storage_client(server.url) for _ in range(WORKERS)]
        for name in (BUCKETS.uploads, BUCKETS.work, BUCKETS.quarantine):
            bucket = made[0].bucket(name)
            bucket.versioning_enabled = name == BUCKETS.uploads
            bucket.create()
        yield made
        for client in made:
            client.close()


def at_once(contexts: list[Context], work: Callable[[Context], None]) -> list[WorkInProgress]:
    """Let all workers do ``work`` at the same moment; who was told to come back later."""
    start = Barrier(len(contexts))

    def one(context: Context) -> WorkInProgress | None:
        start.wait()
        try:
            work(context)
        except WorkInProgress as later:
            return later
        return None

    with ThreadPoolExecutor(len(contexts)) as pool:
        return [later for later in pool.map(one, contexts) if later is not None]


def until_all_are_done(contexts: list[Context], work: Callable[[Context], None]) -> None:
    while at_once(contexts, work):
        pass


def test_workers_at_once_make_one_instance(clients: list[storage.Client]) -> None:
    outbox = Outbox()
    contexts = [Context(SETTINGS, GcsObjects(client), outbox) for client in clients]
    blob = clients[0].bucket(BUCKETS.uploads).blob("rec.webm")
    blob.metadata = {"PatientID": "1", "Modality": "US"}
    blob.upload_from_filename(str(RECORDED / "vp8_opus.webm"))
    event = FinalizedObject(BUCKETS.uploads, "rec.webm", int(blob.generation))

    until_all_are_done(contexts, lambda context: intake(context, event))
    requests = outbox.take("segment")
    assert len(requests) == 2
    for data in requests:
        request = messages.decode(data, messages.SegmentRequested)
        until_all_are_done(contexts, partial(transcode, message=request))
    (data,) = outbox.take("transcoded")
    whole = messages.decode(data, messages.RecordingTranscoded)
    until_all_are_done(contexts, partial(dicomize, message=whole))
    assert len(outbox.take("staged")) == 1

    upload_id = uids.upload_id(b"key", event.bucket, event.name, event.generation)
    objects = contexts[0].objects
    assert status(objects, SETTINGS, upload_id).state == "staged"
    names = [info.ref.name.removeprefix(f"{upload_id}/") for info in objects.list("work", "")]
    assert sum("/instance-" in name for name in names) == 1
    assert sum("/payloads/" in name for name in names) == 2  # the lease saved the others the work
    assert [name for name in names if name.startswith("leases/")] == []


def test_recording_and_metadata_at_once_are_one_plan(clients: list[storage.Client]) -> None:
    """Whichever event comes second sees both; when both do, one plan stands."""
    outbox = Outbox()
    contexts = [Context(SETTINGS, GcsObjects(client), outbox) for client in clients[:2]]
    bucket = clients[0].bucket(BUCKETS.uploads)
    events = {}
    for client, (name, data) in zip(
        clients,
        {
            "pair.webm": (RECORDED / "av1.webm").read_bytes(),
            "pair.webm.json": json.dumps({"PatientID": "2"}).encode(),
        }.items(),
        strict=False,
    ):
        blob = bucket.blob(name)
        blob.upload_from_string(data)
        context = contexts[clients.index(client)]
        events[id(context)] = FinalizedObject(bucket.name, name, int(blob.generation))
    until_all_are_done(contexts, lambda context: intake(context, events[id(context)]))
    assert len(outbox.take("segment")) == 1


@pytest.mark.parametrize(
    ("versioned", "state"), [(True, "building"), (False, "superseded")], ids=["kept", "gone"]
)
def test_overwritten_while_it_is_under_way(
    clients: list[storage.Client], versioned: bool, state: str
) -> None:
    """The plan pins a generation: it is finished while its bytes are kept, else superseded."""
    outbox = Outbox()
    buckets = Buckets(f"uploads-{state}", "work", "quarantine", "previews")
    settings = replace(SETTINGS, buckets=buckets)
    context = Context(settings, GcsObjects(clients[0]), outbox)
    bucket = clients[0].bucket(buckets.uploads)
    bucket.versioning_enabled = versioned
    bucket.create()
    blob = bucket.blob("rec.webm")
    blob.metadata = {"PatientID": "1", "Modality": "US"}
    blob.upload_from_filename(str(RECORDED / "av1.webm"))
    event = FinalizedObject(bucket.name, "rec.webm", int(blob.generation))
    intake(context, event)
    (data,) = outbox.take("segment")
    bucket.blob("rec.webm").upload_from_string(b"another recording")
    transcode(context, messages.decode(data, messages.SegmentRequested))
    upload_id = uids.upload_id(b"key", event.bucket, event.name, event.generation)
    assert status(context.objects, settings, upload_id).state == state
    assert len(outbox.take("transcoded")) == (1 if versioned else 0)
