"""DICOM video instances written independently of the code under test, of any size."""

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import MPEG4HP41, UID, VideoPhotographicImageStorage, generate_uid

ITEM = b"\xfe\xff\x00\xe0"
DELIMITER = b"\xfe\xff\xdd\xe0" + bytes(4)


@dataclass(frozen=True)
class Sample:
    """One instance: its UIDs and its bytes in three parts."""

    study: str
    series: str
    instance: str
    header: bytes
    """Up to the end of PixelData's own element header."""
    trailer: bytes
    """Attributes after PixelData."""

    def part10(self, fragments: Iterable[bytes], offset_table: bytes = b"") -> bytes:
        """The whole instance with these fragments."""
        items = b"".join(item(value) for value in (offset_table, *fragments))
        return self.header + items + DELIMITER + self.trailer


def item(value: bytes) -> bytes:
    return ITEM + struct.pack("<I", len(value)) + value


def sample(trailer: Dataset | None = None, syntax: UID = MPEG4HP41, **attributes: object) -> Sample:
    """A small header; ``attributes`` are set on top, by keyword."""
    dataset = Dataset()
    dataset.SOPClassUID = VideoPhotographicImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.PatientName = "Test^Bunny"
    dataset.PatientID = "T1"
    dataset.Modality = "XC"
    dataset.NumberOfFrames = 25
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "YBR_PARTIAL_420"
    dataset.PlanarConfiguration = 0
    dataset.Rows, dataset.Columns = 240, 320
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation = 0
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    header = encoded(dataset) + b"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff"
    return Sample(
        dataset.StudyInstanceUID,
        dataset.SeriesInstanceUID,
        dataset.SOPInstanceUID,
        header,
        b"" if trailer is None else encoded_bare(trailer),
    )


def encoded(dataset: Dataset) -> bytes:
    """As a Part 10 file."""
    out = BytesIO()
    dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def encoded_bare(dataset: Dataset) -> bytes:
    """As a data set alone, explicit VR little endian."""
    out = BytesIO()
    dcmwrite(out, dataset, implicit_vr=False, little_endian=True)
    return out.getvalue()


class BytesBody:
    """A replayable body in memory that counts how often it was opened."""

    def __init__(self, data: bytes, piece: int = 1 << 20) -> None:
        self.data = data
        self.piece = piece
        self.opened = 0

    @property
    def length(self) -> int:
        return len(self.data)

    def open(self) -> Iterator[bytes]:
        self.opened += 1
        for start in range(0, len(self.data), self.piece):
            yield self.data[start : start + self.piece]


class FileBody:
    """A replayable body on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def length(self) -> int:
        return self.path.stat().st_size

    def open(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while piece := file.read(1 << 20):
                yield piece


def write_large(path: Path, what: Sample, megabytes: int) -> str:
    """Write an instance with one fragment of so many MB; the SHA-256 of the fragment."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        file.write(what.header + item(b"") + ITEM + struct.pack("<I", megabytes * 1_000_000))
        for number in range(megabytes):
            piece = hashlib.shake_128(str(number).encode()).digest(1_000) * 1_000
            digest.update(piece)
            file.write(piece)
        file.write(DELIMITER + what.trailer)
    return digest.hexdigest()
