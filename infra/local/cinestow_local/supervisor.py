"""The whole cloud on one machine, obeying infra/pipeline.yaml: started, watched, stopped."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cinestow.errors import ConfigurationError
from cinestow_local.endpoints import Endpoints, published, write_json
from cinestow_local.memory import PeakMemory, sampled
from cinestow_local.pipeline_file import Pipeline, load_pipeline
from cinestow_local.processes import Watched, check, guarded
from cinestow_local.startup import Ports, Startup

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class LocalCloud:
    """A running local cloud."""

    endpoints: Endpoints
    pipeline: Pipeline
    watched: tuple[Watched, ...]
    memory: PeakMemory

    def check(self) -> None:
        """Raise ``AlarmRaised`` if a process ended: nothing is ever started again in silence."""
        for process in self.watched:
            check(process)

    def peak_memory(self) -> dict[str, float]:
        """Highest memory of each function so far, in MiB."""
        return self.memory.peaks()


@contextmanager
def local_cloud(
    state_dir: Path,
    *,
    pipeline_path: Path = REPOSITORY / "infra/pipeline.yaml",
    functions_source: Path = REPOSITORY / "functions/main.py",
    ports: Ports | None = None,
) -> Iterator[LocalCloud]:
    """Run the local cloud for the length of a ``with`` block.

    ``state_dir`` takes data, logs, the identity key, ``endpoints.json`` (while it runs) and
    ``memory.json`` (afterwards); what a former run stored there is found again.

    Raises:
        ConfigurationError: a bad pipeline file, a state folder in use, or Orthanc is missing.
        AlarmRaised: a process ended, or was not ready in time.
    """
    pipeline = load_pipeline(pipeline_path)
    state_dir = state_dir.resolve()
    with ExitStack() as stack:
        stack.enter_context(locked(state_dir))
        (state_dir / "logs").mkdir(exist_ok=True)
        guard = stack.enter_context(guarded(state_dir / "logs"))
        startup = Startup(pipeline, state_dir, guard, ports or Ports(), stack)
        started = startup.run(functions_source.resolve())
        memory = PeakMemory({child.name: child.pid for child in started.functions})
        cloud = LocalCloud(started.endpoints, pipeline, started.watched, memory)
        stack.enter_context(published(cloud.endpoints, state_dir))
        stack.callback(lambda: write_json(state_dir / "memory.json", cloud.peak_memory()))
        stack.enter_context(sampled(cloud.memory))
        yield cloud


@contextmanager
def locked(state_dir: Path) -> Iterator[None]:
    """Hold a state folder alone.

    Raises:
        ConfigurationError: another local cloud runs from it.
    """
    state_dir.mkdir(parents=True, exist_ok=True)
    with (state_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"{state_dir} is in use by another local cloud. Stop that one, or choose another "
                "folder with --state-dir."
            ) from error
        yield
