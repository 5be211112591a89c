"""Finding where the data elements of an explicit VR little endian stream end (PS3.5 7.1, 7.5)."""

import struct
from dataclasses import dataclass

from pydicom.tag import BaseTag, ItemDelimiterTag, ItemTag, SequenceDelimiterTag, Tag
from pydicom.valuerep import EXPLICIT_VR_LENGTH_32, STANDARD_VR, VR

from cinestow.dicomweb.byte_reader import ByteReader
from cinestow.errors import InputRefused, RefusalCode, StoreUnavailable

UNDEFINED_LENGTH = 0xFFFFFFFF
PIXEL_DATA = Tag("PixelData")
MAX_BYTES = 64 << 20
"""Most bytes of attributes before, or after, the pixel data that are kept in memory."""
MAX_DEPTH = 64
"""Most sequences and items of undefined length inside each other."""
WITHOUT_VR = (ItemTag, ItemDelimiterTag, SequenceDelimiterTag)


@dataclass(frozen=True)
class ElementHeader:
    """Tag, VR and length of a data element, and the bytes they were read from."""

    tag: BaseTag
    vr: str
    length: int
    encoded: bytes


@dataclass(frozen=True)
class Elements:
    """Consecutive data elements, still encoded."""

    encoded: bytes
    pixel_data: ElementHeader | None
    """Header of the PixelData behind them, its value not yet read; None: the stream ended."""


def read_elements(reader: ByteReader) -> Elements:
    """Copy data elements up to PixelData or the end.

    ``StoreUnavailable``: cut off in an element, or no data elements at all. ``InputRefused``: more
    bytes or deeper sequences than we keep.
    """
    encoded = bytearray()
    implicit_vr = [False]  # of the data set, then of each open sequence and item
    while len(implicit_vr) > 1 or not reader.at_end():
        element = _header(reader, implicit_vr[-1])
        if element.tag == PIXEL_DATA and len(implicit_vr) == 1:
            return Elements(bytes(encoded), element)
        encoded += element.encoded
        _descend(element, implicit_vr)
        if element.length != UNDEFINED_LENGTH:
            if len(encoded) + element.length > MAX_BYTES:
                raise _over_limit(f"over {MAX_BYTES >> 20} MiB of attributes beside its pixel data")
            encoded += reader.read(element.length)
    return Elements(bytes(encoded), None)


def _header(reader: ByteReader, implicit_vr: bool) -> ElementHeader:
    encoded = reader.read(8)
    group, element = struct.unpack_from("<HH", encoded)
    tag = Tag(group, element)
    if tag in WITHOUT_VR or implicit_vr:
        return ElementHeader(tag, "", struct.unpack_from("<I", encoded, 4)[0], encoded)
    vr = encoded[4:6].decode("latin-1")
    if vr not in STANDARD_VR:
        raise _garbage(f"no value representation at {tag}")
    if vr in EXPLICIT_VR_LENGTH_32:
        encoded += reader.read(4)
        return ElementHeader(tag, vr, struct.unpack_from("<I", encoded, 8)[0], encoded)
    return ElementHeader(tag, vr, struct.unpack_from("<H", encoded, 6)[0], encoded)


def _descend(element: ElementHeader, implicit_vr: list[bool]) -> None:
    """Keep account of what is open: ``implicit_vr`` has one entry per level."""
    if element.tag in (ItemDelimiterTag, SequenceDelimiterTag):
        if len(implicit_vr) == 1 or element.length:
            raise _garbage(f"delimiter {element.tag} out of place")
        implicit_vr.pop()
    elif element.tag == ItemTag and len(implicit_vr) == 1:
        raise _garbage("an item outside any sequence")
    elif element.length == UNDEFINED_LENGTH:
        if len(implicit_vr) > MAX_DEPTH:
            raise _over_limit(f"sequences nested more than {MAX_DEPTH} deep")
        # A UN of undefined length is a sequence in implicit VR (PS3.5 6.2.2).
        implicit_vr.append(implicit_vr[-1] or element.vr == VR.UN)


def _garbage(found: str) -> StoreUnavailable:
    return StoreUnavailable(f"The store's answer is no explicit VR little endian data set: {found}")


def _over_limit(found: str) -> InputRefused:
    return InputRefused(RefusalCode.OVER_LIMIT, f"The retrieved instance has {found}.")
