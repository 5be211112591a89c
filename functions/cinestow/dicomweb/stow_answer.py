"""Reading a Store Instances Response (PS3.18 Annex I), in DICOM JSON or DICOM XML."""

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
import msgspec
from defusedxml import DefusedXmlException
from pydicom.datadict import tag_for_keyword


@dataclass(frozen=True)
class InstanceResult:
    """One item of a response sequence."""

    instance_uid: str | None
    """None: the store does not say which instance it means, as Google does of unreadable ones."""
    reason: int | None
    """Failure Reason, or Warning Reason of an instance that was stored."""


@dataclass(frozen=True)
class StoreAnswer:
    """What the store did with each instance of a request."""

    stored: tuple[InstanceResult, ...]
    failed: tuple[InstanceResult, ...]


def read_answer(body: bytes) -> StoreAnswer | None:
    """The response sequences, or None if ``body`` is not a Store Instances Response.

    Told apart by the first character: Orthanc's refusals carry no Content-Type.
    """
    try:
        return _from_xml(body) if body.lstrip()[:1] == b"<" else _from_json(body)
    except (msgspec.DecodeError, ParseError, DefusedXmlException, ValueError, LookupError):
        return None


def _tag(keyword: str) -> str:
    return f"{tag_for_keyword(keyword):08X}"


class _Texts(msgspec.Struct):
    values: list[str] = msgspec.field(name="Value", default_factory=list)


class _Numbers(msgspec.Struct):
    values: list[int] = msgspec.field(name="Value", default_factory=list)


class _Item(msgspec.Struct):
    instance: _Texts = msgspec.field(name=_tag("ReferencedSOPInstanceUID"), default_factory=_Texts)
    failure: _Numbers = msgspec.field(name=_tag("FailureReason"), default_factory=_Numbers)
    warning: _Numbers = msgspec.field(name=_tag("WarningReason"), default_factory=_Numbers)


class _Sequence(msgspec.Struct):
    items: list[_Item] = msgspec.field(name="Value", default_factory=list)


class _Response(msgspec.Struct):
    stored: _Sequence | None = msgspec.field(name=_tag("ReferencedSOPSequence"), default=None)
    failed: _Sequence | None = msgspec.field(name=_tag("FailedSOPSequence"), default=None)


def _from_json(body: bytes) -> StoreAnswer | None:
    decoded = msgspec.json.decode(body, type=_Response | list[_Response])
    # Some stores wrap the one data set in a list, as of metadata (PS3.18 F.2.1).
    response = decoded[0] if isinstance(decoded, list) else decoded
    if response.stored is None and response.failed is None:
        return None
    return StoreAnswer(
        tuple(_result(item) for item in _items(response.stored)),
        tuple(_result(item) for item in _items(response.failed)),
    )


def _items(sequence: _Sequence | None) -> list[_Item]:
    return [] if sequence is None else sequence.items


def _result(item: _Item) -> InstanceResult:
    reasons = item.failure.values or item.warning.values
    return InstanceResult(
        _uid(next(iter(item.instance.values), None)), reasons[0] if reasons else None
    )


def _from_xml(body: bytes) -> StoreAnswer | None:
    root: Element = defusedxml.ElementTree.fromstring(body)
    if all(root.find(_attribute(name)) is None for name in _SEQUENCES):
        return None
    stored, failed = (root.findall(f"{_attribute(name)}/{{*}}Item") for name in _SEQUENCES)
    return StoreAnswer(tuple(_xml_results(stored)), tuple(_xml_results(failed)))


_SEQUENCES = ("ReferencedSOPSequence", "FailedSOPSequence")


def _attribute(keyword: str) -> str:
    return f"{{*}}DicomAttribute[@tag='{_tag(keyword)}']"


def _xml_results(items: Iterable[Element]) -> Iterable[InstanceResult]:
    for item in items:
        uid, failure, warning = (
            item.findtext(f"{_attribute(keyword)}/{{*}}Value")
            for keyword in ("ReferencedSOPInstanceUID", "FailureReason", "WarningReason")
        )
        reason = failure or warning
        yield InstanceResult(_uid(uid), int(reason) if reason else None)


def _uid(text: str | None) -> str | None:
    """Without the padding that some stores leave in (PS3.5 9.1)."""
    return text.strip(" \0\r\n\t") or None if text is not None else None
