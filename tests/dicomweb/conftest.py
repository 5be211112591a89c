from collections.abc import Iterator

import pytest

from cinestow.dicomweb.client import DicomWeb
from support.orthanc import Orthanc, orthanc


@pytest.fixture(scope="session")
def running_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture
def client(running_orthanc: Orthanc) -> Iterator[DicomWeb]:
    with DicomWeb(running_orthanc.root_url) as client:
        yield client
