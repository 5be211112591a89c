import hashlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import MPEG4HP41F, ExplicitVRLittleEndian, generate_uid

from cinestow.dicomweb.client import DicomWeb
from cinestow.dicomweb.stow import store
from cinestow.dicomweb.wado import retrieve
from cinestow.errors import (
    ConfigurationError,
    InputRefused,
    InstanceNotFound,
    StoreUnavailable,
)
from support.instances import BytesBody, Sample, sample
from support.misbehaving import answer, read_head, scripted_server

UIDS = ("2.25.1", "2.25.2", "2.25.3")
VIDEO = os.urandom(300_000)
INSTANCE = sample().part10([VIDEO])
ENVELOPE = (
    b"--edge\r\nContent-Type: application/dicom\r\nMIME-Version: 1.0\r\n\r\n"
    + INSTANCE
    + b"\r\n--edge--\r\n"
)
RELATED = 'Content-Type: multipart/related; type="application/dicom"; boundary=edge'


def retrieved(client: DicomWeb, *uids: str) -> bytes:
    with retrieve(client, *(uids or UIDS)) as instance:
        return b"".join(instance.bit_stream())


def answered(status: int, body: bytes = b"", content_type: str = "") -> bytes:
    """The bit stream taken out of one answer."""

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"Content-Type": content_type})

    with httpx.Client(transport=httpx.MockTransport(handler)) as http:
        return retrieved(DicomWeb("http://store.test", http=http))


class TestRequest:
    def test_asks_for_the_stored_syntax_uncompressed(self) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(404)

        requests: list[httpx.Request] = []
        with httpx.Client(transport=httpx.MockTransport(handler)) as http:
            client = DicomWeb("http://store.test/root", lambda: {"Authorization": "Bearer t"}, http)
            with pytest.raises(InstanceNotFound):
                retrieved(client)
        (request,) = requests
        assert request.url.path == "/root/studies/2.25.1/series/2.25.2/instances/2.25.3"
        assert request.headers["Accept"] == (
            'multipart/related; type="application/dicom"; transfer-syntax=*'
        )
        assert request.headers["Accept-Encoding"] == "identity"
        assert request.headers["Authorization"] == "Bearer t"


class TestAnswer:
    def test_multipart(self) -> None:
        assert answered(200, ENVELOPE, RELATED.partition(": ")[2]) == VIDEO

    def test_single_part(self) -> None:
        assert answered(200, INSTANCE, "application/dicom") == VIDEO

    @pytest.mark.parametrize("status", [403, 404, 410])
    def test_not_found(self, status: int) -> None:
        with pytest.raises(InstanceNotFound, match=f"HTTP {status}"):
            answered(status)

    @pytest.mark.parametrize("status", [202, 206, 408, 429, 500, 502, 503])
    def test_unavailable(self, status: int) -> None:
        with pytest.raises(StoreUnavailable, match=f"HTTP {status}"):
            answered(status, ENVELOPE, RELATED)

    @pytest.mark.parametrize("status", [302, 400, 401, 406])
    def test_wrong_address_or_no_permission(self, status: int) -> None:
        with pytest.raises(ConfigurationError, match=f"HTTP {status}"):
            answered(status)

    @pytest.mark.parametrize(
        ("body", "content_type"),
        [
            (b"", "application/dicom"),
            (b"<html>welcome</html>" * 50, "text/html"),
            (ENVELOPE, "multipart/related; type=application/dicom"),
            (ENVELOPE, "multipart/related; boundary=other"),
            (b"--edge--", "multipart/related; boundary=edge"),
            (ENVELOPE[:-10] + ENVELOPE, "multipart/related; boundary=edge"),
            (ENVELOPE[:-7], "multipart/related; boundary=edge"),
            (INSTANCE[:-9], "application/dicom"),
        ],
    )
    def test_garbage(self, body: bytes, content_type: str) -> None:
        with pytest.raises(StoreUnavailable):
            answered(200, body, content_type)


class TestConnection:
    @pytest.fixture
    def http(self) -> Iterator[httpx.Client]:
        with httpx.Client(timeout=0.5, trust_env=False) as http:
            yield http

    @pytest.mark.parametrize("headers", [("Content-Length",), ("Connection",)])
    @pytest.mark.parametrize("length", [0, 60, 500, len(INSTANCE) // 2, len(ENVELOPE) - 8])
    def test_cut(self, http: httpx.Client, length: int, headers: tuple[str]) -> None:
        """Noticed with a Content-Length and also where the end of the connection ends the body."""

        def cut(connection: socket.socket) -> None:
            read_head(connection)
            head, _, _ = answer("200 OK", ENVELOPE, RELATED).partition(b"\r\n\r\n")
            if headers == ("Connection",):
                head = head.replace(b"Content-Length:", b"X-Length:")
            connection.sendall(head + b"\r\n\r\n" + ENVELOPE[:length])

        with scripted_server(cut) as root, pytest.raises(StoreUnavailable):
            retrieved(DicomWeb(root, http=http))

    @pytest.mark.parametrize("length", [0, len(ENVELOPE) // 2])
    def test_stall(self, http: httpx.Client, length: int) -> None:
        def stall(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(answer("200 OK", ENVELOPE, RELATED)[: length or 1])
            connection.recv(1)

        started = time.monotonic()
        with scripted_server(stall) as root, pytest.raises(StoreUnavailable, match="ReadTimeout"):
            retrieved(DicomWeb(root, http=http))
        assert time.monotonic() - started < 5

    def test_leaving_early_ends_the_connection(self, http: httpx.Client) -> None:
        ended: list[bytes] = []

        def slow(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(answer("200 OK", ENVELOPE, RELATED)[:2000])
            ended.append(connection.recv(1))

        with scripted_server(slow) as root:
            client = DicomWeb(root, http=http)
            with retrieve(client, *UIDS) as instance:
                assert instance.dataset.Modality == "XC"
        assert ended == [b""]


@pytest.fixture(scope="module")
def mp4(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real MP4, of even length."""
    path = tmp_path_factory.mktemp("mp4") / "video.mp4"
    source = "testsrc=size=320x240:rate=25:duration=1"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p"]
    subprocess.run([*command, "-movflags", "+faststart", str(path)], check=True)
    data = path.read_bytes()
    return data + bytes(len(data) % 2)


def stored(client: DicomWeb, what: Sample, fragments: list[bytes]) -> Sample:
    store(client, what.study, BytesBody(what.part10(fragments)), what.instance)
    return what


class TestOrthanc:
    def test_video_comes_back_bit_for_bit(
        self, client: DicomWeb, mp4: bytes, tmp_path: Path
    ) -> None:
        what = stored(client, sample(), [mp4])
        with retrieve(client, what.study, what.series, what.instance) as instance:
            assert instance.dataset.PatientID == "T1"
            assert instance.dataset.SOPInstanceUID == what.instance
            data = b"".join(instance.bit_stream())
        assert hashlib.sha256(data).hexdigest() == hashlib.sha256(mp4).hexdigest()
        path = tmp_path / "back.mp4"
        path.write_bytes(data)
        probe = ["ffprobe", "-v", "error", "-count_frames", "-show_entries"]
        probe += ["stream=nb_read_frames", "-of", "csv=p=0", str(path)]
        assert subprocess.run(probe, check=True, capture_output=True).stdout.strip() == b"25"

    def test_fragments_come_back_as_they_were(self, client: DicomWeb) -> None:
        fragments = [os.urandom(70_000), b"", os.urandom(2), os.urandom(1_300_000)]
        what = stored(client, sample(syntax=MPEG4HP41F), fragments)
        with retrieve(client, what.study, what.series, what.instance) as instance:
            assert instance.file_meta.TransferSyntaxUID == MPEG4HP41F
            assert [b"".join(fragment) for fragment in instance.fragments()] == fragments

    def test_attributes_behind_the_pixels(self, client: DicomWeb) -> None:
        trailer = Dataset()
        trailer.DataSetTrailingPadding = bytes(64)
        what = stored(client, sample(trailer), [b"abcd"])
        with retrieve(client, what.study, what.series, what.instance) as instance:
            assert b"".join(instance.bit_stream()) == b"abcd"
            assert instance.after_pixel_data.DataSetTrailingPadding == bytes(64)

    def test_not_there(self, client: DicomWeb) -> None:
        what = stored(client, sample(), [b"abcd"])
        with (
            pytest.raises(InstanceNotFound),
            retrieve(client, what.study, what.series, generate_uid()),
        ):
            pytest.fail("it was there")

    def test_uncompressed_pixels_are_refused(self, client: DicomWeb) -> None:
        what = sample(syntax=ExplicitVRLittleEndian, NumberOfFrames=1, PixelData=bytes(230_400))
        body = BytesBody(what.header[:-12])
        store(client, what.study, body, what.instance)
        with (
            pytest.raises(InputRefused, match="Explicit VR Little Endian"),
            retrieve(client, what.study, what.series, what.instance),
        ):
            pytest.fail("it was opened")
