"""Does a file end before its own structure says it should? Reads headers, never the payload."""

from av.container import InputContainer
from av.index import IndexEntries

from cinestow.media.model import Source

_WINDOW_BYTES = 1 << 16

_SEGMENT = 0x18538067
_CLUSTER = 0x1F43B675

_PACK_HEADER = 0xBA
_PROGRAM_END = 0xB9


class _Window:
    """Small reads of a source through one cached block."""

    def __init__(self, source: Source) -> None:
        self.size = source.size
        self._source = source
        self._start = 0
        self._data = b""

    def at(self, offset: int, length: int) -> bytes:
        inside = offset - self._start
        if not 0 <= inside <= len(self._data) - length:
            self._start, inside = offset, 0
            self._data = self._source.read_at(offset, _WINDOW_BYTES) if offset < self.size else b""
        return self._data[inside : inside + length]


def ends_early(source: Source, container: InputContainer, last_packet: int) -> bool:
    """Whether ``source`` was cut off. ``last_packet`` is the byte offset of the last packet.

    A recording cut exactly between two of its blocks is a whole, shorter one: that is False.
    """
    window = _Window(source)
    match container.format.name:
        case "matroska":
            return _matroska(window, container)
        case "mov":
            return _samples_missing(window, container) or _boxes_missing(window)
        case "avi":
            return _avi(window)
        case "mpeg":
            return _program_stream(window, last_packet)
        case "mpegts":
            return _transport_stream(window)
    return False


def _matroska(window: _Window, container: InputContainer) -> bool:
    """RFC 8794: elements side by side; live recordings leave segment and clusters open-ended."""
    position = 0
    while position < window.size:
        element = _element(window.at(position, 12))
        if element is None:
            return position + 12 > window.size and window.at(position, 1) != b"\0"
        identifier, header, length = element
        if length is not None:
            position += header + length
        elif identifier == _SEGMENT:
            position = _last_cluster(window, container) or position + header
        elif identifier == _CLUSTER:
            position += header
        else:
            return False
    return position > window.size


def _element(data: bytes) -> tuple[int, int, int | None] | None:
    """Identifier, header's length and content's length (None: unknown) of an EBML element."""
    first = 9 - data[0].bit_length()
    if not first <= 4 or len(data) <= first:
        return None
    second = 9 - data[first].bit_length()
    if second > 8 or len(data) < first + second:
        return None
    bits = 7 * second
    length = int.from_bytes(data[first : first + second]) & ((1 << bits) - 1)
    unknown = length == (1 << bits) - 1
    return int.from_bytes(data[:first]), first + second, None if unknown else length


def _last_cluster(window: _Window, container: InputContainer) -> int | None:
    """Where the last cluster begins that has a key frame, so that few blocks are walked."""
    start = max((index[-1].pos for index in _indexes(container)), default=0)
    return start if window.at(start, 4) == _CLUSTER.to_bytes(4) else None


def _samples_missing(window: _Window, container: InputContainer) -> bool:
    ends = (i[-1].pos + i[-1].size for i in _indexes(container))
    return max(ends, default=0) > window.size


def _boxes_missing(window: _Window) -> bool:
    """ISO/IEC 14496-12 section 4.2: boxes side by side."""
    position = 0
    while position < window.size:
        header = window.at(position, 16)
        length = int.from_bytes(header[:4])
        if length == 0:
            return False
        if length == 1:
            length = int.from_bytes(header[8:16])
        if length < 8:
            return len(header) < 8
        position += length
    return position > window.size


def _avi(window: _Window) -> bool:
    """RIFF chunks of at most 1 GiB side by side (OpenDML)."""
    position = 0
    while position < window.size and window.at(position, 4) == b"RIFF":
        length = int.from_bytes(window.at(position + 4, 4), "little")
        position += 8 + length + length % 2
    return position > window.size


def _program_stream(window: _Window, position: int) -> bool:
    """ISO/IEC 13818-1 section 2.5.3: packs and packets, each but the pack header with a length."""
    while position < window.size:
        header = window.at(position, 14)
        if header[:3] != b"\0\0\x01":
            return False
        if len(header) < 6:
            return header[3:] != bytes([_PROGRAM_END])
        if header[3] == _PROGRAM_END:
            position += 4
        elif header[3] == _PACK_HEADER:
            position += 14 + (header[-1] & 7) if header[4] >> 6 == 1 else 12
        else:
            position += 6 + int.from_bytes(header[4:6])
    return position > window.size


def _transport_stream(window: _Window) -> bool:
    """ISO/IEC 13818-1 section 2.4.3: packets of 188 bytes, or 192 and 204 with extras."""
    head = window.at(0, 5 * 204)
    for size in (188, 192, 204):
        for start in range(size):
            if set(head[start::size]) == {0x47}:
                return (window.size - start) % size != 0 and (window.size % size) != 0
    return False


def _indexes(container: InputContainer) -> list[IndexEntries]:
    """The streams' indexes that have entries, in order of time and so of position."""
    return [stream.index_entries for stream in container.streams if len(stream.index_entries)]
