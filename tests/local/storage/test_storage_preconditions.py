"""Generation and metageneration preconditions on every kind of call."""

import threading

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage

from support.storage import storage_client

WRONG = 12345


@pytest.fixture
def blob(bucket: storage.Bucket) -> storage.Blob:
    bucket.blob("object").upload_from_string(b"content")
    return bucket.get_blob("object")


def write(kind: str, bucket: storage.Bucket, url: str, **checks: int) -> int:
    """Make or replace ``object`` in one of four ways; the status of the answer."""
    bucket.blob("source").upload_from_string(b"source")
    here = f"{url}/storage/v1/b/{bucket.name}/o"
    link, body = {
        "media": (f"{url}/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=object", {}),
        "compose": (f"{here}/object/compose", {"sourceObjects": [{"name": "source"}]}),
        "copy": (f"{here}/source/copyTo/b/{bucket.name}/o/object", {}),
        "rewrite": (f"{here}/source/rewriteTo/b/{bucket.name}/o/object", {}),
    }[kind]
    return requests.post(link, params=checks, json=body, timeout=10).status_code


KINDS = ["media", "compose", "copy", "rewrite"]


@pytest.mark.parametrize("kind", KINDS)
def test_writes_over_an_existing_object(
    bucket: storage.Bucket, url: str, blob: storage.Blob, kind: str
) -> None:
    for refused in (
        {"ifGenerationMatch": 0},
        {"ifGenerationMatch": WRONG},
        {"ifGenerationNotMatch": blob.generation},
        {"ifMetagenerationMatch": 7},
        {"ifMetagenerationNotMatch": 1},
        {"ifGenerationMatch": blob.generation, "ifMetagenerationMatch": 7},
    ):
        assert write(kind, bucket, url, **refused) == 412, refused
    assert bucket.get_blob("object").generation == blob.generation
    right = {"ifGenerationMatch": blob.generation, "ifMetagenerationMatch": 1}
    assert write(kind, bucket, url, **right) == 200
    assert bucket.get_blob("object").generation > blob.generation


@pytest.mark.parametrize("kind", KINDS)
def test_writes_of_a_new_object(bucket: storage.Bucket, url: str, kind: str) -> None:
    for refused in (
        {"ifGenerationMatch": WRONG},
        {"ifGenerationNotMatch": 0},
        {"ifMetagenerationMatch": 1},
    ):
        assert write(kind, bucket, url, **refused) == 412, refused
    assert not bucket.blob("object").exists()
    assert write(kind, bucket, url, ifGenerationMatch=0) == 200
    assert bucket.blob("object").exists()


def test_writes_of_the_client(bucket: storage.Bucket, blob: storage.Blob) -> None:
    for refused in (0, WRONG):
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.blob("object").upload_from_string(b"new", if_generation_match=refused)
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.blob("object").compose([blob], if_generation_match=refused)
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.blob("object").rewrite(blob, if_generation_match=refused)
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.copy_blob(blob, bucket, "object", if_generation_match=refused)
    bucket.blob("object").upload_from_string(b"new", if_generation_match=blob.generation)
    assert bucket.blob("object").download_as_bytes() == b"new"


def test_sources_of_copies(bucket: storage.Bucket, blob: storage.Blob) -> None:
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("to").rewrite(blob, if_source_generation_match=WRONG)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.copy_blob(blob, bucket, "to", if_source_generation_match=WRONG)
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("to").compose([blob], if_source_generation_match=[WRONG])
    assert not bucket.blob("to").exists()


def test_reads(blob: storage.Blob) -> None:
    with pytest.raises(exceptions.PreconditionFailed):
        blob.download_as_bytes(if_generation_match=WRONG)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.reload(if_metageneration_match=WRONG)
    blob.reload(if_generation_match=blob.generation, if_metageneration_match=1)
    for parameter in (f"ifGenerationNotMatch={blob.generation}", "ifMetagenerationNotMatch=1"):
        for link in (f"{blob.self_link}?{parameter}", f"{blob.media_link}&{parameter}"):
            answer = requests.get(link, timeout=10)
            assert (answer.status_code, answer.content) == (304, b"")


def test_patch(bucket: storage.Bucket, blob: storage.Blob) -> None:
    blob.metadata = {"q": "1"}
    with pytest.raises(exceptions.PreconditionFailed):
        blob.patch(if_metageneration_match=WRONG)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.patch(if_generation_match=WRONG)
    assert bucket.get_blob("object").metadata is None
    blob.metadata = {"q": "1"}
    blob.patch(if_metageneration_match=1)
    assert bucket.get_blob("object").metadata == {"q": "1"}


def test_delete(bucket: storage.Bucket, blob: storage.Blob) -> None:
    for refused in ({"if_generation_match": WRONG}, {"if_metageneration_match": 7}):
        with pytest.raises(exceptions.PreconditionFailed):
            bucket.blob("object").delete(**refused)
    bucket.blob("object").delete(if_generation_match=blob.generation)
    assert not bucket.blob("object").exists()
    with pytest.raises(exceptions.NotFound):
        bucket.blob("object").delete()


def test_one_of_eight_racing_writers_wins(bucket: storage.Bucket, url: str) -> None:
    won: list[int] = []
    lost: list[int] = []
    start = threading.Barrier(8)

    def write(number: int) -> None:
        client = storage_client(url)
        start.wait()
        try:
            blob = client.bucket(bucket.name).blob("race")
            blob.upload_from_string(str(number), if_generation_match=0)
            won.append(number)
        except exceptions.PreconditionFailed:
            lost.append(number)
        finally:
            client.close()

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 7)
    assert bucket.blob("race").download_as_bytes() == str(won[0]).encode()


def test_what_is_no_number_is_400(blob: storage.Blob) -> None:
    answer = requests.get(f"{blob.self_link}?ifGenerationMatch=latest", timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == 400
