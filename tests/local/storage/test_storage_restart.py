"""What was stored survives the end of the process, however it ends."""

import os
import signal
from pathlib import Path

import psutil
import requests

from support.storage import storage_client, storage_server

CHUNK = 256 * 1024


def test_everything_survives_a_kill(tmp_path: Path) -> None:
    with storage_server(tmp_path) as server:
        client = storage_client(server.url)
        bucket = client.create_bucket("persist")
        blob = bucket.blob("p/a.bin")
        blob.metadata = {"k": "v"}
        blob.upload_from_string(b"hello", content_type="video/mp4")
        session = bucket.blob("live.mp4").create_resumable_upload_session()
        first = {"Content-Range": f"bytes 0-{CHUNK - 1}/{CHUNK + 1}"}
        requests.put(session, data=b"z" * CHUNK, headers=first, timeout=10)
        client.close()
        port = int(server.url.rpartition(":")[2])
        os.kill(server.pid, signal.SIGKILL)
    (tmp_path / "blobs" / "left-behind").write_bytes(b"half")
    with storage_server(tmp_path, port=port) as server:
        client = storage_client(server.url)
        found = client.bucket("persist").get_blob("p/a.bin")
        assert (found.generation, found.metadata) == (blob.generation, {"k": "v"})
        assert found.download_as_bytes(checksum="md5") == b"hello"
        last = {"Content-Range": f"bytes {CHUNK}-{CHUNK}/{CHUNK + 1}"}
        assert requests.put(session, data=b"y", headers=last, timeout=10).status_code == 200
        assert client.bucket("persist").blob("live.mp4").download_as_bytes() == b"z" * CHUNK + b"y"
        client.close()
    assert len(list((tmp_path / "blobs").iterdir())) == 2


def test_replaced_and_deleted_content_leaves_the_disk(tmp_path: Path) -> None:
    with storage_server(tmp_path) as server:
        client = storage_client(server.url)
        bucket = client.create_bucket("tidy")
        for text in ("1", "2"):
            bucket.blob("x").upload_from_string(text)
        bucket.blob("y").compose([bucket.blob("x")])
        assert len(list((tmp_path / "blobs").iterdir())) == 2
        bucket.blob("x").delete()
        bucket.blob("y").delete()
        client.close()
    assert list((tmp_path / "blobs").iterdir()) == []


def test_it_stops_on_request_while_connections_are_open(tmp_path: Path) -> None:
    with storage_server(tmp_path) as server, requests.Session() as session:
        assert session.get(f"{server.url}/storage/v1/b", timeout=10).json()["items"] == []
    assert not psutil.pid_exists(server.pid)
