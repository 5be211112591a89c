import hashlib
import json
import socket
import subprocess
import threading
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cinestow.cloud.files import FileObjects
from cinestow.cloud.objects import ObjectWriter
from cinestow.render.turns import Turns
from support import ebml, judge
from support.instances import sample
from support.misbehaving import answer, read_head, scripted_server
from support.orthanc import Orthanc, orthanc
from support.renderer import Renderer, application, make_renderer
from support.stored import Stored, put_video

MP4 = {"Accept": "video/mp4"}
WEBM = {"Accept": "video/webm"}


def problem(response: TestResponse) -> dict[str, Any]:
    assert response.content_type == "application/problem+json"
    body: dict[str, Any] = json.loads(response.data)
    assert body["status"] == response.status_code
    assert body["title"]
    assert body["detail"]
    return body


class CountingObjects(FileObjects):
    """Counts what is written piece by piece, as encodes are."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.written = 0

    def writer(
        self, bucket: str, name: str, content_type: str
    ) -> AbstractContextManager[ObjectWriter]:
        self.written += 1
        return super().writer(bucket, name, content_type)


class TestPreview:
    def test_is_what_everybody_gets_and_it_decodes(
        self, shared: Renderer, video: Stored, tmp_path: Path
    ) -> None:
        response = shared.client.get(video.rendered, headers={"Accept": "*/*"})
        assert response.status_code == 200
        assert response.content_type == "video/webm"
        assert response.content_length == len(response.data)
        read = ebml.webm(response.data)
        assert read.duration_s == pytest.approx(5.0, abs=0.03)
        assert [time for time, _ in read.cues] == [0, 2, 4]
        (tmp_path / "preview.webm").write_bytes(response.data)
        assert judge.decoded_frames(tmp_path / "preview.webm") == 50
        assert luma_at(tmp_path / "preview.webm", 3.7) == 16 + 4 * 37

    def test_says_nothing_of_the_patient(self, shared: Renderer, video: Stored) -> None:
        response = shared.client.get(video.rendered, headers=WEBM)
        assert response.headers["Content-Disposition"] == 'inline; filename="preview.webm"'
        assert b"Secret" not in response.data
        assert "Secret" not in str(response.headers)

    def test_is_made_of_a_transport_stream_too(
        self, shared: Renderer, transport_stream: Stored
    ) -> None:
        response = shared.client.get(transport_stream.rendered, headers=WEBM)
        assert ebml.webm(response.data).duration_s == pytest.approx(5.0, abs=0.11)


class TestStored:
    def test_is_what_lies_in_the_store_byte_for_byte(self, shared: Renderer, video: Stored) -> None:
        response = shared.client.get(video.rendered, headers=MP4)
        assert response.status_code == 200
        assert response.content_type == "video/mp4"
        assert hashlib.sha256(response.data).digest() == hashlib.sha256(video.bit_stream).digest()

    @pytest.mark.parametrize("arrived", [0, 1, 4, 7, 8])
    def test_is_known_however_the_bytes_arrive(self, arrived: int, tmp_path: Path) -> None:
        mp4 = b"\0\0\0\x18ftypisom" + bytes(100)
        what = sample()
        data = what.part10([mp4])
        cut = data.index(mp4) + arrived

        def metadata(connection: socket.socket) -> None:
            read_head(connection)
            body = b'[{"00080018": {"vr": "UI", "Value": ["1"]}}]'
            connection.sendall(answer("200 OK", body, "Connection: close"))

        def instance(connection: socket.socket) -> None:
            read_head(connection)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom\r\n"
            connection.sendall(head + b"Transfer-Encoding: chunked\r\n\r\n")
            for chunk in (data[:cut], data[cut:], b""):
                connection.sendall(b"%x\r\n%b\r\n" % (len(chunk), chunk))

        path = f"studies/{what.study}/series/{what.series}/instances/{what.instance}"
        with (
            scripted_server(metadata, instance) as url,
            make_renderer(url, tmp_path) as renderer,
        ):
            response = renderer.client.get(f"/dicomweb/{path}/rendered", headers=MP4)
            assert (response.status_code, response.data) == (200, mp4)

    def test_is_not_to_be_had_of_a_transport_stream(
        self, shared: Renderer, transport_stream: Stored
    ) -> None:
        response = shared.client.get(transport_stream.rendered, headers=MP4)
        assert response.status_code == 406
        assert "not H.264 in an MP4" in problem(response)["detail"]

    def test_gives_way_to_the_preview_where_that_is_acceptable(
        self, shared: Renderer, transport_stream: Stored
    ) -> None:
        accept = {"Accept": "video/mp4, video/webm;q=0.5"}
        response = shared.client.get(transport_stream.rendered, headers=accept)
        assert (response.status_code, response.content_type) == (200, "video/webm")


class TestCache:
    def test_the_store_is_asked_for_the_bit_stream_once(
        self, renderer: Renderer, video: Stored
    ) -> None:
        bodies = {renderer.client.get(video.rendered, headers=WEBM).data for _ in range(3)}
        renderer.client.get(video.rendered, headers=MP4)
        assert len(bodies) == 1
        path = f"/dicom-web/{video.path}"
        assert renderer.asked.count(path) == 1
        assert renderer.asked.count(f"{path}/metadata") == 4
        assert len(renderer.asked) == 5

    def test_holds_the_two_renditions_and_no_parts(self, renderer: Renderer, video: Stored) -> None:
        renderer.client.get(video.rendered, headers=WEBM)
        names = [info.ref.name for info in renderer.objects.list("previews", "")]
        assert len({name.rpartition("/")[0] for name in names}) == 1
        assert not any(uid in name for name in names for uid in (video.study, video.instance))
        assert {name.rpartition("/")[2] for name in names} == {"preview.webm", "stored"}

    def test_many_at_once_make_one_preview(
        self, renderer: Renderer, video: Stored, tmp_path: Path
    ) -> None:
        objects = CountingObjects(tmp_path / "objects")
        services = replace(renderer.services, objects=objects)
        clients = [application(services).test_client() for _ in range(6)]
        bodies: list[bytes] = []

        def ask(client: FlaskClient) -> None:
            bodies.append(client.get(video.rendered, headers=WEBM).data)

        threads = [threading.Thread(target=ask, args=(client,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(bodies) == 6
        assert len(set(bodies)) == 1
        assert renderer.asked.count(f"/dicom-web/{video.path}") == 1
        assert objects.written == 1

    def test_two_processes_at_once_leave_one_whole_preview(
        self, store: Orthanc, video: Stored, tmp_path: Path
    ) -> None:
        with make_renderer(store.root_url, tmp_path) as first:
            with make_renderer(store.root_url, tmp_path) as second:
                answers: list[TestResponse] = []
                threads = [
                    threading.Thread(
                        target=lambda one=one: answers.append(one.client.get(video.rendered))
                    )
                    for one in (first, second)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                late = first.client.get(video.rendered)
        assert [answer.status_code for answer in answers] == [200, 200]
        assert ebml.webm(late.data).duration_s == pytest.approx(5.0, abs=0.03)
        assert {answer.data for answer in answers} == {late.data}
        names = {info.ref.name.rpartition("/")[2] for info in first.objects.list("previews", "")}
        assert names == {"preview.webm", "stored"}


def test_a_replaced_instance_has_a_new_preview(tmp_path: Path, counted_mp4: bytes) -> None:
    settings = {"OverwriteInstances": True}
    with (
        orthanc(tmp_path / "orthanc", settings=settings) as store,
        make_renderer(store.root_url, tmp_path) as renderer,
    ):
        first = sample()
        old = put_video(store, first, counted_mp4)
        assert renderer.client.get(old.rendered, headers=MP4).data == old.bit_stream
        uids = {
            "StudyInstanceUID": old.study,
            "SeriesInstanceUID": old.series,
            "SOPInstanceUID": old.instance,
        }
        new = put_video(store, sample(NumberOfFrames=26, **uids), counted_mp4 + b"more")
        assert renderer.client.get(new.rendered, headers=MP4).data == new.bit_stream


class TestRefusals:
    @pytest.mark.parametrize("accept", ["image/jpeg", "application/dicom", "video/webm;q=0"])
    def test_names_what_is_offered(self, accept: str, shared: Renderer, video: Stored) -> None:
        response = shared.client.get(video.rendered, headers={"Accept": accept})
        assert response.status_code == 406
        assert "video/webm, video/mp4" in problem(response)["detail"]

    def test_a_photograph_is_no_video(self, shared: Renderer, photograph: Stored) -> None:
        response = shared.client.get(photograph.rendered, headers=WEBM)
        assert response.status_code == 406
        assert "holds no video" in problem(response)["detail"]

    def test_a_bitmap_is_no_video(self, shared: Renderer, bitmap: Stored) -> None:
        response = shared.client.get(bitmap.rendered, headers=WEBM)
        assert response.status_code == 406
        assert "Explicit VR Little Endian" in problem(response)["detail"]

    def test_what_does_not_decode_is_refused_and_leaves_no_preview(
        self, renderer: Renderer, broken_video: Stored
    ) -> None:
        response = renderer.client.get(broken_video.rendered, headers=WEBM)
        assert response.status_code == 406
        assert "not a video" in problem(response)["detail"]
        names = [info.ref.name.rpartition("/")[2] for info in renderer.objects.list("previews", "")]
        assert names == ["preview.webm.refused", "stored"]

    def test_what_was_refused_once_is_not_tried_again(
        self, renderer: Renderer, broken_video: Stored
    ) -> None:
        first = renderer.client.get(broken_video.rendered, headers=WEBM)
        for info in list(renderer.objects.list("previews", "")):
            if info.ref.name.endswith("/stored"):
                renderer.objects.delete(info.ref)
        again = renderer.client.get(broken_video.rendered, headers=WEBM)
        assert (again.status_code, problem(again)) == (406, problem(first))
        assert renderer.asked.count(f"/dicom-web/{broken_video.path}") == 1

    def test_who_would_wait_too_long_is_told_to_come_again(
        self, store: Orthanc, video: Stored, tmp_path: Path
    ) -> None:
        turns = Turns(at_once=1, patience_s=0.05)
        with make_renderer(store.root_url, tmp_path, turns=turns) as renderer:
            with turns.slot():
                busy = renderer.client.get(video.rendered, headers=WEBM)
            free = renderer.client.get(video.rendered, headers=WEBM)
        assert problem(busy)["status"] == 503
        assert busy.headers["Retry-After"] == "5"
        assert free.status_code == 200
        assert turns.names == 0

    def test_an_unknown_instance(self, shared: Renderer, video: Stored) -> None:
        path = f"/dicomweb/studies/{video.study}/series/{video.series}/instances/1.2.3/rendered"
        assert problem(shared.client.get(path))["status"] == 404

    def test_an_instance_of_another_study(self, shared: Renderer, video: Stored) -> None:
        path = f"/dicomweb/studies/1.2/series/{video.series}/instances/{video.instance}/rendered"
        assert problem(shared.client.get(path))["status"] == 404

    def test_what_can_be_no_uid(self, shared: Renderer) -> None:
        path = "/dicomweb/studies/1/series/2/instances/patient/rendered"
        assert problem(shared.client.get(path))["status"] == 400

    def test_a_malformed_accept_parameter(self, shared: Renderer, video: Stored) -> None:
        response = shared.client.get(video.rendered, query_string={"accept": "video/*"})
        assert problem(response)["status"] == 400

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    def test_it_can_only_be_read(self, method: str, shared: Renderer, video: Stored) -> None:
        response = shared.client.open(video.rendered, method=method)
        assert problem(response)["status"] == 405
        assert response.headers["Allow"] == "GET, HEAD, OPTIONS"

    def test_a_store_that_is_down(self, video: Stored, tmp_path: Path) -> None:
        with make_renderer("http://127.0.0.1:9/dicom-web", tmp_path) as renderer:
            response = renderer.client.get(video.rendered)
        assert problem(response)["status"] == 503
        assert response.headers["Retry-After"] == "5"


def test_the_accept_parameter_goes_first(shared: Renderer, video: Stored) -> None:
    query = {"accept": "video/mp4"}
    response = shared.client.get(video.rendered, headers=WEBM, query_string=query)
    assert response.content_type == "video/mp4"


def luma_at(path: Path, time_s: float) -> int:
    """Luma of the picture that a seek by ffmpeg's command line lands on, a multiple of 4."""
    seek = ["ffmpeg", "-v", "error", "-ss", f"{time_s:.3f}", "-i", str(path), "-frames:v", "1"]
    command = [*seek, "-pix_fmt", "yuv420p", "-f", "rawvideo", "-"]
    picture = subprocess.run(command, capture_output=True, check=True).stdout
    luma = picture[: len(picture) * 2 // 3]
    return round(sum(luma) / len(luma) / 4) * 4
