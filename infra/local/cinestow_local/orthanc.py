"""Orthanc, the local DICOMweb store: Debian's packages, one folder for all, loopback only."""

import json
import os
import shutil
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from cinestow.errors import ConfigurationError

PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
READY_S = 30.0
STOP_S = 20.0


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc."""

    root_url: str
    """DICOMweb root, without a slash at the end."""
    port: int
    pid: int
    log: Path


@contextmanager
def orthanc(
    folder: Path, port: int = 0, settings: dict[str, Any] | None = None
) -> Iterator[Orthanc]:
    """Run Orthanc for the length of a ``with`` block.

    ``folder`` takes its configuration, database, files and log; what a former run stored there is
    found again. Port 0 means a free one. ``settings`` are added to Orthanc's configuration.
    ``ConfigurationError``: Orthanc is not installed or does not start.
    """
    program = _program()
    port = port or _free_port()
    folder = folder.resolve()
    name = f"cinestow-{uuid.uuid4().hex}"
    configuration = _configuration(folder, port, name) | (settings or {})
    log = folder / "orthanc.log"
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration, indent=2))
    with log.open("wb") as output:
        # A process group of its own: Ctrl-C on the terminal reaches us, and we stop Orthanc last.
        process = subprocess.Popen(
            [program, str(path)],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        _wait_until_ready(process, port, name, log)
        yield Orthanc(f"http://127.0.0.1:{port}/dicom-web", port, process.pid, log)
    finally:
        _stop(process)


def _program() -> str:
    """Where Debian put Orthanc; /usr/sbin is not on everybody's PATH."""
    program = shutil.which("Orthanc", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None or not PLUGIN.exists():
        raise ConfigurationError(
            f"Orthanc with its DICOMweb plugin is not installed: found program {program}, expected "
            f"it in PATH or /usr/sbin and the plugin in {PLUGIN}. "
            "Run: apt-get install orthanc orthanc-dicomweb"
        )
    return program


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _configuration(folder: Path, port: int, name: str) -> dict[str, Any]:
    return {
        "Name": name,
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "storage"),
        "TemporaryDirectory": str(folder / "tmp"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": port,
        "HttpCompressionEnabled": False,
        "DefaultEncoding": "Utf8",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomServerEnabled": False,
        "SaveJobs": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "EnableWado": False},
    }


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, name: str, log: Path) -> None:
    deadline = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < deadline:
        if _name_at(port) == name:
            return
        time.sleep(0.05)
    state = "did not answer" if process.poll() is None else f"ended with code {process.returncode}"
    tail = log.read_text(errors="replace")[-1500:]
    raise ConfigurationError(
        f"Orthanc {state} on port {port}; is the port taken? The end of {log}:\n{tail}"
    )


def _name_at(port: int) -> str | None:
    """The name of the Orthanc on that port: another one may already be there."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{port}/system", timeout=5, trust_env=False)
        return str(answer.json()["Name"]) if answer.status_code == httpx.codes.OK else None
    except (httpx.TransportError, ValueError, KeyError, TypeError):
        return None


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
