"""Memory stays bounded however large the object is. CINESTOW_LARGE_MB sets its size."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests

from support.storage import storage_client, storage_server

LARGE_MB = int(os.environ.get("CINESTOW_LARGE_MB", "256"))
LIMIT_MB = 150
MB = 1 << 20


@contextmanager
def peak_memory(pid: int) -> Iterator[list[int]]:
    """Yields a list whose only item becomes the highest resident size in MB."""
    process, peak, done = psutil.Process(pid), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            peak[0] = max(peak[0], process.memory_info().rss // MB)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def test_a_large_object_up_joined_and_down(tmp_path: Path) -> None:
    size, large = LARGE_MB * MB, tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(size)
    with storage_server(tmp_path / "data") as server, peak_memory(server.pid) as peak:
        client = storage_client(server.url)
        bucket = client.create_bucket("large")
        blob = bucket.blob("chunked", chunk_size=8 * MB)
        blob.upload_from_filename(str(large), checksum=None)
        session = bucket.blob("whole").create_resumable_upload_session()
        with large.open("rb") as file:
            assert requests.put(session, data=file, timeout=120).ok
        bucket.blob("whole").delete()
        bucket.blob("joined").compose([blob])
        with requests.get(bucket.get_blob("joined").media_link, stream=True, timeout=120) as answer:
            received = sum(len(piece) for piece in answer.iter_content(MB))
        client.close()
    assert received == size
    assert 0 < peak[0] < LIMIT_MB, f"{peak[0]} MB for an object of {LARGE_MB} MB"
