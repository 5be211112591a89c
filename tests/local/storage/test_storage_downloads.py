"""Downloads: ranges, pinned generations, headers."""

import io
import os

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage

DATA = os.urandom(1_500_000)


@pytest.fixture
def blob(bucket: storage.Bucket) -> storage.Blob:
    bucket.blob("d/data.bin").upload_from_string(DATA, content_type="video/mp4")
    return bucket.get_blob("d/data.bin")


def media(blob: storage.Blob, byte_range: str, **headers: str) -> requests.Response:
    return requests.get(blob.media_link, headers={"Range": byte_range, **headers}, timeout=20)


def test_ranges_of_the_client(blob: storage.Blob) -> None:
    assert blob.download_as_bytes(start=1000, end=1999) == DATA[1000:2000]
    assert blob.download_as_bytes(start=len(DATA) - 10) == DATA[-10:]
    with blob.open("rb", chunk_size=64 * 1024) as stream:
        stream.seek(500_000)
        assert stream.read(100) == DATA[500_000:500_100]
        stream.seek(-50, 2)
        assert stream.read() == DATA[-50:]


def test_download_in_chunks(bucket: storage.Bucket, blob: storage.Blob) -> None:
    received = io.BytesIO()
    bucket.blob(blob.name, chunk_size=256 * 1024).download_to_file(received)
    assert received.getvalue() == DATA


@pytest.mark.parametrize(
    ("byte_range", "start", "end"),
    [
        ("bytes=5-9", 5, 10),
        ("bytes=1499990-", 1_499_990, 1_500_000),
        ("bytes=-7", 1_499_993, 1_500_000),
        ("bytes=1499999-9999999", 1_499_999, 1_500_000),
    ],
)
def test_a_range_is_206(blob: storage.Blob, byte_range: str, start: int, end: int) -> None:
    answer = media(blob, byte_range)
    assert (answer.status_code, answer.content) == (206, DATA[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("byte_range", ["bytes=1500000-", "bytes=-0"])
def test_a_range_past_the_end_is_416(blob: storage.Blob, byte_range: str) -> None:
    answer = media(blob, byte_range)
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"


@pytest.mark.parametrize("byte_range", ["bytes=9-5", "lines=1-2", "bytes=0-1,5-6"])
def test_what_is_no_single_range_is_ignored(blob: storage.Blob, byte_range: str) -> None:
    answer = media(blob, byte_range)
    assert (answer.status_code, len(answer.content)) == (200, len(DATA))


def test_headers_state_the_object(blob: storage.Blob) -> None:
    headers = media(blob, "bytes=0-0").headers
    assert headers["X-Goog-Hash"] == f"crc32c={blob.crc32c},md5={blob.md5_hash}"
    assert headers["X-Goog-Generation"] == str(blob.generation)
    assert headers["X-Goog-Stored-Content-Length"] == str(len(DATA))
    assert headers["X-Goog-Stored-Content-Encoding"] == "identity"
    assert headers["Content-Type"] == "video/mp4"


def test_an_empty_object(bucket: storage.Bucket) -> None:
    bucket.blob("empty").upload_from_string(b"")
    assert bucket.blob("empty").download_as_bytes() == b""
    assert media(bucket.get_blob("empty"), "bytes=0-").status_code == 416


def test_only_the_live_generation_without_versioning(bucket: storage.Bucket) -> None:
    bucket.blob("pinned").upload_from_string("1")
    old = bucket.get_blob("pinned").generation
    assert bucket.blob("pinned", generation=old).download_as_bytes() == b"1"
    bucket.blob("pinned").upload_from_string("2")
    with pytest.raises(exceptions.NotFound):
        bucket.blob("pinned", generation=old).download_as_bytes()


def test_a_replaced_object_is_read_to_its_end(bucket: storage.Bucket, blob: storage.Blob) -> None:
    with requests.get(blob.media_link, stream=True, timeout=20) as answer:
        pieces = answer.iter_content(1000)
        received = next(pieces)
        bucket.blob(blob.name).upload_from_string(b"new")
        assert received + b"".join(pieces) == DATA
