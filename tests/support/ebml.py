"""A WebM file read element by element (RFC 8794, RFC 9559), independently of libav."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

SEGMENT, SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, TAGS = (
    0x18538067, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B, 0x1254C367,
)  # fmt: skip
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_TIMESTAMP_SCALE, _DURATION, _TITLE = 0x2AD7B1, 0x4489, 0x7BA9
_CUE_POINT, _CUE_TIME, _CUE_POSITIONS, _CUE_CLUSTER = 0xBB, 0xB3, 0xB7, 0xF1


@dataclass(frozen=True)
class Element:
    """One element: its ID, where it starts, and its content."""

    id: int
    position: int
    content: bytes

    @property
    def number(self) -> int:
        return int.from_bytes(self.content, "big")

    @property
    def real(self) -> float:
        value: float = struct.unpack(">d" if len(self.content) == 8 else ">f", self.content)[0]
        return value

    def children(self) -> list["Element"]:
        return list(elements(self.content))

    def child(self, identifier: int) -> "Element | None":
        return next((child for child in self.children() if child.id == identifier), None)

    def the(self, identifier: int) -> "Element":
        found = self.child(identifier)
        assert found is not None, f"no element {identifier:X}"
        return found


@dataclass(frozen=True)
class WebM:
    """What a player learns of a file before it reads a picture."""

    duration_s: float
    title: str | None
    clusters: list[int]
    """Positions in the segment."""
    seek_head: dict[int, int]
    """Where each kind of element is said to lie in the segment."""
    positions: dict[int, int]
    """Where the first of each kind does lie."""
    cues: list[tuple[float, int]]
    """Time in seconds, position of the cluster."""


def elements(data: bytes) -> Iterator[Element]:
    """The elements that ``data`` is made of, to its last byte."""
    position = 0
    while position < len(data):
        start = position
        length = 9 - data[position].bit_length()
        identifier = int.from_bytes(data[position : position + length], "big")
        position += length
        length = 9 - data[position].bit_length()
        size = int.from_bytes(data[position : position + length], "big") & ~(1 << 7 * length)
        assert size != (1 << 7 * length) - 1, f"element {identifier:X} is of unknown size"
        position += length
        assert position + size <= len(data), f"element {identifier:X} is cut"
        yield Element(identifier, start, data[position : position + size])
        position += size


def webm(data: bytes) -> WebM:
    """Read a whole file."""
    header, segment = elements(data)
    assert header.the(0x4282).content == b"webm"
    parts = segment.children()
    first = {part.id: part for part in reversed(parts)}
    info = first[INFO]
    scale = info.the(_TIMESTAMP_SCALE).number / 1e9
    title = info.child(_TITLE)
    seeks = [seek for seek in first[SEEK_HEAD].children() if seek.id == _SEEK]
    points = [point for point in first[CUES].children() if point.id == _CUE_POINT]
    return WebM(
        duration_s=info.the(_DURATION).real * scale,
        title=None if title is None else title.content.decode(),
        clusters=[part.position for part in parts if part.id == CLUSTER],
        seek_head={s.the(_SEEK_ID).number: s.the(_SEEK_POSITION).number for s in seeks},
        positions={part.id: part.position for part in first.values()},
        cues=[
            (p.the(_CUE_TIME).number * scale, p.the(_CUE_POSITIONS).the(_CUE_CLUSTER).number)
            for p in points
        ],
    )
