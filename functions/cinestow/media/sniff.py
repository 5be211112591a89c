"""What kind of file some bytes are, by the bytes alone: the only way a demuxer is chosen."""

from cinestow.errors import InputRefused, RefusalCode

SNIFF_BYTES = 4096

_MOV_BOXES = (b"ftyp", b"moov", b"mdat", b"moof", b"styp", b"wide", b"free", b"skip", b"pnot")
_STILL_BRANDS = (b"heic", b"heix", b"mif1", b"avif", b"crx ")
_TS_PACKETS = (188, 192, 204)
_OTHER_VIDEOS = {
    b"FLV\x01": "Flash video (FLV)",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "Windows Media (ASF, WMV)",
    b"OggS": "Ogg",
}
_SOUNDS = (b"ID3", b"fLaC", b"#!AMR", b"MThd")


def demuxer_for(head: bytes) -> str:
    """FFmpeg's name of the demuxer for a file that starts with ``head`` (``SNIFF_BYTES``).

    Raises ``InputRefused``: ``UNSUPPORTED`` for a known video container that is not on the list,
    ``NO_VIDEO_STREAM`` for sound files, ``NOT_A_VIDEO`` for everything else.
    """
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head[4:8] in _MOV_BOXES and head[8:12] not in _STILL_BRANDS:
        return "mov"
    if head.startswith(b"RIFF") and head[8:11] == b"AVI":
        return "avi"
    if head.lstrip(b"\0").startswith(b"\x01\xba") and head.startswith(b"\0\0"):
        return "mpeg"
    if head.startswith(b"\0\0\x01\xb3"):
        return "mpegvideo"
    if _is_transport_stream(head):
        return "mpegts"
    raise _refusal(head)


def _is_transport_stream(head: bytes) -> bool:
    """Sync bytes at the distance of one packet, from wherever the capture began."""
    return any(
        len(head) >= 5 * size
        and any(set(head[start::size]) == {0x47} for start in range(size) if head[start] == 0x47)
        for size in _TS_PACKETS
    )


def _refusal(head: bytes) -> InputRefused:
    for magic, name in _OTHER_VIDEOS.items():
        if head.startswith(magic):
            return InputRefused(
                RefusalCode.UNSUPPORTED,
                f"The file is {name}; expected WebM, MP4, AVI or MPEG. Convert it first.",
            )
    if head.startswith(_SOUNDS) or (head.startswith(b"RIFF") and head[8:12] == b"WAVE"):
        return InputRefused(
            RefusalCode.NO_VIDEO_STREAM,
            "The file holds sound but no picture; send the recording that has the picture.",
        )
    if head[128:132] == b"DICM":
        return InputRefused(
            RefusalCode.NOT_A_VIDEO,
            "The file is a DICOM file already; open it in a viewer, or send the recording itself.",
        )
    return InputRefused(
        RefusalCode.NOT_A_VIDEO,
        "The content is not a video (WebM, MP4, AVI or MPEG), whatever its name says; "
        "send the recording itself.",
    )
