"""Sends recordings the whole way through a running local cloud, and fetches what came out."""

import os
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import httpx
from google.cloud import storage

from cinestow.cli import deployment
from cinestow.cloud.gcs import GcsObjects
from cinestow.dicom import uids
from cinestow.pipeline.status import TERMINAL, State, Status, status
from cinestow.settings import Settings, settings_from
from cinestow_local.supervisor import LocalCloud

POLL_S = 0.2


@dataclass(frozen=True)
class Cloud:
    """A running local cloud, seen as an uploader and a viewer see it."""

    running: LocalCloud

    @cached_property
    def settings(self) -> Settings:
        environment = self.running.endpoints.environment
        os.environ.update(environment)
        return settings_from(environment)

    @cached_property
    def objects(self) -> GcsObjects:
        return deployment.objects(self.settings)

    def upload(self, data: Path | bytes, metadata: dict[str, str], name: str | None = None) -> str:
        """Drop a recording into the bucket, metadata on the object; the upload's id."""
        bucket = storage.Client(project=self.settings.project).bucket(self.settings.buckets.uploads)
        blob = bucket.blob(name or f"{uuid.uuid4()}.webm", chunk_size=1 << 20)
        blob.metadata = metadata
        if isinstance(data, Path):
            blob.upload_from_filename(str(data))
        else:
            blob.upload_from_string(data)
        return uids.upload_id(self.settings.key, bucket.name, blob.name, int(blob.generation))

    def settled(self, upload_id: str, timeout: float = 240.0) -> Status:
        """Wait for the upload's terminal state."""
        return self._wait(upload_id, lambda current: current.state in TERMINAL, timeout)

    def state_after(self, upload_id: str, state: State) -> State:
        """Wait until the upload is no longer in ``state``."""
        return self._wait(upload_id, lambda current: current.state != state, 60.0).state

    def _wait(self, upload_id: str, over: Callable[[Status], bool], timeout: float) -> Status:
        deadline = time.monotonic() + timeout
        while True:
            self.running.check()
            current = status(self.objects, self.settings, upload_id)
            if over(current):
                return current
            assert time.monotonic() < deadline, f"still {current}"
            time.sleep(POLL_S)

    def function_logs(self) -> dict[str, str]:
        """All that the functions have written so far, by function."""
        functions = self.running.pipeline.functions
        return {
            process.name: process.log.read_text()
            for process in self.running.watched
            if process.name in functions
        }

    def instance_path(self, current: Status) -> str:
        assert current.uids is not None
        found = current.uids
        return f"studies/{found.study}/series/{found.series}/instances/{found.instance}"

    def rendered(self, current: Status, accept: str, target: Path) -> httpx.Response:
        """Fetch a rendition through the renderer, as a player does: in ranges if it is told to."""
        url = f"{self.running.endpoints.render}/{self.instance_path(current)}/rendered"
        with (
            httpx.stream("GET", url, headers={"Accept": accept}, timeout=240) as response,
            target.open("wb") as file,
        ):
            response.raise_for_status()
            file.writelines(response.iter_bytes())
        return response
