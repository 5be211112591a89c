import hashlib
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom import dcmread

from cinestow.dicomweb.client import DicomWeb
from cinestow.dicomweb.wado import retrieve
from cinestow.errors import AlarmRaised
from cinestow.render.problem import http_error
from support.instances import sample
from support.misbehaving import answer, read_head, scripted_server
from support.orthanc import Orthanc
from support.renderer import Renderer, make_renderer, running_renderer
from support.stored import Stored

JSON = {"Accept": "application/dicom+json"}


@pytest.fixture(scope="module")
def running(store: Orthanc, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A renderer under functions-framework, as it is deployed."""
    with running_renderer(store.root_url, tmp_path_factory.mktemp("process")) as url:
        yield url


def value(attributes: dict[str, Any], tag: str) -> Any:
    return attributes[tag]["Value"][0]


def test_search(shared: Renderer, video: Stored) -> None:
    query = {"SOPInstanceUID": video.instance, "includefield": "00280008"}
    response = shared.client.get("/dicomweb/instances", query_string=query, headers=JSON)
    assert response.status_code == 200
    assert response.content_type == "application/dicom+json"
    (found,) = json.loads(response.data)
    assert value(found, "00080018") == video.instance
    assert value(found, "0020000D") == video.study


def test_metadata(shared: Renderer, video: Stored) -> None:
    response = shared.client.get(f"/dicomweb/{video.path}/metadata", headers=JSON)
    (found,) = json.loads(response.data)
    assert value(found, "00080018") == video.instance


def test_the_store_s_own_refusal_comes_through(shared: Renderer) -> None:
    response = shared.client.get("/dicomweb/studies/1.2.3/metadata", headers=JSON)
    assert response.status_code == 404
    assert json.loads(response.data)["HttpStatus"] == 404
    assert "Content-Type" not in response.headers  # Orthanc states none.


def test_an_instance_comes_through_the_running_function(running: str, video: Stored) -> None:
    with (
        DicomWeb(f"{running}/dicomweb") as client,
        retrieve(client, video.study, video.series, video.instance) as instance,
    ):
        assert b"".join(instance.bit_stream()) == video.bit_stream


def test_storing_goes_through_and_is_streamed(running: str, store: Orthanc) -> None:
    what = sample()
    stream = b"\0" * 12_000_000
    part = what.part10([stream])
    body = b"--edge\r\nContent-Type: application/dicom\r\n\r\n" + part + b"\r\n--edge--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=edge'
    answered = httpx.post(
        f"{running}/dicomweb/studies",
        content=body,
        headers={"Content-Type": kind, **JSON},
        timeout=60,
    )
    assert answered.status_code == 200, answered.text
    with (
        DicomWeb(store.root_url) as client,
        retrieve(client, what.study, what.series, what.instance) as instance,
    ):
        digest = hashlib.sha256(b"".join(instance.bit_stream())).digest()
    assert digest == hashlib.sha256(stream).digest()


def test_the_running_function_serves_ranges(running: str, video: Stored) -> None:
    headers = {"Accept": "video/mp4", "Range": "bytes=100-199"}
    response = httpx.get(f"{running}{video.rendered}", headers=headers, timeout=60)
    assert response.status_code == 206
    assert response.content == video.bit_stream[100:200]
    head = httpx.head(f"{running}{video.rendered}", headers={"Accept": "video/mp4"}, timeout=60)
    assert int(head.headers["Content-Length"]) == len(video.bit_stream)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "studies/1.2.3", "GET, HEAD, OPTIONS, POST"),
        ("PUT", "studies/1.2.3", "GET, HEAD, OPTIONS, POST"),
        ("POST", "studies/1.2.3/series/4", "GET, HEAD, OPTIONS"),
        ("POST", "instances", "GET, HEAD, OPTIONS"),
        ("DELETE", "studies/1/series/2/instances/3", "GET, HEAD, OPTIONS"),
    ],
)
def test_nothing_else_is_done_to_the_store(
    method: str, path: str, allowed: str, renderer: Renderer
) -> None:
    response = renderer.client.open(f"/dicomweb/{path}", method=method)
    assert response.status_code == 405
    assert response.headers["Allow"] == allowed
    assert json.loads(response.data)["status"] == 405
    assert renderer.asked == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/dicomweb/servers", 404),
        ("/dicomweb/../instances", 400),
        ("/dicomweb/studies/../../instances", 400),
        ("/dicomweb/studies/%2e%2e/%2e%2e/instances", 400),
        ("/dicomweb/studies/..%2f..%2fsystem", 400),
        ("/dicomweb/studies/..\\..\\system", 400),
        ("/dicom-web/studies", 404),
        ("/dicomwebstudies", 404),
        ("/system", 404),
    ],
)
def test_nobody_gets_out_of_the_root(path: str, status: int, renderer: Renderer) -> None:
    response = renderer.client.get(path)
    assert (response.status_code, renderer.asked) == (status, [])
    assert response.content_type == "application/problem+json"


def test_what_passes_to_the_store_and_back(tmp_path: Path) -> None:
    heads: list[bytes] = []

    def script(connection: Any) -> None:
        heads.append(read_head(connection))
        fields = ("Content-Type: text/plain", "Set-Cookie: a=b", "X-Internal: 1",
                  "Connection: close, X-Internal", "Access-Control-Allow-Origin: evil",
                  "ETag: \"e\"")  # fmt: skip
        connection.sendall(answer("206 Partial Content", b"hello", *fields))

    asked = {
        "Accept": "application/dicom+json", "Authorization": "Bearer token", "Cookie": "c=d",
        "Range": "bytes=0-4", "X-Forwarded-For": "10.0.0.1", "Connection": "Range",
    }  # fmt: skip
    with scripted_server(script) as url, make_renderer(f"{url}/root", tmp_path) as renderer:
        response = renderer.client.get("/dicomweb/studies/1.2/a b?x=1&y=%26&z=ä", headers=asked)
        body = response.data
    assert (response.status_code, body) == (206, b"hello")
    assert response.content_length == 5
    assert response.headers["ETag"] == '"e"'
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    for name in ("Set-Cookie", "X-Internal", "Connection"):
        assert name not in response.headers
    request = heads[0].decode().lower()
    assert request.startswith("get /root/studies/1.2/a%20b?x=1&y=%26&z=%c3%a4 http/1.1")
    assert "authorization: bearer token" in request
    assert "accept-encoding: identity" in request
    assert "cookie" not in request
    assert "x-forwarded-for" not in request


@pytest.mark.parametrize(
    ("method", "reply"),
    [
        ("GET", b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"),
        ("HEAD", answer("200 OK", b"", "Connection: close")),
        ("GET", answer("200 OK", b"hello", "Connection: close")),
    ],
)
def test_an_answer_without_a_body_gives_its_connection_back(
    method: str, reply: bytes, tmp_path: Path
) -> None:
    def script(connection: Any) -> None:
        read_head(connection)
        connection.sendall(reply)

    one = httpx.Client(
        limits=httpx.Limits(max_connections=1), timeout=httpx.Timeout(10.0, pool=0.5)
    )
    with (
        one,
        scripted_server(script, script) as url,
        make_renderer(url, tmp_path, http=one) as renderer,
    ):
        for _ in range(2):
            with renderer.client.open("/dicomweb/studies", method=method) as response:
                assert f" {response.status_code} ".encode() in reply


def test_a_body_goes_on_with_post_alone(tmp_path: Path) -> None:
    heads: list[bytes] = []

    def script(connection: Any) -> None:
        heads.append(read_head(connection))
        connection.sendall(answer("200 OK"))

    with scripted_server(script) as url, make_renderer(url, tmp_path) as renderer:
        response = renderer.client.get(
            "/dicomweb/studies", data=b"hello", headers={"Content-Type": "text/plain"}
        )
    assert response.status_code == 200
    assert b"content-length" not in heads[0].lower()


def test_a_field_that_is_not_ascii_passes_as_it_came(tmp_path: Path) -> None:
    heads: list[bytes] = []

    def script(connection: Any) -> None:
        heads.append(read_head(connection))
        connection.sendall(answer("200 OK"))

    with scripted_server(script) as url, make_renderer(url, tmp_path) as renderer:
        language = {"Accept-Language": "\u00fc"}
        assert renderer.client.get("/dicomweb/studies", headers=language).status_code == 200
    assert b"Accept-Language: \xfc\r\n" in heads[0]


@pytest.mark.parametrize("path", ["studies", "studies/1/series/2/instances/3/rendered"])
def test_a_credential_that_can_be_none(path: str, renderer: Renderer) -> None:
    credential = {"Authorization": "Bearer \u00fc"}
    response = renderer.client.get(f"/dicomweb/{path}", headers=credential)
    assert (response.status_code, renderer.asked) == (400, [])


def test_a_parameter_of_a_segment_stays_part_of_its_name(tmp_path: Path) -> None:
    """Servers that know parameters would take ``..;`` for a way out of the root."""
    heads: list[bytes] = []

    def script(connection: Any) -> None:
        heads.append(read_head(connection))
        connection.sendall(answer("200 OK"))

    with scripted_server(script) as url, make_renderer(url, tmp_path) as renderer:
        renderer.client.get("/dicomweb/studies/..;/..;x=y/system")
    assert heads[0].startswith(b"GET /studies/..%3B/..%3Bx=y/system HTTP/1.1")


def test_metadata_without_end_is_not_kept(tmp_path: Path, video: Stored) -> None:
    sent = 0

    def endless(connection: Any) -> None:
        nonlocal sent
        read_head(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
        with suppress(OSError):
            while sent < 200 << 20:
                connection.sendall(bytes(1 << 20))
                sent += 1 << 20

    with scripted_server(endless) as url, make_renderer(url, tmp_path) as renderer:
        response = renderer.client.get(video.rendered)
    assert response.status_code == 503
    assert sent < 64 << 20


def test_what_a_person_has_to_look_at_is_logged(
    tmp_path: Path, video: Stored, caplog: pytest.LogCaptureFixture
) -> None:
    def script(connection: Any) -> None:
        read_head(connection)
        connection.sendall(answer("400 Bad Request"))

    log = logging.getLogger("cinestow.render.app")
    log.addHandler(caplog.handler)
    try:
        with scripted_server(script) as url, make_renderer(url, tmp_path) as renderer:
            response = renderer.client.get(video.rendered)
    finally:
        log.removeHandler(caplog.handler)
    assert response.status_code == 502
    (record,) = {record.getMessage() for record in caplog.records if record.name == log.name}
    assert record.startswith("ConfigurationError: Metadata for rendering")


def test_a_defect_of_ours_is_not_blamed_on_the_store() -> None:
    assert http_error(AlarmRaised("the task failed in its child")).code == 500


def test_the_caller_s_right_decides_over_what_is_cached(tmp_path: Path, video: Stored) -> None:
    heads: list[bytes] = []

    def denied(connection: Any) -> None:
        heads.append(read_head(connection))
        connection.sendall(answer("401 Unauthorized", b"", 'WWW-Authenticate: Bearer realm="r"'))

    def forbidden(connection: Any) -> None:
        read_head(connection)
        connection.sendall(answer("403 Forbidden"))

    with (
        scripted_server(denied, forbidden) as url,
        make_renderer(url, tmp_path) as renderer,
    ):
        first = renderer.client.get(video.rendered, headers={"Authorization": "Bearer t"})
        second = renderer.client.get(video.rendered)
    assert b"authorization: bearer t\r\n" in heads[0].lower()
    assert (first.status_code, second.status_code) == (401, 403)
    assert first.headers["WWW-Authenticate"].startswith("Bearer")
    assert first.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (answer("500 Internal Server Error"), 503),
        (answer("429 Too Many Requests"), 503),
        (answer("400 Bad Request"), 502),
        (answer("302 Found", b"", "Location: http://127.0.0.1:9/"), 502),
        (answer("200 OK", b"<html>"), 503),
        (answer("200 OK", b"[]"), 404),
        (answer("204 No Content"), 404),
        (b"", 503),
    ],
)
def test_what_a_store_s_answer_means(
    reply: bytes, status: int, tmp_path: Path, video: Stored
) -> None:
    def script(connection: Any) -> None:
        read_head(connection)
        connection.sendall(reply)

    with scripted_server(script) as url, make_renderer(url, tmp_path) as renderer:
        response = renderer.client.get(video.rendered)
    assert response.status_code == status
    assert json.loads(response.data)["status"] == status


def test_the_front_page_says_what_this_is(shared: Renderer) -> None:
    for path in ("/", "/dicomweb", "/dicomweb/"):
        response = shared.client.get(path)
        assert response.status_code == 200
        assert json.loads(response.data)["dicomweb"] == "/dicomweb"


def test_an_instance_read_here_is_the_one_stored(shared: Renderer, bitmap: Stored) -> None:
    accept = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}
    response = shared.client.get(f"/dicomweb/{bitmap.path}", headers=accept)
    body = response.data[response.data.index(b"\r\n\r\n") + 4 :]
    assert dcmread(BytesIO(body)).SOPInstanceUID == bitmap.instance
