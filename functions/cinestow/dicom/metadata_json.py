"""Metadata as JSON: flat (DICOM keywords), or the DICOM JSON model (PS3.18 F)."""

import json
import math
import re
from collections.abc import Sequence

from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset

from cinestow.dicom.settable import SETTABLE
from cinestow.dicom.values import Attributes, Value, check_size, dataset_of, refused
from cinestow.errors import InputRefused, RefusalCode

_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def from_json(data: bytes) -> Dataset:
    """The attributes of a JSON file; which of the two forms it is, is seen by its keys.

    Flat: ``{"PatientName": "Doe^Jane", "AnatomicRegionSequence": [{"CodeValue": ...}]}`` with a
    text, a number, or a list of them, or objects for sequence items. An empty value says nothing.
    """
    check_size(data)
    model = _parse(data)
    if isinstance(model, list) and len(model) == 1:
        model = model[0]
    if not isinstance(model, dict):
        raise _malformed("expected one object")
    is_dicom_json = any(_TAG.fullmatch(key) for key in model)
    try:
        attributes = _dicom_json(model, "") if is_dicom_json else _flat(model, "")
    except RecursionError:
        raise _malformed("its sequences are nested too deep") from None
    return dataset_of(attributes, SETTABLE)


def _malformed(what: str) -> InputRefused:
    return InputRefused(RefusalCode.METADATA_INVALID, f"The JSON metadata is not usable: {what}.")


def _parse(data: bytes) -> object:
    def object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len({key for key, _ in pairs}) != len(pairs):
            raise _malformed("a name stands twice in the same object")
        return dict(pairs)

    def no_constant(_: str) -> object:
        raise _malformed("a number is not finite")

    try:
        text = data.decode("utf-8-sig")
        return json.loads(text, object_pairs_hook=object_of, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise _malformed("expected JSON in UTF-8") from None


def _flat(model: dict[str, object], path: str) -> Attributes:
    return {key: _flat_values(value, path + key) for key, value in model.items()}


def _flat_values(value: object, field: str) -> Sequence[Value]:
    if value is None:
        return ()
    if isinstance(value, list):
        return [_flat_value(v, field) for v in value]
    return [_flat_value(value, field)]


def _flat_value(value: object, field: str) -> Value:
    if isinstance(value, dict):
        return _flat(value, field + ".")
    return _scalar(value, field)


def _scalar(value: object, field: str) -> Value:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise refused(_printable(field), "expected texts, numbers or objects")
    if isinstance(value, float) and not math.isfinite(value):
        raise refused(_printable(field), "expected a finite number")
    return value


def _printable(field: str) -> str:
    return field if re.fullmatch(r"[A-Za-z0-9.]{1,200}", field) else "with an unreadable name"


def _dicom_json(model: dict[str, object], path: str) -> Attributes:
    attributes: dict[str, Sequence[Value]] = {}
    for tag, element in model.items():
        keyword = keyword_for_tag(tag) if _TAG.fullmatch(tag) else ""
        if not keyword:
            raise refused(_printable(path + tag), "expected the tag of a standard attribute")
        field = path + keyword
        if not isinstance(element, dict) or element.get("vr") != dictionary_VR(tag):
            raise refused(field, f'expected an object with "vr": "{dictionary_VR(tag)}"')
        values = element.get("Value", [])
        if not isinstance(values, list) or element.keys() - {"vr", "Value"}:
            raise refused(field, 'expected its values as a list in "Value"')
        attributes[keyword] = [_dicom_json_value(str(element["vr"]), v, field) for v in values]
    return attributes


def _dicom_json_value(vr: str, value: object, field: str) -> Value:
    if vr == "SQ" and isinstance(value, dict):
        return _dicom_json(value, field + ".")
    if vr == "PN" and isinstance(value, dict):
        groups = [value.get(group, "") for group in _NAME_GROUPS]
        if value.keys() - set(_NAME_GROUPS) or not all(isinstance(g, str) for g in groups):
            raise refused(field, f"expected {', '.join(_NAME_GROUPS)} as texts")
        return "=".join(map(str, groups)).rstrip("=")
    return _scalar(value, field)
