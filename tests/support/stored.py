"""Instances put into a real Orthanc for tests, and where they lie."""

from dataclasses import dataclass

import httpx
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from support.instances import Sample, encoded
from support.orthanc import Orthanc


@dataclass(frozen=True)
class Stored:
    """One instance in Orthanc."""

    study: str
    series: str
    instance: str
    bit_stream: bytes = b""

    @property
    def path(self) -> str:
        return f"studies/{self.study}/series/{self.series}/instances/{self.instance}"

    @property
    def rendered(self) -> str:
        return f"/dicomweb/{self.path}/rendered"


def put(store: Orthanc, data: bytes) -> None:
    """Store through Orthanc's own interface, not through DICOMweb."""
    answer = httpx.post(f"http://127.0.0.1:{store.port}/instances", content=data, timeout=60)
    answer.raise_for_status()


def put_video(store: Orthanc, what: Sample, bit_stream: bytes) -> Stored:
    padded = bit_stream + bytes(len(bit_stream) % 2)
    put(store, what.part10([padded]))
    return Stored(what.study, what.series, what.instance, padded)


def put_picture(store: Orthanc, syntax: str, pixels: bytes) -> Stored:
    dataset = Dataset()
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.PatientID = "T2"
    dataset.Modality = "OT"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = dataset.Columns = 2
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelRepresentation = 0
    dataset.PixelData = pixels
    dataset["PixelData"].is_undefined_length = syntax != ExplicitVRLittleEndian
    dataset["PixelData"].VR = "OB"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    put(store, encoded(dataset))
    return Stored(dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID)
