"""Packets that show no picture: reference frames that VP8 and VP9 keep to themselves."""

from __future__ import annotations

from av.packet import Packet
from av.stream import Stream


def is_visible(codec: str, packet: Packet[Stream]) -> bool:
    """Whether decoding ``packet`` gives a picture to show. ``codec`` is libav's decoder name."""
    if packet.is_discard:
        return False
    data = memoryview(packet)
    if codec == "vp8":
        return _vp8_shows(data[0])
    if codec == "vp9":
        return _is_superframe(data[-1]) or _vp9_shows(data[0])
    return True


def _vp8_shows(first: int) -> bool:
    """RFC 6386 section 9.1: frame tag."""
    return bool(first & 0x10)


def _is_superframe(last: int) -> bool:
    """VP9 bitstream specification, Annex B: hidden frames packed with the one they serve."""
    return last & 0xE0 == 0xC0


def _vp9_shows(first: int) -> bool:
    """VP9 bitstream specification, section 6.2: uncompressed header."""
    if first & 0x30 == 0x30:
        first <<= 1  # profile 3 has one more bit
    show_existing_frame, show_frame = first & 0x08, first & 0x02
    return bool(show_existing_frame or show_frame)
