import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydicom.uid import generate_uid

from cinestow.dicomweb.client import DicomWeb
from cinestow.dicomweb.stow import MAX_ANSWER, StoreOutcome, store
from cinestow.errors import (
    ConfigurationError,
    InputRefused,
    RefusalCode,
    StorageUnavailable,
    StoreUnavailable,
)
from support.instances import BytesBody, Sample, sample
from support.misbehaving import answer, read_body, read_head, scripted_server
from support.orthanc import orthanc

UID = "2.25.1234"
ROOT = "http://store.test/dicom-web"


def json_answer(**sequences: list[dict[str, Any]]) -> bytes:
    """A response in DICOM JSON; ``stored`` and ``failed`` hold {"uid", "reason", "detail"}."""
    names = {"stored": "00081199", "failed": "00081198"}
    reasons = {"stored": "00081196", "failed": "00081197"}
    response = {}
    for name, results in sequences.items():
        items = []
        for result in results:
            item: dict[str, Any] = {}
            if "uid" in result:
                item["00081155"] = {"vr": "UI", "Value": [result["uid"]]}
            if "reason" in result:
                item[reasons[name]] = {"vr": "US", "Value": [result["reason"]]}
            if "detail" in result:
                item["00090097"] = {"vr": "LT", "Value": [result["detail"]]}
            items.append(item)
        response[names[name]] = {"vr": "SQ", "Value": items}
    return json.dumps(response).encode()


def xml_answer(sequence: str, *attributes: tuple[str, str], namespace: str = "") -> bytes:
    """A response in DICOM XML with one item in ``sequence``."""
    lines = "".join(
        f'<DicomAttribute tag="{tag}"><Value number="1">{value}</Value></DicomAttribute>'
        for tag, value in attributes
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><NativeDicomModel {namespace}>'
        f'<DicomAttribute tag="{sequence}" vr="SQ"><Item number="1">{lines}</Item>'
        "</DicomAttribute></NativeDicomModel>"
    ).encode()


def outcome_of(status: int, body: bytes = b"", content_type: str = "") -> StoreOutcome:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=body, headers={"Content-Type": content_type})

    with httpx.Client(transport=httpx.MockTransport(handler)) as http:
        return store(DicomWeb(ROOT, http=http), "2.25.1", BytesBody(b"DICM"), UID)


class TestRequest:
    def test_is_one_part_of_known_length(self) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(200, content=json_answer(stored=[{"uid": UID}]))

        requests: list[httpx.Request] = []
        with httpx.Client(transport=httpx.MockTransport(handler)) as http:
            client = DicomWeb(ROOT + "/", lambda: {"Authorization": "Bearer t"}, http)
            store(client, "2.25.1", BytesBody(b"instance", piece=3), UID)
        (request,) = requests
        boundary = request.headers["Content-Type"].partition("boundary=")[2]
        assert str(request.url) == f"{ROOT}/studies/2.25.1"
        assert request.headers["Authorization"] == "Bearer t"
        assert request.headers["Content-Type"].startswith(
            'multipart/related; type="application/dicom"; '
        )
        assert "Transfer-Encoding" not in request.headers
        assert int(request.headers["Content-Length"]) == len(request.content)
        assert request.content == (
            b"--%b\r\nContent-Type: application/dicom\r\n\r\ninstance\r\n--%b--\r\n"
            % (boundary.encode(), boundary.encode())
        )

    def test_authorisation_is_asked_for_every_time(self) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            seen.append(request.headers["Authorization"])
            return httpx.Response(200, content=json_answer(stored=[{"uid": UID}]))

        seen: list[str] = []
        tokens = iter(["a", "b"])
        with httpx.Client(transport=httpx.MockTransport(handler)) as http:
            client = DicomWeb(ROOT, lambda: {"Authorization": next(tokens)}, http)
            for _ in range(2):
                store(client, "2.25.1", BytesBody(b"x"), UID)
        assert seen == ["a", "b"]


class TestOutcome:
    @pytest.mark.parametrize("status", [200, 202, 400, 409])
    def test_stored_when_our_uid_is_referenced_whatever_the_status(self, status: int) -> None:
        body = json_answer(stored=[{"uid": "2.25.9"}, {"uid": UID}], failed=[])
        assert outcome_of(status, body) is StoreOutcome.STORED

    def test_stored_in_a_list_of_one_data_set(self) -> None:
        body = b"[" + json_answer(stored=[{"uid": UID}]) + b"]"
        assert outcome_of(200, body) is StoreOutcome.STORED

    def test_stored_with_a_warning(self) -> None:
        body = json_answer(stored=[{"uid": UID, "reason": 0xB000}])
        assert outcome_of(202, body) is StoreOutcome.STORED

    @pytest.mark.parametrize(
        "namespace", ["", 'xmlns="http://dicom.nema.org/PS3.19/models/NativeDICOM"']
    )
    def test_stored_in_xml(self, namespace: str) -> None:
        body = xml_answer("00081199", ("00081155", UID), namespace=namespace)
        assert outcome_of(200, body, "application/dicom+xml") is StoreOutcome.STORED

    def test_padded_uid(self) -> None:
        assert outcome_of(200, json_answer(stored=[{"uid": UID + "\0"}])) is StoreOutcome.STORED

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (409, json_answer(failed=[{"uid": UID, "reason": 45070}])),
            (409, json_answer(failed=[{"uid": UID, "reason": 0x0111}])),
            (202, json_answer(stored=[{"uid": UID, "reason": 45070}])),
            (409, json_answer(failed=[{"reason": 272, "detail": "instance already exists"}])),
            (
                409,
                json_answer(
                    failed=[
                        {
                            "uid": UID,
                            "reason": 272,
                            "detail": "An instance already exists in this DICOM Store with the "
                            "same Study/Series/SOPInstance UID, but the DICOM files differ "
                            "(checksum mismatch).",
                        }
                    ]
                ),
            ),
            (
                409,
                xml_answer("00081198", ("00081197", "272"), ("00090097", "it already exists")),
            ),
            (409, xml_answer("00081198", ("00081155", UID), ("00081197", "45070"))),
            (409, b'{"error": {"code": 409, "status": "ALREADY_EXISTS"}}'),
        ],
    )
    def test_already_there(self, status: int, body: bytes) -> None:
        assert outcome_of(status, body) is StoreOutcome.ALREADY_THERE

    @pytest.mark.parametrize(
        ("reason", "words"),
        [
            (0x0122, "SOP class is not supported"),
            (0xA900, "does not match its SOP class"),
            (0xA9FF, "does not match its SOP class"),
            (0xC000, "cannot be understood"),
            (0xC122, "transfer syntax is not supported"),
        ],
    )
    @pytest.mark.parametrize("status", [200, 202, 409])
    def test_refused_for_good(self, status: int, reason: int, words: str) -> None:
        for item in ({"uid": UID, "reason": reason}, {"reason": reason}):
            body = json_answer(failed=[item | {"detail": "Smith^John is no date"}], stored=[])
            with pytest.raises(InputRefused, match=words) as refused:
                outcome_of(status, body)
            assert refused.value.code is RefusalCode.NOT_STORABLE
            assert f"{reason:04X}H" in refused.value.sentence
            assert "Smith" not in str(refused.value)

    def test_refused_for_good_in_xml(self) -> None:
        body = xml_answer("00081198", ("00081155", UID), ("00081197", "43264"))
        with pytest.raises(InputRefused, match="A900H"):
            outcome_of(409, body)

    def test_too_large(self) -> None:
        with pytest.raises(InputRefused, match="larger than the store accepts"):
            outcome_of(413, b"<html>nginx</html>")

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, b""),
            (200, b"OK"),
            (200, b"{}"),
            (200, b"[]"),
            (200, b'{"00081199": {"vr": "SQ", "Value": ["no item"]}}'),
            (200, b"<html><body>welcome</body></html>"),
            (200, b"<NativeDicomModel/>"),
            (200, b'<!DOCTYPE a [<!ENTITY b "c">]><NativeDicomModel>&b;</NativeDicomModel>'),
            (200, b'<?xml version="1.0" encoding="nonsense"?><NativeDicomModel/>'),
            (200, xml_answer("00081199", ("00081155", UID))[:-20]),
            (200, xml_answer("00081198", ("00081155", UID), ("00081197", "no number"))),
            (200, json_answer(stored=[], failed=[])),
            (200, json_answer(stored=[{"uid": "2.25.9"}])),
            (200, json_answer(stored=[{}])),
            (409, json_answer(failed=[{"uid": "2.25.9", "reason": 272}])),
            (409, json_answer(failed=[{"uid": UID}])),
            (409, json_answer(failed=[{"uid": UID, "reason": 272}])),
            (202, json_answer(failed=[{"reason": 272}])),
            (409, xml_answer("00081198", ("00081155", UID), ("00081197", "272"))),
            (409, json_answer(failed=[{"uid": UID, "reason": 0xA700}])),
            (409, json_answer(failed=[{"uid": UID, "reason": 0xB00F}])),
            (409, json_answer(failed=[{"uid": UID, "reason": 0x1234}])),
            (409, b""),
            (400, b"Bad Request"),
            (400, b"already exists"),
            (200, b"already exists"),
            (204, b""),
            (408, b""),
            (429, b""),
            (500, json_answer(failed=[{"uid": UID, "reason": 272}])),
            (503, b"<html>try later</html>"),
            (200, b" " * (MAX_ANSWER + 1)),
        ],
    )
    def test_unavailable(self, status: int, body: bytes) -> None:
        with pytest.raises(StoreUnavailable):
            outcome_of(status, body)

    @pytest.mark.parametrize("status", [301, 401, 403, 404, 405])
    def test_wrong_address_or_no_permission(self, status: int) -> None:
        with pytest.raises(ConfigurationError, match=f"HTTP {status}"):
            outcome_of(status, b"no")

    def test_root_that_is_no_url(self) -> None:
        with pytest.raises(ConfigurationError, match="expected a URL"):
            DicomWeb("store.test/dicom-web")


class TestConnection:
    @pytest.fixture
    def http(self) -> Iterator[httpx.Client]:
        with httpx.Client(timeout=0.5, trust_env=False) as http:
            yield http

    def test_second_attempt_sends_the_whole_body_again(self, http: httpx.Client) -> None:
        bodies: list[bytes] = []

        def cut(connection: socket.socket) -> None:
            read_head(connection)
            connection.recv(1000)

        def good(connection: socket.socket) -> None:
            bodies.append(read_body(connection, read_head(connection)))
            connection.sendall(answer("200 OK", json_answer(stored=[{"uid": UID}])))

        data = os.urandom(5_000_000)
        body = BytesBody(data)
        with scripted_server(cut, good) as root:
            client = DicomWeb(root, http=http)
            with pytest.raises(StoreUnavailable):
                store(client, "2.25.1", body, UID)
            assert body.opened == 1
            assert store(client, "2.25.1", body, UID) is StoreOutcome.STORED
        assert body.opened == 2
        assert bodies[0].partition(b"\r\n\r\n")[2].startswith(data)
        assert len(bodies[0]) < len(data) + 200

    def test_answer_before_the_whole_body_was_sent(self, http: httpx.Client) -> None:
        def busy(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(answer("429 Too Many Requests", b"", "Connection: close"))

        with (
            scripted_server(busy) as root,
            pytest.raises(StoreUnavailable),
        ):
            store(DicomWeb(root, http=http), "2.25.1", BytesBody(bytes(20_000_000)), UID)

    def test_store_that_does_not_answer(self, http: httpx.Client) -> None:
        def stall(connection: socket.socket) -> None:
            read_body(connection, read_head(connection))
            connection.recv(1)

        started = time.monotonic()
        with scripted_server(stall) as root, pytest.raises(StoreUnavailable, match="ReadTimeout"):
            store(DicomWeb(root, http=http), "2.25.1", BytesBody(b"x"), UID)
        assert time.monotonic() - started < 5

    def test_store_that_does_not_take_the_body(self, http: httpx.Client) -> None:
        def stall(connection: socket.socket) -> None:
            read_head(connection)
            time.sleep(1)

        with scripted_server(stall) as root, pytest.raises(StoreUnavailable, match="WriteTimeout"):
            store(DicomWeb(root, http=http), "2.25.1", BytesBody(bytes(50_000_000)), UID)

    def test_answer_that_is_cut(self, http: httpx.Client) -> None:
        def cut(connection: socket.socket) -> None:
            read_body(connection, read_head(connection))
            whole = answer("200 OK", json_answer(stored=[{"uid": UID}]))
            connection.sendall(whole[:-1])

        with scripted_server(cut) as root, pytest.raises(StoreUnavailable):
            store(DicomWeb(root, http=http), "2.25.1", BytesBody(b"x"), UID)

    def test_nobody_listens(self, http: httpx.Client) -> None:
        with scripted_server() as root:
            pass
        with pytest.raises(StoreUnavailable, match="ConnectError"):
            store(DicomWeb(root, http=http), "2.25.1", BytesBody(b"x"), UID)


class FailingBody(BytesBody):
    """Its source fails half-way."""

    def open(self) -> Iterator[bytes]:
        yield self.data[: len(self.data) // 2]
        raise StorageUnavailable("bucket")


class MisstatedBody(BytesBody):
    """Its source does not have the length it states."""

    def __init__(self, data: bytes, difference: int) -> None:
        super().__init__(data)
        self.difference = difference

    @property
    def length(self) -> int:
        return len(self.data) + self.difference


class TestOrthanc:
    def test_stores(self, client: DicomWeb) -> None:
        what = sample()
        body = BytesBody(what.part10([os.urandom(3_000_000)]))
        assert store(client, what.study, body, what.instance) is StoreOutcome.STORED

    def test_same_instance_again(self, client: DicomWeb) -> None:
        what = sample()
        body = BytesBody(what.part10([b"abcd"]))
        outcomes = [store(client, what.study, body, what.instance) for _ in range(2)]
        assert outcomes == [StoreOutcome.STORED, StoreOutcome.STORED]
        assert held(client, what)

    def test_answers_in_xml_are_read_too(self, client: DicomWeb) -> None:
        def ask_for_xml(request: httpx.Request) -> None:
            request.headers["Accept"] = "application/dicom+xml"

        what = sample()
        body = BytesBody(what.part10([b"abcd"]))
        with httpx.Client(event_hooks={"request": [ask_for_xml]}) as http:
            in_xml = DicomWeb(client.root_url, http=http)
            assert store(in_xml, what.study, body, what.instance) is StoreOutcome.STORED
            with pytest.raises(StoreUnavailable, match="0110H"):
                store(in_xml, generate_uid(), body, what.instance)

    def test_wrong_study(self, client: DicomWeb) -> None:
        what = sample()
        body = BytesBody(what.part10([b"abcd"]))
        with pytest.raises(StoreUnavailable, match=r"HTTP 409, a general failure .*0110H"):
            store(client, generate_uid(), body, what.instance)
        assert not held(client, what)

    def test_a_store_that_cannot_write_is_not_the_recording_s_fault(self, tmp_path: Path) -> None:
        """This Orthanc then answers 200 and names no instance; later ones give 0110H."""
        (tmp_path / "storage").mkdir()
        for first in range(256):
            (tmp_path / "storage" / f"{first:02x}").write_bytes(b"in the way of a folder")
        what = sample()
        with orthanc(tmp_path) as broken, DicomWeb(broken.root_url) as client:
            with pytest.raises(StoreUnavailable):
                store(client, what.study, BytesBody(what.part10([b"abcd"])), what.instance)

    def test_cut_instance(self, client: DicomWeb) -> None:
        what = sample()
        data = what.part10([bytes(1000)])
        with pytest.raises(InputRefused, match="could not read it as a DICOM instance") as refused:
            store(client, what.study, BytesBody(data[:-500]), what.instance)
        assert refused.value.code is RefusalCode.NOT_STORABLE
        assert not held(client, what)

    def test_other_instance_than_announced(self, client: DicomWeb) -> None:
        what = sample()
        with pytest.raises(StoreUnavailable, match="nothing said of our instance"):
            store(client, what.study, BytesBody(what.part10([b"abcd"])), generate_uid())

    def test_failing_source_stores_nothing_and_its_error_passes(self, client: DicomWeb) -> None:
        what = sample()
        body = FailingBody(what.part10([bytes(3_000_000)]))
        with pytest.raises(StorageUnavailable, match="bucket"):
            store(client, what.study, body, what.instance)
        assert not held(client, what)

    @pytest.mark.parametrize("difference", [-2_000_000, -1, 1, 1_000_000])
    def test_source_of_another_length_stores_nothing(
        self, client: DicomWeb, difference: int
    ) -> None:
        what = sample()
        body = MisstatedBody(what.part10([bytes(3_000_000)]), difference)
        with pytest.raises(StorageUnavailable, match="bytes long"):
            store(client, what.study, body, what.instance)
        assert not held(client, what)

    def test_no_dicomweb_there(self, client: DicomWeb) -> None:
        wrong = DicomWeb(client.root_url.replace("/dicom-web", "/elsewhere"), http=client.http)
        with pytest.raises(ConfigurationError, match="HTTP 404"):
            store(wrong, "2.25.1", BytesBody(b"x"), UID)


def held(client: DicomWeb, what: Sample) -> bool:
    """Whether Orthanc holds the instance, asked without the code under test."""
    url = f"{client.root_url}/instances?SOPInstanceUID={what.instance}"
    return bool(httpx.get(url, trust_env=False).raise_for_status().json())
