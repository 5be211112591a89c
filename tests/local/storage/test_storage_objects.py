"""Describing, listing, versioning, composing, copying, deleting, batches."""

import pytest
import requests
from google.api_core import exceptions
from google.cloud import storage


def fill(bucket: storage.Bucket, *names: str) -> None:
    for name in names:
        bucket.blob(name).upload_from_string(name)


def listed(bucket: storage.Bucket, **options: object) -> list[str]:
    return [blob.name for blob in bucket.list_blobs(**options)]


class TestDescription:
    def test_patch_merges_metadata_and_null_removes(self, bucket: storage.Bucket) -> None:
        blob = bucket.blob("m")
        blob.metadata = {"kept": "1", "changed": "1", "removed": "1"}
        blob.upload_from_string("x")
        generation = blob.generation
        blob.metadata = {"changed": "2", "added": "ü", "removed": None}
        blob.patch()
        found = bucket.get_blob("m")
        assert found.metadata == {"kept": "1", "changed": "2", "added": "ü"}
        assert (found.generation, found.metageneration) == (generation, 2)

    def test_patch_of_one_field_keeps_the_others(self, bucket: storage.Bucket) -> None:
        blob = bucket.blob("m")
        blob.metadata, blob.cache_control = {"k": "v"}, "no-store"
        blob.upload_from_string("x")
        blob.content_type = "application/dicom"
        blob.patch()
        found = bucket.get_blob("m")
        assert found.content_type == "application/dicom"
        assert (found.metadata, found.cache_control) == ({"k": "v"}, "no-store")

    def test_update_replaces(self, bucket: storage.Bucket) -> None:
        blob = bucket.blob("m")
        blob.metadata = {"k": "v"}
        blob.upload_from_string("x")
        blob.metadata = {"other": "1"}
        blob.update()
        assert bucket.get_blob("m").metadata == {"other": "1"}


class TestListing:
    def test_prefix_and_order(self, bucket: storage.Bucket) -> None:
        fill(bucket, "in/ü", "in/b", "in/a", "other", "i")
        assert listed(bucket, prefix="in/") == ["in/a", "in/b", "in/ü"]

    def test_delimiter(self, bucket: storage.Bucket) -> None:
        fill(bucket, "a", "b/1", "b/2", "c/d/1", "e")
        found = bucket.list_blobs(delimiter="/")
        assert [blob.name for blob in found] == ["a", "e"]
        assert found.prefixes == {"b/", "c/"}
        below = bucket.list_blobs(prefix="c/", delimiter="/")
        assert [blob.name for blob in below] == []
        assert below.prefixes == {"c/d/"}

    def test_pages_hold_names_and_prefixes_once(self, bucket: storage.Bucket) -> None:
        fill(bucket, "a", "b/1", "b/2", "b/3", "c", "d/1", "e")
        found = bucket.list_blobs(delimiter="/", page_size=2)
        pages = [[blob.name for blob in page] for page in found.pages]
        assert pages == [["a"], ["c"], ["e"]]
        assert found.prefixes == {"b/", "d/"}

    def test_pages(self, bucket: storage.Bucket) -> None:
        fill(bucket, *(f"pg/{number}" for number in range(5)))
        pages = bucket.list_blobs(prefix="pg/", page_size=2).pages
        assert [[blob.name for blob in page] for page in pages] == [
            ["pg/0", "pg/1"],
            ["pg/2", "pg/3"],
            ["pg/4"],
        ]
        assert listed(bucket, max_results=3) == ["pg/0", "pg/1", "pg/2"]

    def test_offsets(self, bucket: storage.Bucket) -> None:
        fill(bucket, *(f"pg/{number}" for number in range(5)))
        assert listed(bucket, start_offset="pg/3") == ["pg/3", "pg/4"]
        assert listed(bucket, start_offset="pg/1", end_offset="pg/3") == ["pg/1", "pg/2"]

    @pytest.mark.parametrize(
        ("glob", "names"),
        [
            ("*", ["a.txt"]),
            ("**", ["a.txt", "d/b.txt", "d/c.bin", "d/e/f.txt"]),
            ("d/?.*", ["d/b.txt", "d/c.bin"]),
            ("**.txt", ["a.txt", "d/b.txt", "d/e/f.txt"]),
            ("d/[bx].txt", ["d/b.txt"]),
            ("d/[!b].*", ["d/c.bin"]),
            ("{a,d/b}.txt", ["a.txt", "d/b.txt"]),
        ],
    )
    def test_glob(self, bucket: storage.Bucket, glob: str, names: list[str]) -> None:
        fill(bucket, "a.txt", "d/b.txt", "d/c.bin", "d/e/f.txt")
        assert listed(bucket, match_glob=glob) == names


class TestVersions:
    def test_old_generations_stay_readable(self, bucket: storage.Bucket) -> None:
        bucket.versioning_enabled = True
        bucket.patch()
        fill(bucket, "v")
        first = bucket.get_blob("v").generation
        bucket.blob("v").upload_from_string("second")
        second = bucket.get_blob("v").generation
        assert bucket.blob("v", generation=first).download_as_bytes() == b"v"
        bucket.blob("v").delete()
        assert bucket.get_blob("v") is None
        assert listed(bucket) == []
        versions = list(bucket.list_blobs(versions=True))
        assert [blob.generation for blob in versions] == [first, second]
        assert all(blob.time_deleted for blob in versions)
        bucket.blob("v", generation=second).delete()
        with pytest.raises(exceptions.NotFound):
            bucket.blob("v", generation=second).download_as_bytes()
        assert bucket.blob("v", generation=first).download_as_bytes() == b"v"

    def test_generations_grow_even_in_a_hurry(self, bucket: storage.Bucket) -> None:
        generations = []
        for _ in range(5):
            blob = bucket.blob("g")
            blob.upload_from_string("x")
            generations.append(blob.generation)
            blob.delete()
        assert generations == sorted(set(generations))


class TestCompose:
    def test_joins_in_order(self, bucket: storage.Bucket) -> None:
        fill(bucket, "AA", "BB")
        joined = bucket.blob("joined")
        joined.content_type, joined.metadata = "x/y", {"k": "v"}
        joined.compose([bucket.blob("AA"), bucket.blob("BB"), bucket.blob("AA")])
        found = bucket.get_blob("joined")
        assert found.download_as_bytes(checksum="crc32c") == b"AABBAA"
        assert (found.component_count, found.md5_hash) == (3, None)
        assert (found.content_type, found.metadata) == ("x/y", {"k": "v"})

    def test_onto_itself_and_of_composites(self, bucket: storage.Bucket) -> None:
        fill(bucket, "log", "new")
        for _ in range(2):
            bucket.blob("log").compose([bucket.blob("log"), bucket.blob("new")])
        found = bucket.get_blob("log")
        assert (found.download_as_bytes(), found.component_count) == (b"lognewnew", 3)

    def test_at_most_32_existing_sources(self, bucket: storage.Bucket) -> None:
        fill(bucket, "a")
        bucket.blob("most").compose([bucket.blob("a")] * 32)
        assert bucket.get_blob("most").size == 32
        with pytest.raises(exceptions.BadRequest):
            bucket.blob("more").compose([bucket.blob("a")] * 33)
        with pytest.raises(exceptions.NotFound):
            bucket.blob("none").compose([bucket.blob("a"), bucket.blob("missing")])


class TestCopies:
    def test_copy_and_rewrite(self, client: storage.Client, bucket: storage.Bucket) -> None:
        source = bucket.blob("source")
        source.metadata = {"k": "v"}
        source.upload_from_string(b"content", content_type="video/mp4")
        other = client.create_bucket(f"{bucket.name}-other")
        bucket.copy_blob(source, other, "copied")
        token, written, total = bucket.blob("rewritten").rewrite(source)
        assert (token, written, total) == (None, 7, 7)
        source.delete()
        for found in (other.get_blob("copied"), bucket.get_blob("rewritten")):
            assert found.download_as_bytes() == b"content"
            assert (found.content_type, found.metadata) == ("video/mp4", {"k": "v"})

    def test_deleting_copies_frees_the_content_last(self, bucket: storage.Bucket) -> None:
        fill(bucket, "one")
        bucket.copy_blob(bucket.blob("one"), bucket, "two")
        bucket.blob("two").upload_from_string("overwritten")
        assert bucket.blob("one").download_as_bytes() == b"one"

    def test_a_missing_source_is_404(self, bucket: storage.Bucket) -> None:
        with pytest.raises(exceptions.NotFound):
            bucket.blob("to").rewrite(bucket.blob("missing"))


class TestBatch:
    def test_deletes_and_patches(self, client: storage.Client, bucket: storage.Bucket) -> None:
        fill(bucket, "a", "b/c d", "e")
        patched = bucket.blob("e")
        patched.metadata = {"k": "ü"}
        with client.batch():
            bucket.blob("a").delete()
            bucket.blob("b/c d").delete()
            patched.patch()
        assert listed(bucket) == ["e"]
        assert bucket.get_blob("e").metadata == {"k": "ü"}

    def test_every_call_has_its_own_status(
        self, client: storage.Client, bucket: storage.Bucket
    ) -> None:
        fill(bucket, "a")
        with pytest.raises(exceptions.NotFound), client.batch():
            bucket.blob("missing").delete()
            bucket.blob("a").delete()
        assert listed(bucket) == []


class TestBuckets:
    def test_settings_are_kept_and_merged(
        self, client: storage.Client, bucket: storage.Bucket
    ) -> None:
        found = client.get_bucket(bucket.name)
        found.labels = {"a": "b"}
        found.add_lifecycle_delete_rule(age=3)
        found.patch()
        found.cors = [{"origin": ["https://app.example"], "method": ["PUT"]}]
        found.patch()
        found = client.get_bucket(bucket.name)
        assert found.labels == {"a": "b"}
        assert next(iter(found.lifecycle_rules))["condition"] == {"age": 3}
        assert found.cors[0]["origin"] == ["https://app.example"]
        assert found.metageneration == 3
        assert bucket.name in [each.name for each in client.list_buckets()]

    def test_names_are_taken_once(self, client: storage.Client, bucket: storage.Bucket) -> None:
        with pytest.raises(exceptions.Conflict):
            client.create_bucket(bucket.name)
        with pytest.raises(exceptions.NotFound):
            client.get_bucket("nowhere")

    def test_only_an_empty_bucket_is_deleted(
        self, client: storage.Client, bucket: storage.Bucket
    ) -> None:
        fill(bucket, "a")
        with pytest.raises(exceptions.Conflict):
            bucket.delete()
        bucket.blob("a").delete()
        bucket.delete()
        assert client.lookup_bucket(bucket.name) is None


def test_errors_have_googles_shape(bucket: storage.Bucket, url: str) -> None:
    answer = requests.get(f"{url}/storage/v1/b/{bucket.name}/o/none", timeout=10)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (404, 404)
    assert error["errors"][0]["reason"] == "notFound"
