"""What a stage works with."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from pydicom.uid import UID

from cinestow.cloud.leases import Lease, lease
from cinestow.cloud.messages import Publisher
from cinestow.cloud.objects import ObjectInfo, Objects
from cinestow.dicomweb.client import DicomWeb
from cinestow.errors import MissingRecord
from cinestow.media.model import Limits, TransferSyntax
from cinestow.pipeline import messages, names, records
from cinestow.settings import Settings


@dataclass(frozen=True)
class Wishes:
    """What was asked for instead of the automatic choice."""

    transfer_syntax: TransferSyntax | None = None
    sop_class: UID | None = None


@dataclass(frozen=True)
class Context:
    """One deployment, as the stages see it."""

    settings: Settings
    objects: Objects
    publisher: Publisher
    store: DicomWeb | None = None
    """Only stages that may reach the DICOM store have it."""
    wishes: Wishes = field(default_factory=Wishes)
    limits: Limits = field(default_factory=Limits)

    @property
    def work(self) -> str:
        """The bucket of plans, parts and staged instances."""
        return self.settings.buckets.work

    def find_plan(self, upload_id: str) -> records.PlanRecord | None:
        """The upload's plan, if it was planned."""
        return records.find(self.objects, self.work, names.plan(upload_id), records.PlanRecord)

    def plan_of(self, upload_id: str) -> records.PlanRecord:
        """The upload's plan; it must be there, since it was written before any message of it."""
        record = self.find_plan(upload_id)
        if record is None:
            raise MissingRecord(f"upload {upload_id} has no plan")
        return record

    def record(self, name: str, content: object) -> ObjectInfo:
        """Write a record once into the work bucket."""
        return records.write(self.objects, self.work, name, content)

    def lease(self, upload_id: str, work: str) -> AbstractContextManager[Lease]:
        """Keep other workers from the same piece of work; raises ``WorkInProgress``."""
        return lease(self.objects, self.work, names.lease(upload_id, work))

    def publish(self, topic: str, message: messages.Message) -> None:
        """Hand the upload to the next stage."""
        self.publisher.publish(topic, messages.encode(message), {"upload_id": message.upload_id})
