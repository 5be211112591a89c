from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit

from support import ffmpeg
from support.instances import sample
from support.orthanc import Orthanc, orthanc
from support.renderer import Renderer, make_renderer
from support.stored import Stored, put_picture, put_video

COUNTER = "nullsrc=s=160x120:r=10:d=5,geq=lum=16+4*N:cb=128:cr=128,format=yuv420p"
"""Frame N of 50 has luma 16 + 4 N all over."""


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture
def renderer(store: Orthanc, tmp_path: Path) -> Iterator[Renderer]:
    with make_renderer(store.root_url, tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def shared(store: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Renderer]:
    """For tests that do not care what lies in the cache."""
    with make_renderer(store.root_url, tmp_path_factory.mktemp("renderer")) as made:
        yield made


@pytest.fixture(scope="session")
def counted_mp4(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("counted") / "counted.mp4"
    ffmpeg.run("-f", "lavfi", "-i", COUNTER, "-f", "lavfi", "-i", "sine=d=5", "-c:v", "libx264",
               "-qp", "0", "-c:a", "aac", "-movflags", "+faststart", path)  # fmt: skip
    return path.read_bytes()


@pytest.fixture(scope="session")
def video(store: Orthanc, counted_mp4: bytes) -> Stored:
    """H.264 in MP4 with sound; five seconds."""
    return put_video(store, sample(PatientName="Secret^Person"), counted_mp4)


@pytest.fixture(scope="session")
def transport_stream(store: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """H.264 in an MPEG transport stream."""
    path = tmp_path_factory.mktemp("ts") / "counted.ts"
    ffmpeg.run("-f", "lavfi", "-i", COUNTER, "-c:v", "libx264", path)
    return put_video(store, sample(), path.read_bytes())


@pytest.fixture(scope="session")
def broken_video(store: Orthanc) -> Stored:
    """Says that it is H.264 and is text."""
    return put_video(store, sample(), b"This is no video at all. " * 1000)


@pytest.fixture(scope="session")
def photograph(store: Orthanc) -> Stored:
    """One JPEG, encapsulated as a video would be."""
    return put_picture(store, JPEGBaseline8Bit, encapsulate([b"\xff\xd8\xff\xd9"]))


@pytest.fixture(scope="session")
def bitmap(store: Orthanc) -> Stored:
    """Four pixels, not compressed."""
    return put_picture(store, ExplicitVRLittleEndian, bytes(4))
