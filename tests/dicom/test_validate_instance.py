"""Quick checks of finished instances: each finds its fault, and none is found where none is."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import HEVCM10P51, MPEG4HP41, ExplicitVRLittleEndian

from cinestow.dicom.instance import build
from cinestow.dicom.part10 import layout
from cinestow.dicom.uids import identity
from cinestow.dicom.validate import file_problems, problems


@pytest.fixture
def good(payload: Callable[[int], Any]) -> Dataset:
    who = identity(b"k" * 32, Dataset(), "b", "n", 1)
    return build(Dataset(), payload(0).stream(), who, datetime(2025, 11, 21, tzinfo=UTC))


def test_a_good_instance_has_no_problems(good: Dataset) -> None:
    assert problems(good, MPEG4HP41) == []


@pytest.mark.parametrize(
    ("keyword", "wrong", "finding"),
    [
        ("StudyInstanceUID", None, "StudyInstanceUID is missing"),
        ("SeriesInstanceUID", "1.02", "SeriesInstanceUID is missing or not a UID"),
        ("SOPClassUID", "1.2.3", "SOPClassUID is not that of a video"),
        ("Modality", "ES", "Modality is not XC"),
        ("PhotometricInterpretation", "RGB", "PhotometricInterpretation is not YBR_PARTIAL_420"),
        ("Rows", 0, "Rows is not positive"),
        ("NumberOfFrames", 0, "NumberOfFrames is not positive"),
        ("NumberOfFrames", 20, "EffectiveDuration is not NumberOfFrames times FrameTime"),
        ("FrameTime", 0, "does not point to a positive FrameTime"),
        ("FrameIncrementPointer", 0x00181065, "does not point to a positive FrameTime"),
        ("LossyImageCompression", "00", "LossyImageCompression is not 01"),
        ("LossyImageCompressionMethod", "VP8", "not one for one"),
    ],
)
def test_a_wrong_attribute_is_found(
    good: Dataset, keyword: str, wrong: object, finding: str
) -> None:
    setattr(good, keyword, wrong)
    assert [problem for problem in problems(good, MPEG4HP41) if finding in problem]


@pytest.mark.parametrize(
    "syntax", [ExplicitVRLittleEndian, HEVCM10P51], ids=lambda uid: uid.keyword
)
def test_a_syntax_that_does_not_fit_is_found(good: Dataset, syntax: Any) -> None:
    assert len(problems(good, syntax)) == 1


class TestFile:
    @pytest.fixture
    def write(
        self, good: Dataset, payload: Callable[[int], Any], tmp_path: Path
    ) -> Callable[[Callable[[bytes], bytes]], Path]:
        data = payload(0).data
        frame = layout(good, MPEG4HP41, len(data))

        def changed(change: Callable[[bytes], bytes]) -> Path:
            path = tmp_path / "instance.dcm"
            path.write_bytes(change(frame.header + data + frame.trailer))
            return path

        return changed

    def test_a_good_file_has_no_problems(self, write: Callable[..., Path]) -> None:
        assert file_problems(write(lambda data: data)) == []

    @pytest.mark.parametrize(
        ("change", "finding"),
        [
            (lambda data: data[:-1], "ends inside Pixel Data"),
            (lambda data: data[: len(data) // 2], "ends inside Pixel Data"),
            (lambda data: data[: data.index(b"\xe0\x7f\x10\x00")], "Pixel Data is missing"),
            (lambda data: b"not DICOM" * 50, "not a readable DICOM Part 10 file"),
            (lambda data: b"", "not a readable DICOM Part 10 file"),
            (lambda data: data.replace(b"2.25.", b"2.26.", 1), "MediaStorageSOPInstanceUID"),
            # Values that pydicom finds broken only when they are asked for.
            (lambda data: data.replace(b"\x10\x00US\x02\x00", b"\x10\x00US\x03\x00"), "readable"),
            (lambda data: data.replace(b"\x02\x00UI", b"\x02\x00U\x1b", 1), "not a readable"),
        ],
    )
    def test_damage_is_found(
        self, write: Callable[..., Path], change: Callable[[bytes], bytes], finding: str
    ) -> None:
        assert any(finding in problem for problem in file_problems(write(change)))
