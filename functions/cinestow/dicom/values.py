"""Values from outside, checked against VR, VM, length and calendar (PS3.5 6.2, PS3.6).

Every route of metadata is first turned into ``Attributes``: DICOM keyword to list of values. A
refusal names the field and what was expected, and never quotes a value.
"""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from pydicom.datadict import dictionary_VM, dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import format_number_as_ds

from cinestow.dicom.items import ENUMERATED, SINGLE_ITEM, check_item
from cinestow.dicom.text import check_number, check_text, is_offset
from cinestow.errors import InputRefused, RefusalCode

Scalar: TypeAlias = str | int | float
Value: TypeAlias = "Scalar | Attributes"
Attributes: TypeAlias = Mapping[str, Sequence[Value]]

_NUMBERS = frozenset({"US", "SS", "UL", "SL", "FL", "FD"})
_TEXTS = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM"}
    | {"UC", "UI", "UR", "UT"}
)
_LONG = frozenset({"UC", "UR", "UT"})
_MOST_BYTES = 0xFFFE
_DEEPEST = 6
_KEYWORD = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_CHARACTER_SET = "SpecificCharacterSet"
_FIRST_OF_DATA_SETS = 0x0008
"""Groups below it belong to messages and files (PS3.5 7.1)."""
MAX_METADATA_BYTES = 4 << 20
"""More than this of a metadata file is never read."""


def refused(field: str, expected: str) -> InputRefused:
    """The refusal of one field of the metadata."""
    sentence = f"The metadata field {field} is not usable: {expected}."
    return InputRefused(RefusalCode.METADATA_INVALID, sentence)


def check_size(data: bytes) -> None:
    """Refuse a metadata file that is too large to be one."""
    if len(data) > MAX_METADATA_BYTES:
        sentence = f"The metadata file is larger than {MAX_METADATA_BYTES >> 20} MiB."
        raise InputRefused(RefusalCode.METADATA_INVALID, sentence)


def dataset_of(attributes: Attributes, settable: frozenset[str]) -> Dataset:
    """The dataset of checked values. Attributes without a value are left out.

    So is the character set, of items too: it told how the source's bytes were to be read, and what
    is written later is UTF-8. Raises ``InputRefused`` for an attribute that is unknown, not in
    ``settable``, or wrong.
    """
    for keyword in attributes:
        _known(keyword, keyword)
        if keyword not in settable and keyword != _CHARACTER_SET:
            raise refused(keyword, "this attribute cannot be set by metadata")
    return _dataset(attributes, "", 0)


def _known(keyword: str, field: str) -> None:
    if not _KEYWORD.fullmatch(keyword):
        raise refused("with an unreadable name", "expected DICOM keywords such as PatientID")
    if tag_for_keyword(keyword) is None:
        raise refused(field, "expected a DICOM keyword such as PatientID")


def _dataset(attributes: Attributes, path: str, depth: int) -> Dataset:
    if depth > _DEEPEST:
        raise refused(path.rstrip("."), f"sequences are nested deeper than {_DEEPEST} levels")
    dataset = Dataset()
    for keyword, values in attributes.items():
        field = path + keyword if _KEYWORD.fullmatch(keyword) else path.rstrip(".")
        _known(keyword, field)
        if keyword == _CHARACTER_SET:
            continue
        element = _element(keyword, values, field, depth)
        if element is not None:
            dataset.add(element)
    return dataset


def _element(keyword: str, values: Sequence[Value], field: str, depth: int) -> DataElement | None:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise refused(field, "expected a DICOM keyword such as PatientID")
    if tag >> 16 < _FIRST_OF_DATA_SETS:
        raise refused(field, "this attribute cannot be set by metadata")
    vr = dictionary_VR(tag)
    if vr == "SQ":
        if keyword in SINGLE_ITEM and len(values) > 1:
            raise refused(field, "expected a single item")
        items = [_item(keyword, value, f"{field}[{n}]", depth) for n, value in enumerate(values, 1)]
        return DataElement(tag, vr, items) if items else None
    if vr not in _TEXTS and vr not in _NUMBERS:
        raise refused(field, "this attribute cannot be set by metadata")
    scalars = [_scalar(vr, value, field) for value in values]
    while scalars and scalars[-1] == "":
        scalars.pop()
    if not scalars:
        return None
    _check_multiplicity(dictionary_VM(tag), len(scalars), field)
    _check_terms(keyword, scalars, field)
    if vr not in _LONG and len("\\".join(map(str, scalars)).encode()) > _MOST_BYTES:
        raise refused(field, f"expected at most {_MOST_BYTES} bytes")
    return DataElement(tag, vr, scalars[0] if len(scalars) == 1 else scalars)


def _check_terms(keyword: str, scalars: Sequence[Scalar], field: str) -> None:
    allowed = ENUMERATED.get(keyword)
    if allowed and not allowed.issuperset(map(str, scalars)):
        raise refused(field, f"expected one of {', '.join(sorted(allowed))}")
    if keyword == "TimezoneOffsetFromUTC" and not is_offset(str(scalars[0])):
        raise refused(field, "expected an offset from -1200 to +1400, such as +0100")


def _item(keyword: str, value: Value, field: str, depth: int) -> Dataset:
    if not isinstance(value, Mapping):
        raise refused(field, "expected a sequence item, given as a JSON object or an XML Item")
    item = _dataset(value, field + ".", depth + 1)
    if missing := check_item(keyword, item):
        raise refused(field, f"expected {missing} in each item")
    return item


def _scalar(vr: str, value: Value, field: str) -> Scalar:
    if isinstance(value, Mapping | bool):
        raise refused(field, "expected a text or a number")
    if vr in _NUMBERS:
        number, expected = check_number(vr, value)
        if number is None:
            raise refused(field, expected)
        return number
    if not isinstance(value, str):
        if vr not in ("IS", "DS"):
            raise refused(field, "expected a text, not a number")
        in_ds = vr == "DS" and isinstance(value, float)
        value = format_number_as_ds(value) if in_ds else str(value)
    text, expected = check_text(vr, value)
    if expected:
        raise refused(field, expected)
    return text


def _check_multiplicity(multiplicity: str, count: int, field: str) -> None:
    """PS3.6 6: ``1``, ``1-3``, ``1-n``, ``2-2n``."""
    low, _, high = multiplicity.partition("-")
    step = int(high[:-1] or 1) if high.endswith("n") else 1
    most = count if high.endswith("n") else int(high or low)
    if not int(low) <= count <= most or count % step:
        raise refused(field, f"expected {multiplicity} value(s)")
