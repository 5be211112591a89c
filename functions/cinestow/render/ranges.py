"""Range requests by RFC 9110 §14: one range of bytes is served, anything else is left aside.

A server may ignore Range altogether (§14.2), so several ranges at once get the whole: no viewer of
video asks for them, and multipart/byteranges would only multiply reads.
"""

import re
from dataclasses import dataclass

from werkzeug.exceptions import RequestedRangeNotSatisfiable

_SPECIFIER = re.compile(r"bytes=(.*)", re.IGNORECASE | re.DOTALL)
_SPEC = re.compile(r"([0-9]{0,4000})-([0-9]{0,4000})")
"""Longer numbers are none to Python (``sys.int_info.default_max_str_digits``)."""


@dataclass(frozen=True)
class ByteRange:
    """Bytes ``start`` up to, not including, ``end``."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.end - self.start

    def content_range(self, size: int) -> str:
        """The Content-Range field for a representation of ``size`` bytes."""
        return f"bytes {self.start}-{self.end - 1}/{size}"


def requested(field: str | None, size: int, most: int) -> ByteRange | None:
    """The bytes that a Range field asks for, at most the first ``most`` of them.

    None where there is no field or it is to be ignored: another unit, malformed, several ranges.
    Sending fewer bytes than asked for is the server's right (§15.3.7): the client asks on.
    Raises ``RequestedRangeNotSatisfiable`` when no byte of the range exists.
    """
    spec = _single(field or "")
    if spec is None:
        return None
    first, last = spec
    if first is None:
        start, end = max(size - (last or 0), 0), size
    else:
        start, end = first, size if last is None else min(last + 1, size)
    if start >= size:
        raise RequestedRangeNotSatisfiable(
            size, "bytes", f"No byte of the range exists; there are {size} bytes."
        )
    return ByteRange(start, min(end, start + most))


def _single(field: str) -> tuple[int | None, int | None] | None:
    """First and last position of a field with exactly one valid range."""
    specifier = _SPECIFIER.fullmatch(field.strip())
    if specifier is None:
        return None
    members = [member for part in specifier[1].split(",") if (member := part.strip(" \t"))]
    spec = _SPEC.fullmatch(members[0]) if len(members) == 1 else None
    if spec is None or not any(spec.groups()):
        return None
    first, last = (int(digits) if digits else None for digits in spec.groups())
    if first is not None and last is not None and last < first:
        return None
    return first, last
