"""Where a running local cloud is found: ``endpoints.json`` in its state folder."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

FILE_NAME = "endpoints.json"


@dataclass(frozen=True)
class Endpoints:
    """URLs without a slash at the end; null for what this version does not serve."""

    storage: str
    pubsub: str
    """``host:port``, as PUBSUB_EMULATOR_HOST has it."""
    dicomweb: str
    upload: str | None
    render: str | None
    viewer: str | None
    uploads_bucket: str
    project: str
    buckets: dict[str, str]
    """Bucket name by its key in pipeline.yaml."""
    functions: dict[str, str]
    """Front URL by function."""
    environment: dict[str, str]
    """Settings of all functions together: with them the CLI talks to this cloud."""
    pids: dict[str, int]
    logs: str


@contextmanager
def published(endpoints: Endpoints, folder: Path) -> Iterator[None]:
    """Keep ``endpoints.json`` in ``folder`` for the length of a ``with`` block."""
    path = folder / FILE_NAME
    write_json(path, endpoints)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_endpoints(path: Path) -> Endpoints:
    """Read what a running local cloud published."""
    return msgspec.json.decode(path.read_bytes(), type=Endpoints)


def write_json(path: Path, value: object) -> None:
    """Write a file that readers see whole or not at all, and that is for this user's eyes only."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.touch(mode=0o600)
    unfinished.write_bytes(msgspec.json.format(msgspec.json.encode(value)) + b"\n")
    unfinished.replace(path)
