"""H.264 NAL units: out of an Annex B byte stream, into the length-prefixed form of MP4.

Sources: ITU-T H.264 7.3.1 and Annex B, ISO/IEC 14496-15 5.3.
"""

from collections.abc import Iterable
from enum import IntEnum

LENGTH_SIZE = 4
"""Bytes of the length before each NAL unit of a sample."""


class NalType(IntEnum):
    """``nal_unit_type`` (ITU-T H.264 table 7-1), the few that are handled by name."""

    SEQUENCE_PARAMETER_SET = 7
    PICTURE_PARAMETER_SET = 8


def nal_type(unit: bytes) -> int:
    """The ``nal_unit_type`` of a NAL unit without its start code."""
    return unit[0] & 0x1F


def split_annex_b(stream: bytes) -> list[bytes]:
    """NAL units of a byte stream, without start codes.

    A NAL unit never ends with a zero byte, so zeros before a start code belong to the start code.
    """
    units = (unit.rstrip(b"\0") for unit in stream.split(b"\0\0\1")[1:])
    return [unit for unit in units if unit]


def is_parameter_set(unit: bytes) -> bool:
    """Whether a NAL unit is an SPS or a PPS, which MP4 keeps in ``avcC``."""
    return nal_type(unit) in (NalType.SEQUENCE_PARAMETER_SET, NalType.PICTURE_PARAMETER_SET)


def length_prefixed(units: Iterable[bytes]) -> bytes:
    """One MP4 sample: each unit behind its length in 4 bytes, big-endian."""
    return b"".join(len(unit).to_bytes(LENGTH_SIZE, "big") + unit for unit in units)


def unescaped(unit: bytes) -> bytes:
    """The unit without its emulation prevention bytes (ITU-T H.264 7.4.1)."""
    return unit.replace(b"\0\0\3", b"\0\0")
