"""Coded anatomy and laterality."""

import pytest
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from cinestow.dicom.anatomy import SITES, describe_anatomy
from cinestow.dicom.codes import LOSSY_COMPRESSION, PROCESSING_EQUIPMENT, UNKNOWN, Code
from cinestow.dicom.metadata import from_object_metadata

STANDARD = {
    (code.scheme_designator, code.value): code.meaning
    for context_group in (codes.cid4, codes.cid3703, codes.cid7005, codes.cid7203)
    for code in context_group.concepts.values()
}


def described(**given: str) -> Dataset:
    dataset = from_object_metadata(given)
    describe_anatomy(dataset)
    return dataset


@pytest.mark.parametrize(
    "code", [*SITES.values(), UNKNOWN, PROCESSING_EQUIPMENT, LOSSY_COMPRESSION]
)
def test_every_code_is_the_standards(code: Code) -> None:
    assert STANDARD[code.scheme, code.value] == code.meaning


def test_body_part_examined_is_coded() -> None:
    dataset = described(BodyPartExamined="COLON")
    assert dataset.AnatomicRegionSequence[0].CodeMeaning == "Colon"
    assert dataset.BodyPartExamined == "COLON"
    assert dataset.ImageLaterality == "U"
    assert "Laterality" not in dataset


@pytest.mark.parametrize("given", [{}, {"BodyPartExamined": "SOMEWHERE"}])
def test_unknown_is_coded_as_unknown_and_its_side_too(given: dict[str, str]) -> None:
    dataset = described(**given)
    assert dataset.AnatomicRegionSequence[0].CodeMeaning == "Unknown"
    assert dataset.Laterality is None


def test_nothing_is_said_of_sides_where_one_or_both_may_be_meant() -> None:
    assert not [e for e in described(BodyPartExamined="LUNG") if "Laterality" in e.keyword]


def test_a_paired_part_says_that_its_side_is_unknown() -> None:
    assert described(BodyPartExamined="EYE").Laterality is None


@pytest.mark.parametrize("told", ["Laterality", "ImageLaterality"])
def test_a_side_that_was_told_stands(told: str) -> None:
    dataset = described(BodyPartExamined="EYE", **{told: "L"})
    assert [e.value for e in dataset if "Laterality" in e.keyword] == ["L"]


def test_a_given_region_stands() -> None:
    dataset = Dataset()
    dataset.AnatomicRegionSequence = [Code("20233005", "SCT", "Scrotum").item()]
    dataset.BodyPartExamined = "EYE"
    describe_anatomy(dataset)
    assert dataset.AnatomicRegionSequence[0].CodeMeaning == "Scrotum"
    assert "Laterality" not in dataset
