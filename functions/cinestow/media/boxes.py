"""Writing ISO base media boxes: a length, a four-character type, a body (ISO/IEC 14496-12 4.2)."""

import struct
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

NARROW_END = 1 << 32
"""Times and durations from here on need a version 1 box."""


def u16(*values: int) -> bytes:
    """Unsigned 16-bit big-endian integers."""
    return struct.pack(f">{len(values)}H", *values)


def u32(*values: int) -> bytes:
    """Unsigned 32-bit big-endian integers."""
    return struct.pack(f">{len(values)}I", *values)


def u64(*values: int) -> bytes:
    """Unsigned 64-bit big-endian integers."""
    return struct.pack(f">{len(values)}Q", *values)


def u32_table(columns: Iterable[npt.ArrayLike]) -> bytes:
    """Rows of unsigned 32-bit integers, given by columns."""
    return np.column_stack([np.asarray(column) for column in columns]).astype(">u4").tobytes()


def box(kind: bytes, *body: bytes) -> bytes:
    """A box around ``body``."""
    content = b"".join(body)
    return u32(8 + len(content)) + kind + content


def full_box(kind: bytes, *body: bytes, version: int = 0, flags: int = 0) -> bytes:
    """A box that starts with a version and flags."""
    return box(kind, u32(version << 24 | flags), *body)


def descriptor(tag: int, body: bytes) -> bytes:
    """An MPEG-4 descriptor of fewer than 128 bytes (ISO/IEC 14496-1 8.3.3)."""
    return bytes([tag, len(body)]) + body
