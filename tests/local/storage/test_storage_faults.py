"""Fault injection, and that the genuine client and the server come through it."""

import io
import os
import time
from collections.abc import Iterator

import pytest
import requests
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

CHUNK = 256 * 1024
DATA = os.urandom(6 * CHUNK + 5)
PATIENT = DEFAULT_RETRY.with_delay(initial=0.05).with_timeout(20)


@pytest.fixture(autouse=True)
def _no_faults_left(url: str) -> Iterator[None]:
    yield
    requests.delete(f"{url}/_faults", timeout=10)


def inject(url: str, match: str, fault: str, **more: object) -> None:
    body = {"match": match, "fault": fault, **more}
    assert requests.post(f"{url}/_faults", json=body, timeout=10).status_code == 200


def left(url: str) -> list[dict[str, object]]:
    faults: list[dict[str, object]] = requests.get(f"{url}/_faults", timeout=10).json()["faults"]
    return faults


def test_the_next_calls_answer_503(bucket: storage.Bucket, url: str) -> None:
    inject(url, "GET /storage/v1/b/", "503", count=2)
    link = f"{url}/storage/v1/b/{bucket.name}"
    statuses = [requests.get(link, timeout=10).status_code for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert left(url) == []


def test_only_matching_calls_fail(bucket: storage.Bucket, url: str) -> None:
    inject(url, "DELETE", "503")
    assert requests.get(f"{url}/storage/v1/b/{bucket.name}", timeout=10).status_code == 200
    assert left(url) == [{"match": "DELETE", "fault": "503", "count": 1, "seconds": 30.0}]
    requests.delete(f"{url}/_faults", timeout=10)
    assert left(url) == []


def test_a_stall_holds_the_call_back(bucket: storage.Bucket, url: str) -> None:
    inject(url, "GET /storage", "stall", seconds=0.5)
    begun = time.monotonic()
    assert requests.get(f"{url}/storage/v1/b/{bucket.name}", timeout=10).status_code == 200
    assert time.monotonic() - begun >= 0.5


def test_a_cut_breaks_a_download_in_the_middle(bucket: storage.Bucket, url: str) -> None:
    bucket.blob("x").upload_from_string(DATA)
    inject(url, "GET /download", "cut")
    received = 0
    with (
        pytest.raises(requests.exceptions.ChunkedEncodingError),
        requests.get(bucket.get_blob("x").media_link, stream=True, timeout=10) as answer,
    ):
        for piece in answer.iter_content(1000):
            received += len(piece)
    assert 0 < received < len(DATA)
    assert bucket.blob("x").download_as_bytes() == DATA


def test_a_cut_upload_keeps_whole_multiples(bucket: storage.Bucket, url: str) -> None:
    session = bucket.blob("x").create_resumable_upload_session()
    inject(url, "PUT /upload", "cut")
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.put(session, data=DATA, timeout=10)
    asked = requests.put(session, headers={"Content-Range": "bytes */*"}, timeout=10)
    assert (asked.status_code, asked.headers["Range"]) == (308, f"bytes=0-{3 * CHUNK - 1}")
    rest = {"Content-Range": f"bytes {3 * CHUNK}-{len(DATA) - 1}/{len(DATA)}"}
    assert requests.put(session, data=DATA[3 * CHUNK :], headers=rest, timeout=10).ok
    assert bucket.blob("x").download_as_bytes() == DATA


def test_a_cut_single_upload_leaves_nothing(bucket: storage.Bucket, url: str) -> None:
    inject(url, "PUT", "cut")
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.put(f"{url}/{bucket.name}/x", data=DATA, timeout=10)
    assert not bucket.blob("x").exists()


def test_a_lost_reply_hides_a_success(bucket: storage.Bucket, url: str) -> None:
    inject(url, "PUT", "lost-reply")
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.put(f"{url}/{bucket.name}/x", data=DATA, timeout=10)
    assert bucket.blob("x").download_as_bytes() == DATA


@pytest.mark.parametrize("fault", ["503", "cut", "lost-reply"])
def test_the_client_completes_an_upload_through_faults(
    bucket: storage.Bucket, url: str, fault: str
) -> None:
    inject(url, r"PUT .*upload_id", fault, count=2)
    blob = bucket.blob("x", chunk_size=2 * CHUNK)
    blob.upload_from_file(io.BytesIO(DATA), if_generation_match=0, retry=PATIENT)
    assert bucket.blob("x").download_as_bytes() == DATA
    assert left(url) == []


@pytest.mark.parametrize("body", [{}, {"match": "(", "fault": "503"}, {"match": "", "fault": "no"}])
def test_what_is_no_fault_is_refused(url: str, body: object) -> None:
    assert requests.post(f"{url}/_faults", json=body, timeout=10).status_code == 400
