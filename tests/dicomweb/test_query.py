import socket

import pytest
from pydicom.uid import generate_uid

from cinestow.dicomweb.client import DicomWeb
from cinestow.dicomweb.query import patients_of_study
from cinestow.dicomweb.stow import store
from cinestow.errors import ConfigurationError, StoreUnavailable
from support.instances import BytesBody, Sample, sample
from support.misbehaving import answer, read_head, scripted_server


@pytest.fixture(scope="module")
def what() -> Sample:
    return sample()


class TestOrthanc:
    def test_patient_of_a_study(self, client: DicomWeb, what: Sample) -> None:
        store(client, what.study, BytesBody(what.part10([b"abcd"])), what.instance)
        assert patients_of_study(client, what.study) == {"T1"}

    def test_a_study_that_is_not_there_has_none(self, client: DicomWeb) -> None:
        assert patients_of_study(client, generate_uid()) == set()


class TestAnswer:
    @pytest.mark.parametrize(
        ("status", "body", "error"),
        [
            ("503 Service Unavailable", b"", StoreUnavailable),
            ("429 Too Many Requests", b"", StoreUnavailable),
            ("401 Unauthorized", b"", ConfigurationError),
            ("403 Forbidden", b"", ConfigurationError),
            ("200 OK", b"<html>", StoreUnavailable),
            ("200 OK", b"[5]", StoreUnavailable),
            ("200 OK", b'[{"00100020": 5}]', StoreUnavailable),
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
            patients_of_study(client, "2.25.1")
        assert len(heads) == 1
        assert b"\r\nAuthorization: Bearer t\r\n" in heads[0]

    @pytest.mark.parametrize(
        ("body", "patients"),
        [
            (b"[]", set()),
            (b'[{"00100020": {"vr": "LO", "Value": ["4711"]}}]', {"4711"}),
            (b'[{"00100020": {"vr": "LO"}}]', {""}),
            (b"[{}]", {""}),
        ],
    )
    def test_what_the_answer_means(self, body: bytes, patients: set[str]) -> None:
        def script(connection: socket.socket) -> None:
            read_head(connection)
            connection.sendall(answer("200 OK", body, "Content-Type: application/dicom+json"))

        with scripted_server(script) as root, DicomWeb(root) as client:
            assert patients_of_study(client, "2.25.1") == patients
