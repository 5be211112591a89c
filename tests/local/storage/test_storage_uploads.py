"""Media and multipart uploads, checksums, names, descriptions."""

import base64
import gzip
import hashlib

import google_crc32c
import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage

HELLO_MD5 = base64.b64encode(hashlib.md5(b"hello").digest()).decode()
HELLO_CRC32C = base64.b64encode(google_crc32c.Checksum(b"hello").digest()).decode()


def test_multipart_upload_states_the_object(bucket: storage.Bucket) -> None:
    bucket.blob("in/a b/ü.txt").upload_from_string(b"hello", content_type="text/plain")
    found = bucket.get_blob("in/a b/ü.txt")
    assert (found.size, found.content_type, found.metageneration) == (5, "text/plain", 1)
    assert (found.md5_hash, found.crc32c) == (HELLO_MD5, HELLO_CRC32C)
    assert found.generation > 1_600_000_000_000_000
    assert found.download_as_bytes(checksum="md5") == b"hello"
    assert found.download_as_bytes(checksum="crc32c") == b"hello"


def test_media_upload_takes_the_type_from_the_call(
    bucket: storage.Bucket, url: str, http: requests.Session
) -> None:
    answer = http.post(
        f"{url}/upload/storage/v1/b/{bucket.name}/o",
        params={"uploadType": "media", "name": "plain"},
        data=b"hello",
        headers={"Content-Type": "video/webm"},
    )
    assert answer.status_code == 200
    assert answer.json()["contentType"] == "video/webm"
    assert answer.json()["size"] == "5"


def test_description_survives(bucket: storage.Bucket) -> None:
    blob = bucket.blob("described")
    blob.metadata = {"study": "1.2.3", "Ünicode": "é"}
    blob.cache_control, blob.content_disposition = "no-store", "attachment"
    blob.content_language = "de"
    blob.upload_from_string("x")
    found = bucket.get_blob("described")
    assert found.metadata == {"study": "1.2.3", "Ünicode": "é"}
    assert (found.cache_control, found.content_disposition) == ("no-store", "attachment")
    assert found.content_language == "de"


def test_a_name_may_be_the_folder_of_another(bucket: storage.Bucket) -> None:
    bucket.blob("dup").upload_from_string("1")
    bucket.blob("dup/y").upload_from_string("2")
    assert bucket.blob("dup").download_as_bytes() == b"1"
    assert bucket.blob("dup/y").download_as_bytes() == b"2"


@pytest.mark.parametrize(
    "name", ["l/" + "é" * 511, "compose", "a/copyTo/b/c/o/d", "%2F", "...", "?#&"]
)
def test_any_name_up_to_1024_bytes(bucket: storage.Bucket, name: str) -> None:
    bucket.blob(name).upload_from_string(b"content")
    assert [blob.name for blob in bucket.list_blobs()] == [name]
    assert bucket.get_blob(name).download_as_bytes() == b"content"


@pytest.mark.parametrize("name", ["é" * 513, "a\nb", ".", ".."])
def test_what_is_no_name_is_refused(bucket: storage.Bucket, name: str) -> None:
    with pytest.raises(exceptions.BadRequest):
        bucket.blob(name).upload_from_string("x")


@pytest.mark.parametrize("field", ["md5_hash", "crc32c"])
def test_wrong_checksum_is_refused(bucket: storage.Bucket, field: str) -> None:
    blob = bucket.blob("wrong")
    setattr(blob, field, "AAAAAA==" if field == "crc32c" else "AAAAAAAAAAAAAAAAAAAAAA==")
    with pytest.raises(exceptions.BadRequest):
        blob.upload_from_string("x", checksum=None)
    assert not bucket.blob("wrong").exists()


def test_right_checksum_is_taken(bucket: storage.Bucket) -> None:
    blob = bucket.blob("right")
    blob.md5_hash, blob.crc32c = HELLO_MD5, HELLO_CRC32C
    blob.upload_from_string(b"hello", checksum=None)
    assert bucket.blob("right").exists()


def test_a_torn_multipart_body_leaves_nothing(
    bucket: storage.Bucket, url: str, http: requests.Session
) -> None:
    body = b'--b\r\n\r\n{"name": "torn"}\r\n--b\r\nContent-Type: text/plain\r\n\r\nhalf of'
    answer = http.post(
        f"{url}/upload/storage/v1/b/{bucket.name}/o?uploadType=multipart",
        data=body,
        headers={"Content-Type": "multipart/related; boundary=b"},
    )
    assert answer.status_code == 400
    assert not bucket.blob("torn").exists()


def test_gzip_is_decompressed_unless_the_caller_takes_it(
    bucket: storage.Bucket, url: str, http: requests.Session
) -> None:
    plain = b"hello " * 100_000
    blob = bucket.blob("z")
    blob.content_encoding = "gzip"
    blob.upload_from_string(gzip.compress(plain), content_type="text/plain")
    assert bucket.blob("z").download_as_bytes() == plain
    assert bucket.blob("z").download_as_bytes(raw_download=True) == gzip.compress(plain)
    media = f"{url}/download/storage/v1/b/{bucket.name}/o/z?alt=media"
    unpacked = http.get(media, headers={"Accept-Encoding": "identity", "Range": "bytes=0-9"})
    assert (unpacked.status_code, unpacked.content) == (200, plain)
    assert "Content-Encoding" not in unpacked.headers
    assert unpacked.headers["x-goog-stored-content-encoding"] == "gzip"
    packed = http.get(media, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"


def test_unknown_bucket_is_404(client: storage.Client) -> None:
    with pytest.raises(exceptions.NotFound):
        client.bucket("nowhere").blob("x").upload_from_string("x")
