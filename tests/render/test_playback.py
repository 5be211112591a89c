import json
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from cinestow.cloud.files import FileObjects
from cinestow.cloud.objects import ObjectInfo
from support.orthanc import Orthanc
from support.renderer import Renderer, application, make_renderer
from support.stored import Stored

MP4 = {"Accept": "video/mp4"}


def get(renderer: Renderer, video: Stored, **headers: str) -> TestResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return renderer.client.get(video.rendered, headers={**MP4, **named})


@pytest.mark.parametrize(
    ("field", "start", "end"),
    [
        ("bytes=0-", 0, None),
        ("bytes=0-0", 0, 1),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=5000-", 5000, None),
        ("bytes=-77", -77, None),
        ("bytes=100-999999999", 100, None),
    ],
)
def test_a_range_is_those_bytes(
    field: str, start: int, end: int | None, shared: Renderer, video: Stored
) -> None:
    response = get(shared, video, Range=field)
    expected = video.bit_stream[start:end]
    size = len(video.bit_stream)
    first = start if start >= 0 else size + start
    assert response.status_code == 206
    assert response.data == expected
    assert response.content_length == len(expected)
    last = first + len(expected) - 1
    assert response.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    assert response.content_type == "video/mp4"


def test_long_ranges_come_in_pieces(store: Orthanc, video: Stored, tmp_path: Path) -> None:
    with make_renderer(store.root_url, tmp_path, range_bytes=5000) as renderer:
        collected, size = b"", len(video.bit_stream)
        while len(collected) < size:
            response = get(renderer, video, Range=f"bytes={len(collected)}-")
            assert response.status_code == 206
            assert len(response.data) <= 5000
            collected += response.data
    assert collected == video.bit_stream


@pytest.mark.parametrize("field", ["bytes=0-1,4-5", "bytes=9-1", "pages=1-2", "bytes=x"])
def test_other_ranges_get_the_whole(field: str, shared: Renderer, video: Stored) -> None:
    response = get(shared, video, Range=field)
    assert (response.status_code, response.data) == (200, video.bit_stream)
    assert "Content-Range" not in response.headers


def test_a_range_behind_the_end(shared: Renderer, video: Stored) -> None:
    response = get(shared, video, Range="bytes=999999999-")
    assert response.status_code == 416
    assert response.headers["Content-Range"] == f"bytes */{len(video.bit_stream)}"
    assert json.loads(response.data)["status"] == 416


def test_a_long_whole_is_sent_without_its_length(
    store: Orthanc, video: Stored, tmp_path: Path
) -> None:
    with make_renderer(store.root_url, tmp_path, whole_bytes=5000) as renderer:
        response = get(renderer, video)
        head = renderer.client.head(video.rendered, headers=MP4)
    assert "Content-Length" not in response.headers
    assert response.data == video.bit_stream
    assert head.content_length == len(video.bit_stream)


def test_head_says_the_same_without_a_body(shared: Renderer, video: Stored) -> None:
    whole = get(shared, video)
    head = shared.client.head(video.rendered, headers=MP4)
    assert head.status_code == 200
    assert head.data == b""
    same = ("Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges")
    assert [head.headers[name] for name in same] == [whole.headers[name] for name in same]
    assert head.headers["Accept-Ranges"] == "bytes"


def test_a_range_is_of_get_alone(shared: Renderer, video: Stored) -> None:
    for field in ("bytes=0-9", "bytes=999999999-"):
        head = shared.client.head(video.rendered, headers={**MP4, "Range": field})
        assert (head.status_code, head.content_length) == (200, len(video.bit_stream))
        assert "Content-Range" not in head.headers


def test_what_is_known_already_is_not_sent_again(shared: Renderer, video: Stored) -> None:
    first = get(shared, video)
    known = get(shared, video, If_None_Match=f'"other", {first.headers["ETag"]}')
    assert (known.status_code, known.data) == (304, b"")
    assert known.headers["ETag"] == first.headers["ETag"]
    since = get(shared, video, If_Modified_Since=first.headers["Last-Modified"])
    assert since.status_code == 304
    assert get(shared, video, If_None_Match='"other"').status_code == 200
    # If-None-Match decides where both are there (RFC 9110 13.1.3).
    both = get(
        shared, video, If_None_Match='"other"', If_Modified_Since=first.headers["Last-Modified"]
    )
    assert both.status_code == 200


def test_a_range_of_another_version_gets_the_whole(shared: Renderer, video: Stored) -> None:
    first = get(shared, video)
    same = get(shared, video, Range="bytes=0-9", If_Range=first.headers["ETag"])
    assert (same.status_code, len(same.data)) == (206, 10)
    dated = get(shared, video, Range="bytes=0-9", If_Range=first.headers["Last-Modified"])
    assert dated.status_code == 206
    for other in ('"other"', f"W/{first.headers['ETag']}", "Sun, 06 Nov 1994 08:49:37 GMT"):
        response = get(shared, video, Range="bytes=0-9", If_Range=other)
        assert (response.status_code, response.data) == (200, video.bit_stream)


def test_if_match(shared: Renderer, video: Stored) -> None:
    first = get(shared, video)
    assert get(shared, video, If_Match=first.headers["ETag"]).status_code == 200
    assert get(shared, video, If_Match="*").status_code == 200
    assert get(shared, video, If_Match='"other"').status_code == 412
    assert get(shared, video, If_Match=f"W/{first.headers['ETag']}").status_code == 412


def test_if_unmodified_since(shared: Renderer, video: Stored) -> None:
    first = get(shared, video)
    long_ago = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert get(shared, video, If_Unmodified_Since=long_ago).status_code == 412
    same = get(shared, video, If_Unmodified_Since=first.headers["Last-Modified"])
    assert same.status_code == 200
    both = get(shared, video, If_Match=first.headers["ETag"], If_Unmodified_Since=long_ago)
    assert both.status_code == 200


def test_nobody_but_the_viewer_keeps_it_and_asks_again(shared: Renderer, video: Stored) -> None:
    first = get(shared, video)
    known = get(shared, video, If_None_Match=first.headers["ETag"])
    for response in (first, known):
        assert response.headers["Cache-Control"] == "private, no-cache"
        assert "Authorization" in response.headers["Vary"]


def test_the_two_renditions_have_different_tags(shared: Renderer, video: Stored) -> None:
    webm = shared.client.get(video.rendered, headers={"Accept": "video/webm"})
    assert webm.headers["ETag"] != get(shared, video).headers["ETag"]
    assert "Accept" in webm.headers["Vary"]


class VanishingObjects(FileObjects):
    """Deletes the stored bit stream as soon as it was found, as a bucket's lifecycle may."""

    def stat(self, bucket: str, name: str) -> ObjectInfo | None:
        info = super().stat(bucket, name)
        if info is not None and name.endswith("/stored"):
            self.delete(info.ref)
        return info


def test_what_is_gone_by_the_time_it_is_opened_is_a_problem(
    store: Orthanc, video: Stored, tmp_path: Path
) -> None:
    with make_renderer(store.root_url, tmp_path) as renderer:
        assert get(renderer, video).status_code == 200
        vanishing = VanishingObjects(tmp_path / "objects")
        client = application(replace(renderer.services, objects=vanishing)).test_client()
        response = client.get(video.rendered, headers=MP4)
        assert response.status_code == 503
        assert json.loads(response.data)["status"] == 503
        assert get(renderer, video).data == video.bit_stream


class TestCrossOrigin:
    def test_players_may_read_what_they_need(self, shared: Renderer, video: Stored) -> None:
        response = get(shared, video, Range="bytes=0-9", Origin="https://viewer.example")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        exposed = response.headers["Access-Control-Expose-Headers"]
        for name in ("Content-Range", "Accept-Ranges", "ETag", "Content-Length"):
            assert name in exposed
        assert "Access-Control-Allow-Credentials" not in response.headers

    def test_errors_can_be_read_too(self, shared: Renderer) -> None:
        response = shared.client.get("/dicomweb/studies/1/series/1/instances/1/rendered")
        assert response.status_code == 404
        assert response.headers["Access-Control-Allow-Origin"] == "*"

    def test_a_browser_asks_beforehand(self, shared: Renderer, video: Stored) -> None:
        asked = {
            "Origin": "https://viewer.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,range",
        }
        response = shared.client.options(video.rendered, headers=asked)
        assert response.status_code == 204
        assert response.headers["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
        allowed = response.headers["Access-Control-Allow-Headers"].lower()
        assert "authorization" in allowed
        assert "range" in allowed
