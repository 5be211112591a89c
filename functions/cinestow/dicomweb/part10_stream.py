"""A Part 10 instance with encapsulated pixel data, read while it streams in (PS3.10 7, PS3.5 A.4).

Memory holds the attributes and one chunk, never the pixel data.
"""

import struct
from collections.abc import Iterable, Iterator, MutableSequence
from io import BytesIO

from pydicom.charset import default_encoding
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.errors import BytesLengthException
from pydicom.filereader import read_dataset
from pydicom.tag import ItemTag, SequenceDelimiterTag, Tag
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from cinestow.dicomweb.byte_reader import ByteReader
from cinestow.dicomweb.elements import UNDEFINED_LENGTH, ElementHeader, Elements, read_elements
from cinestow.errors import InputRefused, RefusalCode, StoreUnavailable

PREAMBLE = 128
GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
"""Header of File Meta Information Group Length, the first element of every Part 10 file."""
MAX_META = 1 << 20
_DAMAGED = (
    AttributeError,
    BytesLengthException,
    LookupError,
    NotImplementedError,
    OSError,
    TypeError,
    ValueError,
    struct.error,
)
"""What pydicom raises over values that are broken."""
NOT_ENCAPSULATED = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)


class RetrievedInstance:
    """The instance at the head of a stream; its fragments can be read once, in order."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Read up to the pixel data.

        ``StoreUnavailable``: cut off, or no Part 10 stream. ``InputRefused``: its pixel data are
        not encapsulated, or its attributes are larger than we keep.
        """
        self._reader = ByteReader(chunks)
        self.file_meta = _read_meta(self._reader)
        """Group 2."""
        _refuse_other_syntaxes(self.file_meta)
        elements = read_elements(self._reader)
        _check_pixel_data(elements.pixel_data)
        self.dataset = _decoded(elements)
        """Every attribute before PixelData; group 2 is its ``file_meta``."""
        self.dataset.file_meta = self.file_meta
        self._after: Dataset | None = None

    @property
    def after_pixel_data(self) -> Dataset:
        """Every attribute behind PixelData; there once the fragments were read to their end."""
        assert self._after is not None, "read the fragments to their end first"
        return self._after

    def fragments(self) -> Iterator[Iterator[bytes]]:
        """The fragments in order, each in pieces of at most 1 MiB; no offset table.

        What of a fragment is not read is skipped. ``StoreUnavailable``: cut off.
        """
        for _offset_table in self._next_item() or ():
            pass
        while (pieces := self._next_item()) is not None:
            yield pieces
            for _unread in pieces:
                pass
        self._read_rest()

    def bit_stream(self) -> Iterator[bytes]:
        """All fragments joined, in pieces of at most 1 MiB.

        A fragment has even length (PS3.5 A.4): the last one may end with one byte 00H that is
        padding and not part of the bit stream, and nothing in the instance tells which it is.
        """
        for fragment in self.fragments():
            yield from fragment

    def _next_item(self) -> Iterator[bytes] | None:
        """The value of the next item of PixelData; None behind the last one."""
        group, element, length = struct.unpack("<HHI", self._reader.read(8))
        tag = Tag(group, element)
        if tag == SequenceDelimiterTag and length == 0:
            return None
        if tag != ItemTag or length == UNDEFINED_LENGTH:
            raise StoreUnavailable(f"The retrieved pixel data hold {tag} where a fragment begins")
        return self._reader.pieces(length)

    def _read_rest(self) -> None:
        elements = read_elements(self._reader)
        if elements.pixel_data is not None:
            raise StoreUnavailable("The retrieved instance holds PixelData twice")
        self._after = _decoded(elements, self.dataset.original_character_set)


def _decoded(
    elements: Elements, parent_encoding: str | MutableSequence[str] = default_encoding
) -> Dataset:
    """Every value is decoded here: pydicom would do it later, where nobody expects it to fail."""
    try:
        dataset = read_dataset(
            BytesIO(elements.encoded),
            is_implicit_VR=False,
            is_little_endian=True,
            parent_encoding=parent_encoding,
        )
        for _element in dataset.iterall():
            pass
    except _DAMAGED:
        # Without its cause: pydicom's messages quote values.
        raise StoreUnavailable("The retrieved attributes cannot be read") from None
    return dataset


def _read_meta(reader: ByteReader) -> FileMetaDataset:
    """Preamble, prefix and group 2 (PS3.10 7.1)."""
    start = reader.read(PREAMBLE + 4 + len(GROUP_LENGTH) + 4)
    if start[PREAMBLE : PREAMBLE + 4] != b"DICM" or GROUP_LENGTH not in start[PREAMBLE:]:
        raise StoreUnavailable("The store's answer is no DICOM Part 10 instance")
    length = int.from_bytes(start[-4:], "little")
    if length > MAX_META:
        raise StoreUnavailable(f"The retrieved instance states {length} bytes of group 2")
    elements = read_elements(ByteReader([reader.read(length)]))
    try:
        return FileMetaDataset(_decoded(elements))
    except (KeyError, ValueError) as error:
        raise StoreUnavailable("The retrieved instance's group 2 holds other groups") from error


def _refuse_other_syntaxes(meta: FileMetaDataset) -> None:
    syntax = meta.get("TransferSyntaxUID")
    if syntax is None:
        raise StoreUnavailable("The retrieved instance states no transfer syntax")
    if syntax in NOT_ENCAPSULATED:
        raise InputRefused(
            RefusalCode.UNSUPPORTED,
            f"The retrieved instance has the transfer syntax {syntax.name}; "
            "expected one with encapsulated pixel data, such as a video's.",
        )


def _check_pixel_data(header: ElementHeader | None) -> None:
    if header is None:
        raise StoreUnavailable("The retrieved instance ends before its pixel data")
    if header.length != UNDEFINED_LENGTH:
        raise InputRefused(
            RefusalCode.UNSUPPORTED,
            "The pixel data of the retrieved instance have a stated length; "
            "expected encapsulated ones, in fragments.",
        )
