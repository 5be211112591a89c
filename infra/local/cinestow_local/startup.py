"""Starting the local cloud, step by step: backends, functions, fronts, and what lies between."""

import os
import secrets
import sys
from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cinestow.render.target import ROOT as RENDER_ROOT
from cinestow_local.endpoints import Endpoints, write_json
from cinestow_local.functions import LISTENING, start_function
from cinestow_local.orthanc import Orthanc, orthanc
from cinestow_local.pipeline_file import Pipeline
from cinestow_local.processes import Child, Guard, Watched, start, stop, wait_for
from cinestow_local.wiring import bucket_name, wire

PROJECT = "cinestow-local"
READY_S = 60.0


@dataclass(frozen=True)
class Ports:
    """Fixed ports; 0 is any free one."""

    storage: int = 0
    pubsub: int = 0
    dicomweb: int = 0
    render: int = 0


@dataclass(frozen=True)
class Started:
    """Everything that runs, wired up and ready."""

    endpoints: Endpoints
    watched: tuple[Watched, ...]
    functions: tuple[Child, ...]


@dataclass(frozen=True)
class _Backends:
    """What the functions talk to."""

    storage: str
    pubsub: str
    dicomweb: str
    watched: tuple[Watched, ...]


@dataclass(frozen=True)
class Startup:
    """The steps of starting, in order; ``stack`` undoes them in reverse."""

    pipeline: Pipeline
    state_dir: Path
    guard: Guard
    ports: Ports
    stack: ExitStack

    def run(self, source: Path) -> Started:
        """Start everything; ``source`` holds the functions.

        Raises:
            AlarmRaised: a process ended, or was not ready in time.
            ConfigurationError: Orthanc is missing, or the pipeline file needs what we lack.
        """
        backends = self._start_backends()
        environments = self._environments(backends)
        functions = self._start_functions(source, environments)
        urls = {child.name: wait_for(child, LISTENING, READY_S) for child in functions}
        front, fronts = self._start_fronts(urls)
        wire(self.pipeline, PROJECT, backends.storage, backends.pubsub, fronts)
        watched = (self.guard, *backends.watched, *functions, front)
        endpoints = self._endpoints(backends, environments, fronts, watched)
        return Started(endpoints, watched, tuple(functions))

    def _start_backends(self) -> _Backends:
        pubsub = self._start_module("pubsub", self.ports.pubsub)
        pubsub_address = wait_for(pubsub, r"^PUBSUB_EMULATOR_HOST=(\S+)$", READY_S)
        storage = self._start_module("storage", self.ports.storage, "--pubsub", pubsub_address)
        storage_url = wait_for(storage, r"^STORAGE_EMULATOR_HOST=(\S+)$", READY_S)
        store = self.stack.enter_context(self._orthanc())
        watched = (pubsub, storage, Watched("orthanc", store.pid, store.log))
        return _Backends(storage_url, pubsub_address, store.root_url, watched)

    def _start_module(self, name: str, port: int, *options: str) -> Child:
        data = self.state_dir / "data" / name
        data.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", f"cinestow_local.{name}", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--data", str(data), *options]
        child = start(self.guard, name, command, self.state_dir / "logs", {})
        self.stack.callback(stop, self.guard, [child])
        return child

    @contextmanager
    def _orthanc(self) -> Iterator[Orthanc]:
        with orthanc(self.state_dir / "data/orthanc", port=self.ports.dicomweb) as store:
            self.guard.adopt(store.pid)
            yield store

    def _environments(self, backends: _Backends) -> dict[str, dict[str, str]]:
        """The environment of each function."""
        buckets = {f"bucket.{key}": bucket_name(PROJECT, key) for key in self.pipeline.buckets}
        topics = {f"topic.{topic}": topic for topic in self.pipeline.topics}
        values = {
            "project": PROJECT,
            "dicomweb_root": backends.dicomweb,
            "secret.identity-key": _identity_key(self.state_dir / "identity.key"),
        }
        emulators = {
            "STORAGE_EMULATOR_HOST": backends.storage,
            "PUBSUB_EMULATOR_HOST": backends.pubsub,
            "GOOGLE_CLOUD_PROJECT": PROJECT,
        }
        return {
            name: emulators | self.pipeline.environment(name, buckets | topics | values)
            for name in self.pipeline.functions
        }

    def _start_functions(
        self, source: Path, environments: Mapping[str, Mapping[str, str]]
    ) -> list[Child]:
        children: list[Child] = []
        self.stack.callback(stop, self.guard, children)
        for name, function in self.pipeline.functions.items():
            children.append(
                start_function(
                    self.guard, name, function, source, self.state_dir, environments[name]
                )
            )
        return children

    def _start_fronts(self, urls: Mapping[str, str]) -> tuple[Child, dict[str, str]]:
        """What the platform puts in front of a function; this machine has one instance of each."""
        fronts = [
            {
                "name": name,
                "target_url": urls[name],
                "limit": function.concurrency,
                "timeout_s": function.timeout,
                "port": self.ports.render if name == "render" else 0,
            }
            for name, function in self.pipeline.functions.items()
        ]
        config = self.state_dir / "run" / "fronts.json"
        write_json(config, fronts)
        command = [sys.executable, "-m", "cinestow_local.front", "--config", str(config)]
        child = start(self.guard, "fronts", command, self.state_dir / "logs", {})
        self.stack.callback(stop, self.guard, [child])
        bound = msgspec.json.decode(wait_for(child, r"^(\{.*\})$", READY_S), type=dict[str, int])
        return child, {name: f"http://127.0.0.1:{port}" for name, port in bound.items()}

    def _endpoints(
        self,
        backends: _Backends,
        environments: Mapping[str, Mapping[str, str]],
        fronts: Mapping[str, str],
        watched: tuple[Watched, ...],
    ) -> Endpoints:
        buckets = {key: bucket_name(PROJECT, key) for key in self.pipeline.buckets}
        return Endpoints(
            storage=backends.storage,
            pubsub=backends.pubsub,
            dicomweb=backends.dicomweb,
            upload=None,
            render=f"{fronts['render']}{RENDER_ROOT}" if "render" in fronts else None,
            viewer=None,
            uploads_bucket=buckets["uploads"],
            project=PROJECT,
            buckets=buckets,
            functions=dict(fronts),
            environment=dict(ChainMap(*map(dict, environments.values()))),
            pids={process.name: process.pid for process in watched},
            logs=str(self.state_dir / "logs"),
        )


def _identity_key(path: Path) -> str:
    """The key that makes UIDs of uploads: made once, kept, so that a second run agrees."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(32))
    return path.read_text()
