"""`cinestow send` and `status` against real object storage."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.cloud import storage

from cinestow.dicom import uids
from support.storage import storage_client, storage_server

CINESTOW = Path(sys.executable).with_name("cinestow")
RECORDED = Path(__file__).parents[1] / "data" / "recorded"
BUCKETS = ("UPLOADS", "WORK", "QUARANTINE", "PREVIEWS")
TOPICS = ("SEGMENT_REQUESTED", "RECORDING_TRANSCODED", "INSTANCE_STAGED", "INSTANCE_STORED")


@pytest.fixture(scope="module")
def uploads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[storage.Bucket]:
    with (
        storage_server(tmp_path_factory.mktemp("storage")) as server,
        pytest.MonkeyPatch.context() as env,
    ):
        client = storage_client(server.url)
        for name in BUCKETS:
            client.create_bucket(name.lower())
            env.setenv(f"CINESTOW_{name}_BUCKET", name.lower())
        for name in TOPICS:
            env.setenv(f"CINESTOW_TOPIC_{name}", name)
        env.setenv("CINESTOW_PROJECT", "p")
        env.setenv("CINESTOW_IDENTITY_KEY", "key")
        env.setenv("STORAGE_EMULATOR_HOST", server.url)
        yield client.bucket("uploads")
        client.close()


def cinestow(*words: str | Path, code: int = 0) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run([CINESTOW, *words], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done


def test_the_id_that_send_prints_is_that_of_the_upload(uploads: storage.Bucket) -> None:
    sent = cinestow("send", RECORDED / "av1.webm", "--name", "given").stdout.strip()
    blob = uploads.get_blob("given")
    assert sent == uids.upload_id(b"key", "uploads", "given", int(blob.generation))
    assert blob.download_as_bytes() == (RECORDED / "av1.webm").read_bytes()
    assert "queued" in cinestow("status", sent).stdout


def test_a_file_name_that_may_name_a_patient_is_not_the_objects(
    uploads: storage.Bucket, tmp_path: Path
) -> None:
    recording, metadata = tmp_path / "Doe_Jane.webm", tmp_path / "Doe_Jane.JSON"
    recording.write_bytes(b"video")
    metadata.write_text("{}")
    cinestow("send", recording, "--metadata", metadata)
    names = [blob.name for blob in uploads.list_blobs()]
    assert all("Doe" not in name for name in names)
    assert any(name.endswith(".webm.json") for name in names)


def test_metadata_never_lands_beside_somebody_elses_recording(
    uploads: storage.Bucket, tmp_path: Path
) -> None:
    metadata = tmp_path / "patient.json"
    metadata.write_text("{}")
    cinestow("send", RECORDED / "av1.webm", "--name", "taken")
    done = cinestow(
        *("send", RECORDED / "vp9.webm", "--name", "taken", "--metadata", metadata), code=2
    )
    assert "there already" in done.stderr
    assert uploads.get_blob("taken.json") is None
    assert uploads.get_blob("taken").size == (RECORDED / "av1.webm").stat().st_size
