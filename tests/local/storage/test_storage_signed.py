"""V4 signed URLs and form policies: what is signed is held, what is not is refused."""

from datetime import timedelta

import pytest
import requests
from google.cloud import storage
from google.oauth2 import service_account

CHUNK = 256 * 1024


def signed(
    bucket: storage.Bucket,
    signer: service_account.Credentials,
    url: str,
    method: str,
    name: str = "up/ü 1.mp4",
    **options: object,
) -> str:
    link: str = bucket.blob(name).generate_signed_url(
        version="v4",
        **{"expiration": timedelta(minutes=5)} | options,
        method=method,
        credentials=signer,
        api_access_endpoint=url,
    )
    return link


def test_put_and_get(
    bucket: storage.Bucket, signer: service_account.Credentials, url: str, http: requests.Session
) -> None:
    link = signed(bucket, signer, url, "PUT", content_type="video/mp4")
    answer = http.put(link, data=b"MP4DATA", headers={"Content-Type": "video/mp4"})
    assert answer.status_code == 200, answer.text
    found = bucket.get_blob("up/ü 1.mp4")
    assert (found.content_type, found.download_as_bytes()) == ("video/mp4", b"MP4DATA")
    assert answer.headers["x-goog-generation"] == str(found.generation)
    link = signed(bucket, signer, url, "GET", response_type="video/x")
    answer = http.get(link)
    assert (answer.content, answer.headers["Content-Type"]) == (b"MP4DATA", "video/x")


def test_resumable(
    bucket: storage.Bucket, signer: service_account.Credentials, url: str, http: requests.Session
) -> None:
    link = signed(bucket, signer, url, "RESUMABLE", content_type="video/mp4")
    begun = http.post(link, headers={"x-goog-resumable": "start", "Content-Type": "video/mp4"})
    assert begun.status_code == 201, begun.text
    session, data = begun.headers["Location"], bytes(CHUNK + 3)
    first = http.put(
        session, data=data[:CHUNK], headers={"Content-Range": f"bytes 0-{CHUNK - 1}/{len(data)}"}
    )
    assert (first.status_code, first.headers["Range"]) == (308, f"bytes=0-{CHUNK - 1}")
    last = http.put(
        session,
        data=data[CHUNK:],
        headers={"Content-Range": f"bytes {CHUNK}-{len(data) - 1}/{len(data)}"},
    )
    assert last.status_code == 200
    found = bucket.get_blob("up/ü 1.mp4")
    assert (found.size, found.content_type) == (len(data), "video/mp4")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("up/", "down/"),
        ("X-Goog-Expires=300", "X-Goog-Expires=301"),
        ("X-Goog-Signature=", "extra=1&X-Goog-Signature="),
    ],
)
def test_a_changed_url_is_refused(
    bucket: storage.Bucket,
    signer: service_account.Credentials,
    url: str,
    http: requests.Session,
    old: str,
    new: str,
) -> None:
    link = signed(bucket, signer, url, "PUT")
    assert old in link
    assert http.put(link.replace(old, new), data=b"x").status_code == 403
    assert list(bucket.list_blobs()) == []


def test_a_changed_signature_is_refused(
    bucket: storage.Bucket, signer: service_account.Credentials, url: str, http: requests.Session
) -> None:
    link = signed(bucket, signer, url, "PUT")
    assert http.put(f"{link[:-6]}000000", data=b"x").status_code == 403
    assert http.put(f"{link[:-6]}nothex", data=b"x").status_code == 400
    assert http.put(link.partition("&X-Goog-Signature")[0], data=b"x").status_code == 400
    assert list(bucket.list_blobs()) == []


def test_another_method_or_header_is_refused(
    bucket: storage.Bucket, signer: service_account.Credentials, url: str, http: requests.Session
) -> None:
    assert http.put(signed(bucket, signer, url, "GET"), data=b"x").status_code == 403
    link = signed(bucket, signer, url, "PUT", content_type="video/mp4")
    wrong = http.put(link, data=b"x", headers={"Content-Type": "text/html"})
    assert wrong.status_code == 403
    assert http.put(link, data=b"x").status_code == 400


def test_an_expired_url_is_refused(
    bucket: storage.Bucket,
    signer: service_account.Credentials,
    url: str,
    http: requests.Session,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "google.cloud.storage._signing.get_v4_now_dtstamps",
        lambda: ("20200101T000000Z", "20200101"),
    )
    answer = http.put(signed(bucket, signer, url, "PUT"), data=b"x")
    assert answer.status_code == 400
    assert "expired" in answer.text


def test_a_signer_unknown_to_the_server_is_checked_for_form_and_time(
    bucket: storage.Bucket, signer: service_account.Credentials, url: str, http: requests.Session
) -> None:
    link = signed(bucket, signer, url, "PUT").replace("uploader%40", "stranger%40")
    assert http.put(link, data=b"x").status_code == 200
    assert http.put(link.replace("goog4_request", "other"), data=b"x").status_code == 400
    assert http.put(link.replace("Expires=300", "Expires=604801"), data=b"x").status_code == 400


@pytest.mark.parametrize("body", [{}, {"email": "a@b", "public_key": "no key"}])
def test_what_is_no_signer_is_refused(url: str, http: requests.Session, body: object) -> None:
    assert http.post(f"{url}/_signers", json=body).status_code == 400


class TestForms:
    @pytest.fixture
    def policy(
        self, client: storage.Client, bucket: storage.Bucket, signer: service_account.Credentials
    ) -> dict[str, str]:
        made = client.generate_signed_post_policy_v4(
            bucket.name,
            "up/form.mp4",
            expiration=timedelta(minutes=5),
            conditions=[["content-length-range", 1, 10]],
            fields={"content-type": "video/mp4", "x-goog-meta-k": "v"},
            credentials=signer,
        )
        fields: dict[str, str] = made["fields"]
        return fields

    def post(
        self, http: requests.Session, url: str, bucket: storage.Bucket, fields: dict[str, str],
        content: bytes = b"FORM",
    ) -> requests.Response:  # fmt: skip
        return http.post(f"{url}/{bucket.name}", data=fields, files={"file": content})

    def test_upload(
        self, url: str, http: requests.Session, bucket: storage.Bucket, policy: dict[str, str]
    ) -> None:
        answer = self.post(http, url, bucket, policy)
        assert answer.status_code == 204, answer.text
        found = bucket.get_blob("up/form.mp4")
        assert found.download_as_bytes() == b"FORM"
        assert (found.content_type, found.metadata) == ("video/mp4", {"k": "v"})

    def test_what_the_policy_does_not_allow_is_refused(
        self, url: str, http: requests.Session, bucket: storage.Bucket, policy: dict[str, str]
    ) -> None:
        refused = {
            "another key": self.post(http, url, bucket, policy | {"key": "up/other.mp4"}),
            "another type": self.post(http, url, bucket, policy | {"content-type": "text/html"}),
            "a field unnamed": self.post(http, url, bucket, policy | {"x-goog-meta-l": "w"}),
            "another policy": self.post(http, url, bucket, policy | {"policy": "e30="}),
        }
        assert {why: answer.status_code for why, answer in refused.items()} == dict.fromkeys(
            refused, 403
        )
        assert self.post(http, url, bucket, policy, content=b"x" * 11).status_code == 400
        assert list(bucket.list_blobs()) == []
