import socket

import pytest
from pydicom.uid import generate_uid

from cinestow.dicomweb.client import DicomWeb
from cinestow.dicomweb.query import InstancePlace, find_instance, metadata
from cinestow.dicomweb.stow import store
from cinestow.errors import ConfigurationError, InstanceNotFound, StoreUnavailable
from support.instances import BytesBody, Sample, sample
from support.misbehaving import answer, read_head, scripted_server

UIDS = ("2.25.1", "2.25.2", "2.25.3")


@pytest.fixture(scope="module")
def what() -> Sample:
    return sample()


@pytest.fixture
def stored(client: DicomWeb, what: Sample) -> DicomWeb:
    store(client, what.study, BytesBody(what.part10([b"abcd"])), what.instance)
    return client


class TestOrthanc:
    def test_metadata(self, stored: DicomWeb, what: Sample) -> None:
        dataset = metadata(stored, what.study, what.series, what.instance)
        assert dataset.SOPInstanceUID == what.instance
        assert dataset.NumberOfFrames == 25
        assert dataset.PatientName == "Test^Bunny"

    def test_metadata_of_nothing(self, stored: DicomWeb, what: Sample) -> None:
        with pytest.raises(InstanceNotFound, match="HTTP 404"):
            metadata(stored, what.study, what.series, generate_uid())

    def test_find(self, stored: DicomWeb, what: Sample) -> None:
        found = find_instance(stored, what.instance)
        assert found == InstancePlace(what.study, what.series, what.instance)

    def test_find_nothing(self, stored: DicomWeb) -> None:
        assert find_instance(stored, generate_uid()) is None


class TestAnswer:
    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            ("503 Service Unavailable", b"", StoreUnavailable),
            ("429 Too Many Requests", b"", StoreUnavailable),
            ("401 Unauthorized", b"", ConfigurationError),
            ("403 Forbidden", b"", InstanceNotFound),
            ("200 OK", b"<html>", StoreUnavailable),
            ("200 OK", b"[]", StoreUnavailable),
            ("200 OK", b"[5]", StoreUnavailable),
            ("200 OK", b'[{"00100010": 5}]', StoreUnavailable),
            ("200 OK", b'[{"00100010": {"Value": []}}]', StoreUnavailable),
        ],
    )
    def test_asked_once_and_refused(self, status: str, body: bytes, error: type[Exception]) -> None:
        def script(connection: socket.socket) -> None:
            heads.append(read_head(connection))
            connection.sendall(answer(status, body, "Content-Type: application/dicom+json"))

        heads: list[bytes] = []
        with (
            scripted_server(script, script) as root,
            DicomWeb(root, lambda: {"Authorization": "Bearer t"}) as client,
            pytest.raises(error),
        ):
            metadata(client, *UIDS)
        assert len(heads) == 1
        assert b"\r\nAuthorization: Bearer t\r\n" in heads[0]

    def test_bulk_data_is_left_empty(self) -> None:
        body = b'[{"7FE00010": {"vr": "OB", "BulkDataURI": "http://store.test/bulk"}}]'

        def script(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(answer("200 OK", body, "Content-Type: application/dicom+json"))

        with scripted_server(script) as root, DicomWeb(root) as client:
            assert not metadata(client, *UIDS)["PixelData"].value

    def test_search_result_without_uids(self) -> None:
        def script(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(answer("200 OK", b"[{}]", "Content-Type: application/dicom+json"))

        with (
            scripted_server(script) as root,
            DicomWeb(root) as client,
            pytest.raises(StoreUnavailable),
        ):
            find_instance(client, "2.25.3")
