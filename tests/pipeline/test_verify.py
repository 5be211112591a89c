"""Only what is in the store as it was sent counts as verified."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO

import httpx
import pytest
from pydicom import dcmread

from cinestow.cloud.files import FileObjects
from cinestow.dicomweb.client import DicomWeb
from cinestow.errors import InstanceMismatch, StoreUnavailable
from cinestow.pipeline import messages, names, records
from cinestow.pipeline.context import Context
from cinestow.pipeline.dicomize import dicomize
from cinestow.pipeline.events import FinalizedObject
from cinestow.pipeline.intake import intake
from cinestow.pipeline.messages import InstanceStored
from cinestow.pipeline.transcode import transcode
from cinestow.pipeline.verify import verify
from support.orthanc import Orthanc, orthanc
from support.stages import RECORDED, SETTINGS
from support.stored import put

PIXEL_DATA = b"\xe0\x7f\x10\x00OB"
ITEM = b"\xfe\xff\x00\xe0"
DELIMITER = b"\xfe\xff\xdd\xe0" + bytes(4)


class Outbox:
    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def publish(self, topic: str, data: bytes, attributes: object) -> None:
        self.sent.append(data)


@dataclass
class Staged:
    """An instance that was staged, and a store that may be given any other in its place."""

    context: Context
    store: Orthanc
    message: InstanceStored
    instance: bytes

    def empty_the_store(self) -> None:
        root = f"http://127.0.0.1:{self.store.port}"
        for study in httpx.get(f"{root}/studies").json():
            httpx.delete(f"{root}/studies/{study}").raise_for_status()

    def put(self, instance: bytes) -> None:
        """Make ``instance`` the only one in the store."""
        self.empty_the_store()
        put(self.store, instance)

    @property
    def verified(self) -> bool:
        name = names.verified(self.message.upload_id)
        return self.context.objects.stat("work", name) is not None


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    objects = FileObjects(tmp_path_factory.mktemp("cloud"))
    outbox = Outbox()
    with (
        orthanc(tmp_path_factory.mktemp("orthanc")) as store,
        DicomWeb(store.root_url) as dicomweb,
    ):
        context = Context(SETTINGS, objects, outbox, dicomweb)
        metadata = {"PatientID": "1", "PatientName": "Doe^Jane"}
        info = objects.adopt("uploads", "rec", RECORDED / "av1.webm", metadata)
        intake(context, FinalizedObject("uploads", "rec", info.ref.generation))
        transcode(context, messages.decode(outbox.sent[-1], messages.SegmentRequested))
        dicomize(context, messages.decode(outbox.sent[-1], messages.RecordingTranscoded))
        upload_id = messages.decode(outbox.sent[-1], messages.InstanceStaged).upload_id
        record = records.find(objects, "work", names.staged(upload_id), records.StagedRecord)
        assert record is not None
        instance = objects.read(record.instance)
        yield Staged(context, store, InstanceStored(upload_id), instance)


def with_another_name(instance: bytes) -> bytes:
    dataset = dcmread(BytesIO(instance))
    dataset.PatientName = "Doe^John"
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def with_a_changed_byte(instance: bytes) -> bytes:
    middle = len(instance) * 3 // 4
    return instance[:middle] + bytes([instance[middle] ^ 1]) + instance[middle + 1 :]


def longer(instance: bytes) -> bytes:
    assert instance.endswith(DELIMITER)
    return instance.removesuffix(DELIMITER) + ITEM + b"\4\0\0\0more" + DELIMITER


def shorter(instance: bytes) -> bytes:
    table = instance.index(ITEM, instance.index(PIXEL_DATA))
    start = instance.index(ITEM, table + 8)
    length = int.from_bytes(instance[start + 4 : start + 8], "little") - 4
    bit_stream = instance[start + 8 :][:length]
    return instance[: start + 4] + length.to_bytes(4, "little") + bit_stream + DELIMITER


@pytest.mark.parametrize("change", [with_another_name, with_a_changed_byte, longer, shorter])
def test_other_content_under_our_uid_is_an_alarm(
    staged: Staged, change: Callable[[bytes], bytes]
) -> None:
    staged.put(change(staged.instance))
    with pytest.raises(InstanceMismatch) as mismatch:
        verify(staged.context, staged.message)
    assert "Doe" not in str(mismatch.value)
    assert not staged.verified


def test_what_is_not_readable_yet_is_tried_again(staged: Staged) -> None:
    staged.empty_the_store()
    with pytest.raises(StoreUnavailable):
        verify(staged.context, staged.message)


def test_what_is_as_it_was_sent_is_verified(staged: Staged) -> None:
    staged.put(staged.instance)
    verify(staged.context, staged.message)
    assert staged.verified
