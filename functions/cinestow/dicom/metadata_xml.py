"""Metadata as XML: the Native DICOM Model (PS3.19 A.1), read by a parser that refuses DTDs."""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset

from cinestow.dicom.settable import SETTABLE
from cinestow.dicom.values import Attributes, Value, check_size, dataset_of, refused
from cinestow.errors import InputRefused, RefusalCode

_NAME_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")
_NAME_COMPONENTS = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")


def from_xml(data: bytes) -> Dataset:
    """The attributes of a ``NativeDicomModel`` document, with or without its namespace."""
    check_size(data)
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise _malformed("expected well-formed XML without a document type") from None
    if _name(root) != "NativeDicomModel":
        raise _malformed("expected the root element NativeDicomModel")
    return dataset_of(_attributes(root, "", 0), SETTABLE)


def _malformed(what: str) -> InputRefused:
    return InputRefused(RefusalCode.METADATA_INVALID, f"The XML metadata is not usable: {what}.")


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: Element, name: str) -> Iterator[Element]:
    return (child for child in element if _name(child) == name)


def _attributes(parent: Element, path: str, depth: int) -> Attributes:
    if depth > 50:
        raise _malformed("its sequences are nested too deep")
    attributes: dict[str, Sequence[Value]] = {}
    for element in parent:
        if _name(element) != "DicomAttribute":
            raise _malformed("expected nothing but DicomAttribute elements")
        keyword = _keyword(element)
        if keyword in attributes:
            raise refused(path + keyword, "it stands twice")
        attributes[keyword] = list(_values(element, path + keyword, depth))
    return attributes


def _keyword(element: Element) -> str:
    tag = element.get("tag", "")
    try:
        keyword = keyword_for_tag(int(tag, 16))
    except (ValueError, OverflowError):
        keyword = ""
    if not keyword:
        raise _malformed("expected each attribute's tag to be that of a standard attribute")
    if element.get("keyword", keyword) != keyword:
        raise refused(keyword, "its tag and its keyword differ")
    if element.get("vr") != dictionary_VR(keyword):
        raise refused(keyword, f'expected vr="{dictionary_VR(keyword)}"')
    return keyword


def _values(element: Element, field: str, depth: int) -> Iterator[Value]:
    """Children stand in the order of their numbers."""
    for child in element:
        match _name(child):
            case "Value":
                yield child.text or ""
            case "PersonName":
                yield "=".join(_group(child, name) for name in _NAME_GROUPS).rstrip("=")
            case "Item":
                yield _attributes(child, field + ".", depth + 1)
            case _:
                raise refused(field, "expected Value, PersonName or Item")


def _group(person: Element, name: str) -> str:
    for group in _children(person, name):
        parts = {_name(part): part.text or "" for part in group}
        return "^".join(parts.get(component, "") for component in _NAME_COMPONENTS).rstrip("^")
    return ""
