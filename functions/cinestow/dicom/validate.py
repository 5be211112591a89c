"""Quick checks of a finished instance, before it is staged or sent.

Whether the attributes agree with the bit stream itself is the pipeline's to compare.
"""

import os
import struct
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import (
    HEVCM10P51,
    HEVCMP51,
    MPEG2MPHL,
    MPEG2MPHLF,
    MPEG2MPML,
    MPEG2MPMLF,
    MPEG4HP41,
    MPEG4HP41BD,
    MPEG4HP41BDF,
    MPEG4HP41F,
    MPEG4HP42STEREO,
    MPEG4HP42STEREOF,
    MPEG4HP422D,
    MPEG4HP422DF,
    MPEG4HP423D,
    MPEG4HP423DF,
    UID,
)

from cinestow.dicom.iods.registry import IODS
from cinestow.dicom.metadata_header import DAMAGED
from cinestow.dicom.text import check_text

VIDEO_TRANSFER_SYNTAXES = frozenset(
    {MPEG2MPML, MPEG2MPMLF, MPEG2MPHL, MPEG2MPHLF, MPEG4HP41, MPEG4HP41F, MPEG4HP41BD}
    | {MPEG4HP41BDF, MPEG4HP422D, MPEG4HP422DF, MPEG4HP423D, MPEG4HP423DF, MPEG4HP42STEREO}
    | {MPEG4HP42STEREOF, HEVCMP51, HEVCM10P51}
)
_UIDS = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID")
_PICTURE = {
    "SamplesPerPixel": 3,
    "PlanarConfiguration": 0,
    "PixelRepresentation": 0,
    "PhotometricInterpretation": "YBR_PARTIAL_420",
    "BitsAllocated": 8,
    "BitsStored": 8,
    "HighBit": 7,
}
_ITEM = struct.Struct("<HHI")


def problems(dataset: Dataset, transfer_syntax: UID) -> list[str]:
    """What is wrong with a video instance's attributes; one sentence each, none if all is well."""
    return [
        *_identity_problems(dataset, transfer_syntax),
        *_picture_problems(dataset),
        *_timing_problems(dataset),
        *_compression_problems(dataset),
    ]


def file_problems(path: Path) -> list[str]:
    """What is wrong with a Part 10 file: ``problems``, its group 2, and where its bytes end."""
    with path.open("rb") as file:
        try:
            dataset = dcmread(file, stop_before_pixels=True)
            found = [
                *problems(dataset, UID(dataset.file_meta.TransferSyntaxUID)),
                *_meta_problems(dataset),
            ]
            return found + _pixel_data_problems(file, dataset)
        except DAMAGED:
            return ["This is not a readable DICOM Part 10 file."]


def _meta_problems(dataset: Dataset) -> list[str]:
    return [
        f"MediaStorage{keyword} differs from {keyword}."
        for keyword in ("SOPInstanceUID", "SOPClassUID")
        if dataset.file_meta.get(f"MediaStorage{keyword}") != dataset.get(keyword)
    ]


def _identity_problems(dataset: Dataset, transfer_syntax: UID) -> list[str]:
    found = [
        f"{keyword} is missing or not a UID."
        for keyword in _UIDS
        if not dataset.get(keyword) or check_text("UI", str(dataset[keyword].value))[1]
    ]
    if transfer_syntax not in VIDEO_TRANSFER_SYNTAXES:
        found.append(f"The transfer syntax {transfer_syntax.name} is not one of video.")
    iod = next((iod for iod in IODS if iod.sop_class == dataset.get("SOPClassUID")), None)
    if iod is None:
        found.append("SOPClassUID is not that of a video instance.")
    elif dataset.get("Modality") != iod.modality:
        found.append(f"Modality is not {iod.modality}, as {iod.sop_class.name} asks for.")
    if iod is not None and transfer_syntax == HEVCM10P51:
        found.append(f"{iod.sop_class.name} has 8 bits, {transfer_syntax.name} has 10.")
    return found


def _picture_problems(dataset: Dataset) -> list[str]:
    wrong = [
        f"{keyword} is not {expected}."
        for keyword, expected in _PICTURE.items()
        if dataset.get(keyword) != expected
    ]
    return wrong + [f"{k} is not positive." for k in ("Rows", "Columns") if not dataset.get(k)]


def _timing_problems(dataset: Dataset) -> list[str]:
    frames = int(dataset.get("NumberOfFrames") or 0)
    frame_time = float(dataset.get("FrameTime") or 0)
    found = []
    if frames < 1:
        found.append("NumberOfFrames is not positive.")
    if frame_time <= 0 or dataset.get("FrameIncrementPointer") != 0x00181063:
        found.append("FrameIncrementPointer does not point to a positive FrameTime.")
    duration = dataset.get("EffectiveDuration")
    if duration is not None and abs(float(duration) * 1000 - frames * frame_time) > frame_time:
        found.append("EffectiveDuration is not NumberOfFrames times FrameTime.")
    return found


def _compression_problems(dataset: Dataset) -> list[str]:
    ratios, methods = (
        dataset[keyword].VM if keyword in dataset else 0
        for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
    )
    found = []
    if dataset.get("LossyImageCompression") != "01":
        found.append("LossyImageCompression is not 01, although video is compressed with loss.")
    if not ratios or ratios != methods:
        found.append("Lossy compression ratios and methods are not one for one.")
    return found


def _pixel_data_problems(file: BinaryIO, dataset: Dataset) -> list[str]:
    """Walk the fragments of Pixel Data, which starts where the reader stopped."""
    size = os.fstat(file.fileno()).st_size
    if file.read(12)[:6] != b"\xe0\x7f\x10\x00OB":
        return ["Pixel Data is missing."]
    lengths = []
    while True:
        item = file.read(_ITEM.size)
        if len(item) < _ITEM.size:
            return ["The file ends inside Pixel Data."]
        group, element, length = _ITEM.unpack(item)
        if (group, element) == (0xFFFE, 0xE0DD):
            break
        if (group, element) != (0xFFFE, 0xE000) or file.tell() + length > size:
            return ["The file ends inside Pixel Data, or its fragments are broken."]
        lengths.append(length)
        file.seek(length, os.SEEK_CUR)
    total = dataset.get("EncapsulatedPixelDataValueTotalLength")
    if len(lengths) < 2 or lengths[1] == 0:
        return ["Pixel Data is empty."]
    if total is not None and sum(lengths[1:]) != total + total % 2:
        return ["EncapsulatedPixelDataValueTotalLength is not the length of the fragments."]
    return []
