"""David Clunie's dciodvfy as an independent judge of an instance's attributes."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    MPEG2MPHL,
    MPEG2MPML,
    MPEG4HP41,
    MPEG4HP41BD,
    MPEG4HP42STEREO,
    MPEG4HP422D,
    MPEG4HP423D,
)

_KNOWN = (
    MPEG2MPML,
    MPEG2MPHL,
    MPEG4HP41,
    MPEG4HP41BD,
    MPEG4HP422D,
    MPEG4HP423D,
    MPEG4HP42STEREO,
)
_PREAMBLE = 132
_GROUP_LENGTH_ELEMENT = 12


def dciodvfy_errors(path: Path) -> list[str]:
    """Lines that start with ``Error``; its exit code says nothing."""
    return _lines(path, "Error")


def dciodvfy_warnings(path: Path) -> list[str]:
    """Lines that start with ``Warning``."""
    return _lines(path, "Warning")


def _lines(path: Path, start: str) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        judged = _with_known_transfer_syntax(path, Path(folder) / "relabelled.dcm")
        done = subprocess.run(
            ["dciodvfy", str(judged)], capture_output=True, text=True, errors="replace", check=False
        )
    lines = (done.stdout + done.stderr).splitlines()
    assert lines, "dciodvfy said nothing, not even which IOD it is"
    return [line for line in lines if line.startswith(start)]


def _with_known_transfer_syntax(path: Path, copy: Path) -> Path:
    """``path`` itself, or a copy whose group 2 says H.264 High@4.1, which dciodvfy knows."""
    with path.open("rb") as file:
        meta = dcmread(file, stop_before_pixels=True).file_meta
        if meta.TransferSyntaxUID in _KNOWN:
            return path
        relabelled = FileMetaDataset()
        relabelled.update(meta)
        relabelled.TransferSyntaxUID = MPEG4HP41
        file.seek(_PREAMBLE + _GROUP_LENGTH_ELEMENT + meta.FileMetaInformationGroupLength)
        with copy.open("wb") as out:
            out.write(b"\0" * 128 + b"DICM")
            write_file_meta_info(out, relabelled)
            shutil.copyfileobj(file, out)
    return copy
