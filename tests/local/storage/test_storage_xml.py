"""The XML API: objects by path, and multipart uploads."""

import os
from pathlib import Path

import pytest
import requests
from google.cloud import storage
from google.cloud.storage import transfer_manager

PART = 5 << 20


def test_put_get_head_delete(bucket: storage.Bucket, url: str, http: requests.Session) -> None:
    link = f"{url}/{bucket.name}/a%2Fb/c%20d"
    headers = {
        "Content-Type": "video/webm",
        "x-goog-meta-study": "1.2",
        "Cache-Control": "no-store",
    }
    made = http.put(link, data=b"content", headers=headers)
    assert (made.status_code, made.content) == (200, b"")
    found = bucket.get_blob("a/b/c d")
    assert made.headers["x-goog-hash"] == f"crc32c={found.crc32c},md5={found.md5_hash}"
    assert (found.content_type, found.metadata) == ("video/webm", {"study": "1.2"})
    for answer in (http.get(link), http.head(link)):
        assert answer.status_code == 200
        assert answer.headers["Content-Length"] == "7"
        assert answer.headers["x-goog-meta-study"] == "1.2"
        assert answer.headers["Cache-Control"] == "no-store"
    assert http.get(link, headers={"Range": "bytes=1-2"}).content == b"on"
    assert http.delete(link).status_code == 204
    missing = http.get(link)
    assert missing.status_code == 404
    assert "<Code>NoSuchKey</Code>" in missing.text


def test_preconditions(bucket: storage.Bucket, url: str, http: requests.Session) -> None:
    link = f"{url}/{bucket.name}/x"
    absent = {"x-goog-if-generation-match": "0"}
    made = http.put(link, data=b"1", headers=absent)
    assert http.put(link, data=b"2", headers=absent).status_code == 412
    assert http.delete(link, headers={"x-goog-if-generation-match": "5"}).status_code == 412
    same = {"x-goog-if-generation-not-match": made.headers["x-goog-generation"]}
    assert http.get(link, headers=same).status_code == 304
    assert http.get(link).content == b"1"


@pytest.mark.parametrize(
    "header", [{"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="}, {"x-goog-hash": "crc32c=AAAAAA=="}]
)
def test_wrong_checksum(
    bucket: storage.Bucket, url: str, http: requests.Session, header: dict[str, str]
) -> None:
    assert http.put(f"{url}/{bucket.name}/x", data=b"1", headers=header).status_code == 400
    assert not bucket.blob("x").exists()


def test_transfer_manager(bucket: storage.Bucket, tmp_path: Path) -> None:
    data = os.urandom(2 * PART + 99)
    (tmp_path / "file").write_bytes(data)
    transfer_manager.upload_chunks_concurrently(
        str(tmp_path / "file"),
        bucket.blob("parts"),
        content_type="video/mp4",
        chunk_size=PART,
        worker_type="thread",
        max_workers=2,
    )
    found = bucket.get_blob("parts")
    assert (found.size, found.content_type, found.md5_hash) == (len(data), "video/mp4", None)
    assert found.download_as_bytes(checksum="crc32c") == data


class TestMultipart:
    @pytest.fixture
    def link(self, bucket: storage.Bucket, url: str, http: requests.Session) -> str:
        begun = http.post(f"{url}/{bucket.name}/joined?uploads")
        upload_id = begun.text.partition("<UploadId>")[2].partition("<")[0]
        return f"{url}/{bucket.name}/joined?uploadId={upload_id}"

    def complete(
        self, http: requests.Session, link: str, *parts: tuple[int, str]
    ) -> requests.Response:
        inner = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
            for number, etag in parts
        )
        body = f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>"
        return http.post(link, data=body)

    def test_parts_out_of_order_and_again(
        self, bucket: storage.Bucket, http: requests.Session, link: str
    ) -> None:
        second = http.put(f"{link}&partNumber=2", data=b"end").headers["ETag"]
        http.put(f"{link}&partNumber=1", data=b"w" * PART)
        first = http.put(f"{link}&partNumber=1", data=b"x" * PART).headers["ETag"]
        assert self.complete(http, link, (2, second), (1, first)).status_code == 400
        assert self.complete(http, link, (1, first), (2, second)).status_code == 200
        assert bucket.blob("joined").download_as_bytes() == b"x" * PART + b"end"
        assert self.complete(http, link, (1, first)).status_code == 404

    def test_what_was_not_uploaded_is_refused(
        self, bucket: storage.Bucket, http: requests.Session, link: str
    ) -> None:
        small = http.put(f"{link}&partNumber=1", data=b"small").headers["ETag"]
        other = http.put(f"{link}&partNumber=2", data=b"other").headers["ETag"]
        assert self.complete(http, link, (1, other)).status_code == 400
        assert self.complete(http, link, (3, small)).status_code == 400
        assert self.complete(http, link, (1, small), (2, other)).status_code == 400
        assert http.post(link, data="not xml").status_code == 400
        assert list(bucket.list_blobs()) == []

    def test_abort(self, http: requests.Session, link: str) -> None:
        http.put(f"{link}&partNumber=1", data=b"small")
        assert http.delete(link).status_code == 204
        assert http.put(f"{link}&partNumber=1", data=b"small").status_code == 404
