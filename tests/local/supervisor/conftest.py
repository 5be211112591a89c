"""A small pipeline with functions of its own, and a cloud that runs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from cinestow_local.supervisor import LocalCloud
from support.cloud import running_cloud

HERE = Path(__file__).parent
FUNCTIONS = HERE / "functions/main.py"


@pytest.fixture(scope="session")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small functions note what reaches them."""
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="session")
def small_pipeline(notes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pipeline") / "pipeline.yaml"
    text = (HERE / "pipeline.yaml").read_text()
    path.write_text(text.replace("NOTES_FOLDER", str(notes)))
    return path


@pytest.fixture(scope="session")
def cloud(small_pipeline: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with running_cloud(tmp_path_factory.mktemp("cloud"), small_pipeline, FUNCTIONS) as running:
        yield running
