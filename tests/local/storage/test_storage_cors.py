"""Cross-origin calls: the JSON API for everybody, sessions for their origin, XML by the bucket."""

import pytest
import requests
from google.cloud import storage

APP = "https://app.example"
OTHER = "https://other.example"
DATA = bytes(256 * 1024 + 1)


@pytest.fixture
def configured(bucket: storage.Bucket) -> storage.Bucket:
    bucket.cors = [
        {
            "origin": [APP],
            "method": ["PUT", "GET"],
            "responseHeader": ["Content-Type", "x-goog-resumable", "x-goog-generation"],
            "maxAgeSeconds": 60,
        }
    ]
    bucket.patch()
    return bucket


def preflight(link: str, origin: str, method: str = "PUT") -> requests.Response:
    return requests.options(
        link,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type,content-range",
        },
        timeout=10,
    )


def exposed(answer: requests.Response) -> set[str]:
    listed = answer.headers.get("Access-Control-Expose-Headers", "")
    return {name.strip().lower() for name in listed.split(",")}


def test_json_api_allows_every_origin(bucket: storage.Bucket, url: str) -> None:
    answer = preflight(f"{url}/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable", APP)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == APP
    assert "PUT" in answer.headers["Access-Control-Allow-Methods"].split(",")
    assert answer.headers["Access-Control-Allow-Headers"] == "content-type,content-range"
    listed = requests.get(
        f"{url}/storage/v1/b/{bucket.name}/o", headers={"Origin": OTHER}, timeout=10
    )
    assert listed.headers["Access-Control-Allow-Origin"] == OTHER
    assert "Origin" in listed.headers["Vary"]


def test_errors_are_readable_too(url: str) -> None:
    answer = requests.get(f"{url}/storage/v1/b/nowhere", headers={"Origin": APP}, timeout=10)
    assert answer.status_code == 404
    assert answer.headers["Access-Control-Allow-Origin"] == APP


def test_a_browser_reads_location_and_range(bucket: storage.Bucket, url: str) -> None:
    begun = requests.post(
        f"{url}/upload/storage/v1/b/{bucket.name}/o?uploadType=resumable&name=x",
        json={},
        headers={"Origin": APP},
        timeout=10,
    )
    assert "location" in exposed(begun)
    chunk = requests.put(
        begun.headers["Location"],
        data=DATA[:-1],
        headers={"Origin": APP, "Content-Range": f"bytes 0-{len(DATA) - 2}/{len(DATA)}"},
        timeout=10,
    )
    assert chunk.status_code == 308
    assert "range" in exposed(chunk)
    assert {"x-goog-stored-content-length", "x-goog-hash"} <= exposed(chunk)


def test_a_session_belongs_to_the_origin_that_began_it(bucket: storage.Bucket) -> None:
    session = bucket.blob("x").create_resumable_upload_session(origin=APP)
    assert preflight(session, APP).headers["Access-Control-Allow-Origin"] == APP
    assert "Access-Control-Allow-Origin" not in preflight(session, OTHER).headers
    answer = requests.put(session, data=b"x", headers={"Origin": OTHER}, timeout=10)
    assert "Access-Control-Allow-Origin" not in answer.headers
    unbound = bucket.blob("y").create_resumable_upload_session()
    assert "Access-Control-Allow-Origin" not in preflight(unbound, APP).headers


def test_xml_api_obeys_the_buckets_configuration(configured: storage.Bucket, url: str) -> None:
    link = f"{url}/{configured.name}/up/x.mp4"
    allowed = preflight(link, APP)
    assert allowed.headers["Access-Control-Allow-Origin"] == APP
    assert allowed.headers["Access-Control-Allow-Headers"].startswith("Content-Type, x-goog")
    assert allowed.headers["Access-Control-Max-Age"] == "60"
    for refused in (preflight(link, OTHER), preflight(link, APP, "DELETE")):
        assert "Access-Control-Allow-Origin" not in refused.headers
    made = requests.put(link, data=b"x", headers={"Origin": APP}, timeout=10)
    assert made.headers["Access-Control-Allow-Origin"] == APP
    assert exposed(made) == {"content-type", "x-goog-resumable", "x-goog-generation"}
    other = requests.get(link, headers={"Origin": OTHER}, timeout=10)
    assert (other.status_code, other.content) == (200, b"x")
    assert "Access-Control-Allow-Origin" not in other.headers


def test_any_origin(bucket: storage.Bucket, url: str) -> None:
    assert "Access-Control-Allow-Origin" not in preflight(f"{url}/{bucket.name}/x", APP).headers
    bucket.cors = [{"origin": ["*"], "method": ["*"]}]
    bucket.patch()
    answer = preflight(f"{url}/{bucket.name}/x", OTHER)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
