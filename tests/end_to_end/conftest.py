from collections.abc import Iterator

import pytest

from support.cloud import running_cloud
from support.way import Cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The whole local cloud with the real functions, once for all tests of a module."""
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield Cloud(running)
