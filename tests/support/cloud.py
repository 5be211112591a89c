"""A whole local cloud for tests: free ports, everything in one folder, ended with the block."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cinestow_local.supervisor import LocalCloud, local_cloud


@contextmanager
def running_cloud(
    folder: Path, pipeline: Path | None = None, functions: Path | None = None
) -> Iterator[LocalCloud]:
    """Run a cloud; fails at the end if one of its processes died on the way.

    ``pipeline`` and ``functions`` replace infra/pipeline.yaml and functions/main.py.
    """
    replaced = {"pipeline_path": pipeline, "functions_source": functions}
    with local_cloud(
        folder / "local", **{name: path for name, path in replaced.items() if path is not None}
    ) as cloud:
        yield cloud
        cloud.check()
