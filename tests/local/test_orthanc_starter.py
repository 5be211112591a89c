import os
import shutil
import socket
from pathlib import Path

import httpx
import psutil
import pytest

from cinestow.dicomweb.client import DicomWeb
from cinestow.dicomweb.query import patients_of_study
from cinestow.dicomweb.stow import store
from cinestow.errors import ConfigurationError
from support.instances import BytesBody, sample
from support.orthanc import orthanc


class TestOrthanc:
    def test_serves_dicomweb_and_ends(self, tmp_path: Path) -> None:
        with orthanc(tmp_path) as server:
            studies = httpx.get(f"{server.root_url}/studies", trust_env=False)
            assert studies.json() == []
            assert psutil.Process(server.pid).name() == "Orthanc"
            listening = {
                connection.laddr.port
                for connection in psutil.Process(server.pid).net_connections()
                if connection.status == psutil.CONN_LISTEN
            }
            assert listening == {server.port}
        assert not psutil.pid_exists(server.pid)

    def test_keeps_what_it_stored(self, tmp_path: Path) -> None:
        what = sample()
        with orthanc(tmp_path) as server, DicomWeb(server.root_url) as client:
            store(client, what.study, BytesBody(what.part10([b"abcd"])), what.instance)
        with orthanc(tmp_path) as server, DicomWeb(server.root_url) as client:
            assert patients_of_study(client, what.study) == {"T1"}

    def test_ends_when_its_user_fails(self, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError), orthanc(tmp_path) as server:
            raise ZeroDivisionError
        assert not psutil.pid_exists(server.pid)

    def test_writes_only_into_its_folder(self, tmp_path: Path) -> None:
        what = sample()
        with orthanc(tmp_path) as server, DicomWeb(server.root_url) as client:
            store(client, what.study, BytesBody(what.part10([bytes(100_000)])), what.instance)
            opened = {Path(file.path) for file in psutil.Process(server.pid).open_files()}
        assert opened
        assert all(path.is_relative_to(tmp_path) for path in opened)

    def test_taken_port(self, tmp_path: Path) -> None:
        with socket.create_server(("0.0.0.0", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(ConfigurationError, match=f"port {port}"), orthanc(tmp_path, port):
                pytest.fail("it started")

    def test_another_orthanc_on_the_port(self, tmp_path: Path) -> None:
        with (
            orthanc(tmp_path / "a") as first,
            pytest.raises(ConfigurationError, match="ended with code"),
            orthanc(tmp_path / "b", first.port),
        ):
            pytest.fail("took the other one for its own")

    def test_not_installed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda name, path: None)
        with (
            pytest.raises(ConfigurationError, match="apt-get install orthanc orthanc-dicomweb"),
            orthanc(tmp_path),
        ):
            pytest.fail("it started")

    def test_found_without_sbin_on_the_path(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", os.defpath)
        with orthanc(tmp_path) as server:
            assert server.pid
