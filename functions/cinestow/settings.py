"""All settings, read from the environment in one place. No other module reads it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from cinestow.errors import ConfigurationError


@dataclass(frozen=True)
class Buckets:
    """Names of the buckets, by role."""

    uploads: str
    work: str
    quarantine: str
    previews: str


@dataclass(frozen=True)
class Topics:
    """Short names of the topics, by message."""

    segment_requested: str
    recording_transcoded: str
    instance_staged: str
    instance_stored: str


@dataclass(frozen=True)
class Settings:
    """One deployment of the pipeline."""

    project: str
    buckets: Buckets
    topics: Topics
    identity_key: bytes
    """Secret of the keyed hashes that make UIDs; empty in functions that make none."""
    dicomweb_root: str
    """Root of the DICOMweb store; empty in functions that may not reach it."""
    without_metadata: Literal["wait", "unidentified"]
    """What becomes of a recording that no metadata came with."""
    child_memory_mib: int | None = None
    """Memory of the child that decodes, where it is not what a 1 GiB function has room for."""

    @property
    def key(self) -> bytes:
        """The identity key; raises where it was not given."""
        if not self.identity_key:
            raise ConfigurationError("CINESTOW_IDENTITY_KEY is not set for this function")
        return self.identity_key

    @property
    def store_root(self) -> str:
        """The DICOMweb root; raises where it was not given."""
        if not self.dicomweb_root:
            raise ConfigurationError("CINESTOW_DICOMWEB_ROOT is not set for this function")
        return self.dicomweb_root


def settings_from(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read every ``CINESTOW_`` variable; a missing or wrong one is a ``ConfigurationError``."""

    def required(name: str) -> str:
        value = environment.get(f"CINESTOW_{name}", "")
        if not value:
            raise ConfigurationError(f"CINESTOW_{name} is not set")
        return value

    policy = environment.get("CINESTOW_WITHOUT_METADATA", "wait")
    if policy not in ("wait", "unidentified"):
        raise ConfigurationError(
            f"CINESTOW_WITHOUT_METADATA is {policy!r}; expected 'wait' or 'unidentified'"
        )
    return Settings(
        project=required("PROJECT"),
        buckets=Buckets(
            uploads=required("UPLOADS_BUCKET"),
            work=required("WORK_BUCKET"),
            quarantine=required("QUARANTINE_BUCKET"),
            previews=required("PREVIEWS_BUCKET"),
        ),
        topics=Topics(
            segment_requested=required("TOPIC_SEGMENT_REQUESTED"),
            recording_transcoded=required("TOPIC_RECORDING_TRANSCODED"),
            instance_staged=required("TOPIC_INSTANCE_STAGED"),
            instance_stored=required("TOPIC_INSTANCE_STORED"),
        ),
        identity_key=environment.get("CINESTOW_IDENTITY_KEY", "").encode(),
        dicomweb_root=environment.get("CINESTOW_DICOMWEB_ROOT", ""),
        without_metadata="wait" if policy == "wait" else "unidentified",
        child_memory_mib=_whole_number(environment.get("CINESTOW_CHILD_MEMORY_MIB")),
    )


def _whole_number(value: str | None) -> int | None:
    if not value:
        return None
    if not value.isdecimal():
        raise ConfigurationError(
            f"CINESTOW_CHILD_MEMORY_MIB is {value!r}; expected a whole number of MiB"
        )
    return int(value)
