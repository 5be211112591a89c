"""Resumable uploads: chunks, status queries, lost replies, cancellation, unknown length."""

import io
import os
import threading
import time

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage

CHUNK = 256 * 1024
DATA = os.urandom(4 * CHUNK + 77)
TOTAL = len(DATA)


def begin(bucket: storage.Bucket, name: str, **options: object) -> str:
    session: str = bucket.blob(name).create_resumable_upload_session(
        content_type="video/mp4", **options
    )
    return session


def put(session: str, start: int, end: int, total: int | str = TOTAL) -> requests.Response:
    headers = {"Content-Range": f"bytes {start}-{end - 1}/{total}"}
    return requests.put(session, data=DATA[start:end], headers=headers, timeout=20)


def query(session: str, total: int | str = "*") -> requests.Response:
    return requests.put(session, headers={"Content-Range": f"bytes */{total}"}, timeout=20)


def test_chunks_of_the_client(bucket: storage.Bucket) -> None:
    blob = bucket.blob("chunks", chunk_size=CHUNK)
    blob.upload_from_file(io.BytesIO(DATA), content_type="video/mp4")
    found = bucket.get_blob("chunks")
    assert (found.content_type, found.download_as_bytes()) == ("video/mp4", DATA)


@pytest.mark.parametrize("length", [0, 1000, 2 * CHUNK, TOTAL])
def test_unknown_length(bucket: storage.Bucket, length: int) -> None:
    blob = bucket.blob("stream", chunk_size=CHUNK)
    blob.metadata = {"k": "v"}
    with blob.open("wb", content_type="video/webm", if_generation_match=0) as stream:
        for start in range(0, length, 100_000):
            stream.write(DATA[start : min(start + 100_000, length)])
    found = bucket.get_blob("stream")
    assert found.download_as_bytes() == DATA[:length]
    assert (found.content_type, found.metadata) == ("video/webm", {"k": "v"})


def test_the_object_appears_with_the_last_byte(bucket: storage.Bucket) -> None:
    session = begin(bucket, "late")
    assert put(session, 0, CHUNK).status_code == 308
    assert bucket.get_blob("late") is None
    answer = put(session, CHUNK, TOTAL)
    assert answer.status_code == 200
    assert answer.json()["size"] == str(TOTAL)
    assert bucket.blob("late").download_as_bytes() == DATA


@pytest.mark.parametrize("total", ["*", TOTAL])
def test_status_query_tells_what_is_persisted_and_commits_nothing(
    bucket: storage.Bucket, total: int | str
) -> None:
    session = begin(bucket, "asked")
    fresh = query(session, total)
    assert (fresh.status_code, fresh.headers.get("Range")) == (308, None)
    put(session, 0, CHUNK)
    asked = query(session, total)
    assert (asked.status_code, asked.headers["Range"]) == (308, f"bytes=0-{CHUNK - 1}")
    assert bucket.get_blob("asked") is None
    assert put(session, CHUNK, TOTAL).status_code == 200


def test_status_query_after_completion_shows_the_object(bucket: storage.Bucket) -> None:
    session = begin(bucket, "done")
    made = put(session, 0, TOTAL).json()
    assert query(session).json()["generation"] == made["generation"]
    assert put(session, 0, TOTAL).json()["generation"] == made["generation"]
    assert bucket.get_blob("done").generation == int(made["generation"])


def test_status_query_with_the_total_completes_what_is_all_there(bucket: storage.Bucket) -> None:
    session = begin(bucket, "total-last")
    assert put(session, 0, 2 * CHUNK, "*").status_code == 308
    assert query(session, 2 * CHUNK).status_code == 200
    assert bucket.get_blob("total-last").size == 2 * CHUNK


def test_a_chunk_sent_again_is_not_doubled(bucket: storage.Bucket) -> None:
    session = begin(bucket, "again")
    for _ in range(2):
        assert put(session, 0, CHUNK).headers["Range"] == f"bytes=0-{CHUNK - 1}"
    assert put(session, 0, 2 * CHUNK).headers["Range"] == f"bytes=0-{2 * CHUNK - 1}"
    assert put(session, CHUNK, TOTAL).status_code == 200
    assert bucket.blob("again").download_as_bytes() == DATA


def test_a_gap_is_refused(bucket: storage.Bucket) -> None:
    session = begin(bucket, "gap")
    answer = put(session, CHUNK, 2 * CHUNK)
    assert answer.status_code == 503
    assert "exceeds already uploaded size" in answer.json()["error"]["message"]
    assert bucket.get_blob("gap") is None
    assert put(session, 0, TOTAL).status_code == 200


def test_chunks_count_in_multiples_of_256_kib(bucket: storage.Bucket) -> None:
    session = begin(bucket, "odd")
    assert put(session, 0, 1000).status_code == 400
    assert put(session, 0, CHUNK + 1000).headers["Range"] == f"bytes=0-{CHUNK - 1}"
    assert put(session, CHUNK, TOTAL).status_code == 200
    assert bucket.blob("odd").download_as_bytes() == DATA


def test_whole_object_without_content_range(bucket: storage.Bucket) -> None:
    session = begin(bucket, "whole", size=TOTAL)
    assert requests.put(session, data=DATA, timeout=20).status_code == 200
    assert bucket.blob("whole").download_as_bytes() == DATA


def test_whole_object_of_unknown_length_in_one_request(bucket: storage.Bucket) -> None:
    session = begin(bucket, "chunked")
    pieces = (DATA[start : start + 50_000] for start in range(0, TOTAL, 50_000))
    assert requests.put(session, data=pieces, timeout=20).status_code == 200
    assert bucket.blob("chunked").download_as_bytes() == DATA


def test_another_length_than_declared_is_refused(bucket: storage.Bucket) -> None:
    session = begin(bucket, "declared", size=TOTAL + 1)
    assert put(session, 0, TOTAL).status_code == 400
    assert bucket.get_blob("declared") is None


def test_wrong_checksum_is_refused(bucket: storage.Bucket) -> None:
    session = begin(bucket, "sum")
    answer = requests.put(
        session, data=DATA, headers={"X-Goog-Hash": "crc32c=AAAAAA=="}, timeout=20
    )
    assert answer.status_code == 400
    assert bucket.get_blob("sum") is None


def test_cancel(bucket: storage.Bucket) -> None:
    session = begin(bucket, "cancelled")
    put(session, 0, CHUNK)
    assert requests.delete(session, timeout=20).status_code == 499
    assert put(session, CHUNK, TOTAL).status_code == 499
    assert bucket.get_blob("cancelled") is None


def test_unknown_session_is_404(bucket: storage.Bucket, url: str) -> None:
    session = f"{url}/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable&upload_id=none"
    assert query(session).status_code == 404


def test_content_type_comes_from_x_upload_content_type(
    bucket: storage.Bucket, url: str, http: requests.Session
) -> None:
    answer = http.post(
        f"{url}/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable&name=up%2Ftyped",
        json={"metadata": {"origin": "browser"}},
        headers={"X-Upload-Content-Type": "video/mp4"},
    )
    assert put(answer.headers["Location"], 0, TOTAL).status_code == 200
    found = bucket.get_blob("up/typed")
    assert (found.content_type, found.metadata) == ("video/mp4", {"origin": "browser"})


def test_generation_precondition_at_the_start(bucket: storage.Bucket) -> None:
    bucket.blob("taken").upload_from_string(b"old")
    blob = bucket.blob("taken", chunk_size=CHUNK)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.upload_from_file(io.BytesIO(DATA), if_generation_match=0)
    assert bucket.blob("taken").download_as_bytes() == b"old"


def test_generation_precondition_at_the_commit(bucket: storage.Bucket) -> None:
    first = begin(bucket, "raced", if_generation_match=0)
    second = begin(bucket, "raced", if_generation_match=0)
    assert put(second, 0, TOTAL).status_code == 200
    assert put(first, 0, TOTAL).status_code == 412
    assert len(list(bucket.list_blobs(versions=True))) == 1


def test_open_for_writing_over_an_existing_object_is_412(bucket: storage.Bucket) -> None:
    bucket.blob("taken").upload_from_string("old")
    # The client's file interface shows its own exception, with the server's answer in it.
    with (
        pytest.raises(Exception, match="412"),
        bucket.blob("taken").open("wb", if_generation_match=0) as stream,
    ):
        stream.write(b"new")
    assert bucket.blob("taken").download_as_bytes() == b"old"


def test_a_later_call_takes_over_from_a_hanging_one(bucket: storage.Bucket) -> None:
    session = begin(bucket, "hanging")
    released = threading.Event()

    def hanging_body() -> object:
        yield DATA[: CHUNK + 5]
        released.wait(20)
        yield DATA[CHUNK + 5 : TOTAL]

    answers: list[int] = []

    def hang() -> None:
        answers.append(requests.put(session, data=hanging_body(), timeout=20).status_code)

    thread = threading.Thread(target=hang)
    thread.start()
    deadline = time.monotonic() + 10
    while "Range" not in query(session).headers and time.monotonic() < deadline:
        time.sleep(0.01)
    assert query(session).headers["Range"] == f"bytes=0-{CHUNK - 1}"
    assert put(session, CHUNK, TOTAL).status_code == 200
    released.set()
    thread.join()
    assert answers == [503]
    assert bucket.blob("hanging").download_as_bytes() == DATA
