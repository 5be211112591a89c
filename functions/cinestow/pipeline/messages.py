"""The messages between the stages: JSON with a ``schema`` of name and version.

A message says which upload and which part; all else lies in the work bucket. Object names may
hold a patient's name, so no message carries one.
"""

import re
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import msgspec

from cinestow.pipeline import names

_PART = re.compile(r"video-[0-9]{5}|sound")


class MalformedMessage(ValueError):
    """A message that no version of ours can have sent."""


@dataclass(frozen=True)
class SegmentRequested:
    """One part of a plan is to be transcoded: ``video-00000`` and so on, or ``sound``."""

    NAME: ClassVar[str] = "cinestow.SegmentRequested"
    upload_id: str
    part: str

    def __post_init__(self) -> None:
        _check_upload_id(self.upload_id)
        if not _PART.fullmatch(self.part):
            raise ValueError("part is neither a video segment nor the sound")


@dataclass(frozen=True)
class RecordingTranscoded:
    """All parts of a plan stand."""

    NAME: ClassVar[str] = "cinestow.RecordingTranscoded"
    upload_id: str

    def __post_init__(self) -> None:
        _check_upload_id(self.upload_id)


@dataclass(frozen=True)
class InstanceStaged:
    """The finished Part 10 object stands in the work bucket."""

    NAME: ClassVar[str] = "cinestow.InstanceStaged"
    upload_id: str

    def __post_init__(self) -> None:
        _check_upload_id(self.upload_id)


@dataclass(frozen=True)
class InstanceStored:
    """The DICOMweb store says that it holds the instance."""

    NAME: ClassVar[str] = "cinestow.InstanceStored"
    upload_id: str

    def __post_init__(self) -> None:
        _check_upload_id(self.upload_id)


Message = SegmentRequested | RecordingTranscoded | InstanceStaged | InstanceStored
M = TypeVar("M", SegmentRequested, RecordingTranscoded, InstanceStaged, InstanceStored)

MAJOR, MINOR = 1, 0


def encode(message: Message) -> bytes:
    """JSON of a message, its schema first."""
    fields = msgspec.to_builtins(message)
    return msgspec.json.encode({"schema": f"{message.NAME}/{MAJOR}.{MINOR}", **fields})


def decode(data: bytes, kind: type[M]) -> M:
    """Read a message of the expected kind; unknown minor versions and fields pass."""
    try:
        schema = msgspec.json.decode(data, type=_Schema).schema
        message = msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise MalformedMessage(f"expected {kind.NAME}: {error}") from error
    if not re.fullmatch(rf"{re.escape(kind.NAME)}/{MAJOR}\.[0-9]+", schema):
        raise MalformedMessage(f"expected {kind.NAME}/{MAJOR}.x, found another schema")
    return message


@dataclass(frozen=True)
class _Schema:
    schema: str


def _check_upload_id(upload_id: str) -> None:
    if not names.UPLOAD_ID.fullmatch(upload_id):
        raise ValueError("upload_id is not 32 hexadecimal digits")
