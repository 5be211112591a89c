"""Metadata out of the header of a DICOM file: who, which study, which series, which device."""

import struct
from io import BytesIO

from pydicom import dcmread
from pydicom.charset import python_encoding
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from cinestow.dicom.iods.registry import MODALITIES
from cinestow.dicom.settable import COMMON, EQUIPMENT, PATIENT, PATIENT_STUDY, SERIES, STUDY
from cinestow.dicom.values import Attributes, Value, check_size, dataset_of, refused
from cinestow.errors import InputRefused, RefusalCode

_ABOUT_THE_PATIENT = PATIENT | PATIENT_STUDY | STUDY | COMMON
_ABOUT_THE_SERIES = SERIES | EQUIPMENT
DAMAGED = (
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""What pydicom raises over bytes that are no DICOM, or hold broken values."""


def from_dicom(data: bytes) -> Dataset:
    """The patient, study, series and equipment of a DICOM file's header, checked like any other.

    ``data`` may end anywhere after those. A series has one modality and one device, so both and the
    series itself are taken only from a header whose modality a video instance can have. What the
    header says about its own instance and pictures is not taken.
    """
    check_size(data)
    if DeflatedExplicitVRLittleEndian.encode() in data:
        raise _malformed("its header is deflated; expected an uncompressed one")
    keywords = sorted(_ABOUT_THE_PATIENT | _ABOUT_THE_SERIES | {"SpecificCharacterSet"})
    try:
        header = dcmread(BytesIO(data), stop_before_pixels=True, specific_tags=list(keywords))
        modality = str(header.get("Modality"))
        UID(header.file_meta.TransferSyntaxUID)
    except DAMAGED:
        raise _malformed("expected a DICOM Part 10 file") from None
    of_video = modality in MODALITIES
    wanted = _ABOUT_THE_PATIENT | (_ABOUT_THE_SERIES if of_video else frozenset())
    _check_character_set(header)
    dataset = dataset_of(_attributes(header, wanted), wanted)
    if "SpecificCharacterSet" not in header and not str(dataset).isascii():
        raise refused("SpecificCharacterSet", "it is absent although not all text is ASCII")
    return dataset


def _malformed(what: str) -> InputRefused:
    return InputRefused(RefusalCode.METADATA_INVALID, f"The DICOM header is not usable: {what}.")


def _check_character_set(header: Dataset) -> None:
    names = header.get("SpecificCharacterSet") or ""
    listed = list(names) if isinstance(names, MultiValue) else [names]
    if any(name not in python_encoding for name in listed):
        raise refused("SpecificCharacterSet", "expected character sets that DICOM defines")


def _attributes(dataset: Dataset, wanted: frozenset[str] | None = None) -> Attributes:
    attributes: dict[str, list[Value]] = {}
    for tag in dataset.keys():  # noqa: SIM118 - iterating a Dataset decodes each element first
        try:
            element = dataset[tag]
            if not element.keyword or (wanted is not None and element.keyword not in wanted):
                continue
            attributes[element.keyword] = _values(element.VR, element.value)
        except DAMAGED:
            raise refused(f"with tag {tag}", "its value is broken") from None
    return attributes


def _values(vr: str, value: object) -> list[Value]:
    if value is None or value == "":
        return []
    if isinstance(value, Sequence):
        return [_attributes(item) for item in value]
    listed = value if isinstance(value, list | MultiValue) else [value]
    texts: list[Value] = []
    for each in listed:
        if isinstance(each, int | float) and vr not in ("IS", "DS"):
            texts.append(each)
        else:
            texts.append(str(each).rstrip("\0"))
    return texts
