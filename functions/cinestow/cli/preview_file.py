"""A preview file of whatever holds a video: a DICOM file, a WADO-RS URL, or any recording."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from cinestow.dicom.part10_file import Part10File
from cinestow.dicomweb import wado
from cinestow.dicomweb.client import DicomWeb
from cinestow.errors import InputRefused, RefusalCode
from cinestow.media import isolated
from cinestow.media.model import Limits, Source
from cinestow.media.preview_model import PreviewSettings
from cinestow.media.source import FileSource

STILLS: dict[str, Literal["jpeg", "png"]] = {".jpg": "jpeg", ".jpeg": "jpeg", ".png": "png"}
KINDS = (".webm", ".mp4", ".gif", *STILLS)
DICOM_PREFIX = slice(128, 132)
_INSTANCE = re.compile(
    r"(?P<root>https?://.+)/studies/(?P<study>[0-9.]+)/series/(?P<series>[0-9.]+)"
    r"/instances/(?P<instance>[0-9.]+)(/rendered)?/?"
)
PIECE = 1 << 20


def is_instance_url(where: str) -> bool:
    """Whether that is the WADO-RS URL of an instance (PS3.18 10.4)."""
    return _INSTANCE.fullmatch(where) is not None


def preview(where: str, output: Path, settings: PreviewSettings, limits: Limits) -> None:
    """Write the preview that ``output``'s suffix names (one of ``KINDS``).

    Raises ``InputRefused`` when ``where`` holds no video that can be decoded.
    """
    suffix = output.suffix.lower()
    with _source(where, output.parent) as source:
        if suffix == ".webm":
            _write_webm(source, output, settings, limits)
        elif suffix == ".mp4":
            _write_stored(source, output)
        elif suffix == ".gif":
            output.write_bytes(isolated.encode_animation(source, limits))
        else:
            output.write_bytes(isolated.encode_still(source, STILLS[suffix], limits))


@contextmanager
def _source(where: str, folder: Path) -> Iterator[Source]:
    """The video by random access; a URL's is first copied into a temporary file."""
    instance = _INSTANCE.fullmatch(where)
    if instance is not None:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".cinestow-") as copy:
            with (
                DicomWeb(instance["root"]) as store,
                wado.retrieve(
                    store, instance["study"], instance["series"], instance["instance"]
                ) as retrieved,
            ):
                copy.writelines(retrieved.bit_stream())
            copy.flush()
            yield FileSource(Path(copy.name))
    elif _is_dicom(Path(where)):
        with Part10File(Path(where)) as file:
            yield file
    else:
        yield FileSource(Path(where))


def _is_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(DICOM_PREFIX.stop)[DICOM_PREFIX] == b"DICM"


def _write_webm(source: Source, output: Path, settings: PreviewSettings, limits: Limits) -> None:
    """The head is known last, so the body waits beside the output."""
    with tempfile.TemporaryFile(dir=output.parent) as body:
        head = isolated.encode_preview(source, settings, body.write, limits)
        body.seek(0)
        with output.open("wb") as file:
            file.write(head.head)
            shutil.copyfileobj(body, file)


def _write_stored(source: Source, output: Path) -> None:
    """The MP4 that is stored, untouched."""
    if source.read_at(4, 4) != b"ftyp":
        raise InputRefused(
            RefusalCode.UNSUPPORTED,
            "The video is not stored as MP4, so it cannot be copied out as one; "
            "ask for .webm, or convert it first.",
        )
    with output.open("wb") as file:
        for offset in range(0, source.size, PIECE):
            file.write(source.read_at(offset, PIECE))
