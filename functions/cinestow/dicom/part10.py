"""The bytes of a Part 10 file before and after its bit stream, which is never needed here.

header | bit stream | trailer is the whole file: one fragment after an empty Basic Offset Table
(PS3.5 A.4, PS3.10 7.1).
"""

import struct
from copy import copy
from dataclasses import dataclass
from io import BytesIO

from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

import cinestow
from cinestow.errors import InputRefused, RefusalCode

IMPLEMENTATION_CLASS = UID("2.25.93846037356065154277713437585442798368")
"""Fixed for all of Cinestow; made once from a random UUID."""
LONGEST_FRAGMENT = 2**32 - 2
"""Bytes of one fragment: an even 32 bit length that is not "undefined"."""
_PIXEL_DATA = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF)
_ITEM = struct.Struct("<HHI")
_DELIMITER = _ITEM.pack(0xFFFE, 0xE0DD, 0)


@dataclass(frozen=True)
class Part10Layout:
    """What stands before and after the bit stream."""

    header: bytes
    trailer: bytes


def layout(dataset: Dataset, transfer_syntax: UID, bit_stream_bytes: int) -> Part10Layout:
    """Frame a bit stream of that length; ``dataset`` has no Pixel Data.

    Raises ``InputRefused`` if the bit stream does not fit into one fragment.
    """
    padding = bit_stream_bytes % 2
    if bit_stream_bytes + padding > LONGEST_FRAGMENT:
        raise InputRefused(
            RefusalCode.NOT_STORABLE,
            f"The video has {bit_stream_bytes} bytes, and one {transfer_syntax.name} instance "
            f"holds at most {LONGEST_FRAGMENT}: it would need a fragmentable transfer syntax, a "
            "lower quality, or several shorter instances.",
        )
    offset_table = _ITEM.pack(0xFFFE, 0xE000, 0)
    fragment = _ITEM.pack(0xFFFE, 0xE000, bit_stream_bytes + padding)
    header = _before_pixel_data(dataset, transfer_syntax) + _PIXEL_DATA + offset_table + fragment
    return Part10Layout(header, b"\0" * padding + _DELIMITER)


def _before_pixel_data(dataset: Dataset, transfer_syntax: UID) -> bytes:
    """Preamble, group 2 and the dataset, of which Pixel Data has to be the last element."""
    written = copy(dataset)
    written.file_meta = FileMetaDataset()
    written.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    written.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    written.file_meta.TransferSyntaxUID = transfer_syntax
    written.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS
    written.file_meta.ImplementationVersionName = f"CINESTOW_{cinestow.__version__}"[:16]
    buffer = BytesIO()
    dcmwrite(buffer, written, enforce_file_format=True)
    return buffer.getvalue()
