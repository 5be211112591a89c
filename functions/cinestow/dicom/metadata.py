"""Object metadata read, and several sources of metadata made one."""

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import combinations

from pydicom.datadict import dictionary_VM, tag_for_keyword
from pydicom.dataset import Dataset

from cinestow.dicom.settable import SETTABLE
from cinestow.dicom.values import Attributes, dataset_of, refused
from cinestow.errors import InputRefused, RefusalCode

_OURS = "cinestow-"
_BY_LOWER_CASE = {keyword.lower(): keyword for keyword in SETTABLE}
_PATIENT_IDENTITY = (
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
)


def from_object_metadata(custom: Mapping[str, str]) -> Dataset:
    """The attributes among an object's custom metadata.

    Keys are DICOM keywords in any case (the XML API lower-cases them); several values are joined
    by a backslash. Other systems write keys of their own, so keys that name no settable attribute
    are left alone, and so are ours (``cinestow-...``).
    """
    attributes: dict[str, list[str]] = {}
    for key, text in custom.items():
        keyword = _BY_LOWER_CASE.get(key.lower())
        if keyword is None or key.lower().startswith(_OURS):
            continue
        values = text.split("\\") if _may_be_several(keyword) else [text]
        if attributes.setdefault(keyword, values) != values:
            raise refused(keyword, "it is given twice, in different case, with different values")
    return dataset_of(_typed(attributes), SETTABLE)


def merge(sources: Sequence[tuple[str, Dataset]]) -> Dataset:
    """All attributes of all sources; what several give is taken from the earliest.

    Raises ``InputRefused`` (metadata-conflict) if two sources disagree in who the patient is.
    """
    for keyword in _PATIENT_IDENTITY:
        _check_agreement(keyword, [(name, ds) for name, ds in sources if keyword in ds])
    merged = Dataset()
    for _, dataset in reversed(sources):
        merged.update(dataset)
    return merged


def _may_be_several(keyword: str) -> bool:
    tag = tag_for_keyword(keyword)
    return tag is not None and dictionary_VM(tag) != "1"


def _typed(attributes: Mapping[str, list[str]]) -> Attributes:
    return {keyword: tuple(values) for keyword, values in attributes.items()}


def _check_agreement(keyword: str, sources: Sequence[tuple[str, Dataset]]) -> None:
    for (name, dataset), (other_name, other) in combinations(sources, 2):
        if not _same(keyword, str(dataset[keyword].value), str(other[keyword].value)):
            raise InputRefused(
                RefusalCode.METADATA_CONFLICT,
                f"{keyword} in {name} and in {other_name} differ, so it is not certain who the "
                "patient is. Correct one of them and upload the recording again.",
            )


def _same(keyword: str, one: str, other: str) -> bool:
    if keyword != "PatientName":
        return one == other
    groups = zip(_name_groups(one), _name_groups(other), strict=False)
    given_by_both = [(a, b) for a, b in groups if a and b]
    return bool(given_by_both) and all(a == b for a, b in given_by_both)


def _name_groups(name: str) -> list[str]:
    """Component groups without what says nothing: case, spaces, trailing delimiters."""
    normal = unicodedata.normalize("NFKC", name).casefold()
    return ["^".join(part.strip() for part in g.split("^")).rstrip("^") for g in normal.split("=")]
