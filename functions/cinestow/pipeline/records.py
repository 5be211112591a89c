"""What lies in the buckets between the stages: plain data, written once, validated when read."""

import hashlib
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from cinestow.cloud.objects import ObjectInfo, ObjectRef, Objects
from cinestow.errors import RefusalCode
from cinestow.media.model import Plan, SoundTrack, VideoSegment
from cinestow.pipeline import names

JSON = "application/json"
T = TypeVar("T")


@dataclass(frozen=True)
class Upload:
    """One generation of one object in an uploads bucket."""

    upload_id: str
    bucket: str
    name: str
    generation: int
    size: int
    content_type: str
    created: str
    """RFC 3339."""

    @property
    def ref(self) -> ObjectRef:
        """The original."""
        return ObjectRef(self.bucket, self.name, self.generation)


@dataclass(frozen=True)
class InstanceUids:
    """Where the instance belongs."""

    study: str
    series: str
    instance: str


@dataclass(frozen=True)
class PlanRecord:
    """The decision of intake: everything after it follows from here."""

    upload: Upload
    plan: Plan
    uids: InstanceUids
    metadata: ObjectRef
    probe_s: float

    @property
    def plan_id(self) -> str:
        """Tells this plan's outputs from those of any other plan for the same upload."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]

    @property
    def parts(self) -> list[str]:
        """What makes up the recording: it is whole when a table of each stands."""
        parts = [names.video_part(index) for index in range(len(self.plan.segments))]
        if self.plan.recording.sound is not None:
            parts.append(names.SOUND_PART)
        return parts


@dataclass(frozen=True)
class VideoPart:
    """A finished video segment."""

    segment: VideoSegment
    payload: ObjectRef
    seconds: float


@dataclass(frozen=True)
class SoundPart:
    """The finished sound; ``track`` is None where none of it decodes."""

    track: SoundTrack | None
    payloads: tuple[ObjectRef, ...]
    seconds: float


@dataclass(frozen=True)
class Piece:
    """A run of the bit stream and its hash."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class StagedRecord:
    """The staged instance, pinned, and what its bit stream must hash to."""

    instance: ObjectRef
    bytes: int
    header_bytes: int
    """Part 10 bytes before the bit stream."""
    uids: InstanceUids
    bit_stream: tuple[Piece, ...]
    report: ObjectRef


@dataclass(frozen=True)
class StoredRecord:
    """What the store answered."""

    uids: InstanceUids
    already_there: bool


@dataclass(frozen=True)
class VerifiedRecord:
    """What was read back."""

    uids: InstanceUids
    bytes: int
    sha256: str
    """Of the whole bit stream."""


@dataclass(frozen=True)
class Refusal:
    """Why an upload was refused, and by which stage."""

    code: RefusalCode
    sentence: str
    stage: str


@dataclass(frozen=True)
class Marker:
    """A state that is said by being there."""

    why: str


def write(objects: Objects, bucket: str, name: str, record: Any) -> ObjectInfo:
    """Write a record once; whoever comes second gets what stands."""
    return objects.create(bucket, name, [msgspec.json.encode(record)], JSON)[0]


def read(objects: Objects, ref: ObjectRef, kind: type[T]) -> T:
    """Read a record that must be there."""
    return msgspec.json.decode(objects.read(ref), type=kind)


def find(objects: Objects, bucket: str, name: str, kind: type[T]) -> T | None:
    """Read a record if it is there."""
    info = objects.stat(bucket, name)
    return None if info is None else read(objects, info.ref, kind)
