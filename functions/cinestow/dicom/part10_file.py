"""The encapsulated bit stream of a DICOM file on disk, by random access and without a copy."""

import os
import struct
import zlib
from bisect import bisect_right
from contextlib import ExitStack
from itertools import accumulate
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.encaps import parse_fragments
from pydicom.errors import InvalidDicomError

from cinestow.errors import InputRefused, RefusalCode

ITEM_HEADER = 8
PIXEL_DATA_HEADER = 12
"""Tag, VR OB, reserved, undefined length (PS3.5 Table A.4-1)."""

BROKEN = (AttributeError, EOFError, TypeError, ValueError, struct.error, zlib.error)
"""What pydicom raises at damaged bytes."""


class Part10File:
    """A DICOM file with encapsulated pixel data; its bit stream is a ``media.model.Source``.

    The items of all fragments but the Basic Offset Table are read as one run of bytes (PS3.5 A.4).
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        with ExitStack() as unless_read:
            unless_read.callback(self._file.close)
            self.dataset = self._header()
            self._file.seek(PIXEL_DATA_HEADER, os.SEEK_CUR)
            self._items = self._fragments()
            unless_read.pop_all()
        self._starts = [0, *accumulate(length for _, length in self._items)]

    def _header(self) -> Dataset:
        try:
            dataset = dcmread(self._file, stop_before_pixels=True)
            encapsulated = dataset.file_meta.TransferSyntaxUID.is_encapsulated
        except InvalidDicomError as error:
            raise InputRefused(
                RefusalCode.UNREADABLE, "The file is not a DICOM file: it has no DICM prefix."
            ) from error
        except BROKEN as error:
            raise InputRefused(
                RefusalCode.UNREADABLE, "The DICOM file's header is cut off or damaged."
            ) from error
        if not encapsulated:
            raise InputRefused(
                RefusalCode.UNSUPPORTED, "The DICOM file holds uncompressed pixels, not a video."
            )
        return dataset

    def _fragments(self) -> list[tuple[int, int]]:
        """Offset in the file and length of each fragment's bytes."""
        try:
            _, offsets = parse_fragments(self._file)
        except BROKEN as error:
            raise InputRefused(
                RefusalCode.UNREADABLE, "The DICOM file's pixel data is cut off or damaged."
            ) from error
        return [self._item(offset) for offset in offsets[1:]]

    def _item(self, offset: int) -> tuple[int, int]:
        length = os.pread(self._file.fileno(), 4, offset + 4)
        return offset + ITEM_HEADER, int.from_bytes(length, "little")

    @property
    def size(self) -> int:
        """Length of the bit stream in bytes, padding included."""
        return self._starts[-1]

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes of the bit stream; fewer only at its end."""
        pieces = []
        while length > 0 and offset < self.size:
            index = bisect_right(self._starts, offset) - 1
            start, item_length = self._items[index]
            skip = offset - self._starts[index]
            piece = os.pread(self._file.fileno(), min(length, item_length - skip), start + skip)
            if not piece:
                break
            pieces.append(piece)
            offset += len(piece)
            length -= len(piece)
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> "Part10File":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
