"""A small reader of ISO base media boxes, written apart from the writer."""

import struct
from collections.abc import Iterator

_CONTAINERS = {b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl"}


def boxes(data: bytes, path: str = "") -> Iterator[tuple[str, bytes]]:
    """Every box as (``moov/trak/...``, body), in order; ``mdat`` without what is not there."""
    position = 0
    while position < len(data):
        size, kind = struct.unpack_from(">I4s", data, position)
        start = position + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        name = f"{path}{kind.decode()}"
        body = data[start : position + size]
        yield name, body
        if kind in _CONTAINERS:
            yield from boxes(body, f"{name}/")
        position += size


def first(data: bytes, path: str) -> bytes:
    """The body of the first box at ``path``."""
    return next(body for name, body in boxes(data) if name == path)


def numbers(body: bytes, form: str, skip: int) -> list[int]:
    """Big-endian numbers of one kind (``I``, ``Q``) from ``skip`` to the end."""
    count = (len(body) - skip) // struct.calcsize(form)
    return list(struct.unpack_from(f">{count}{form}", body, skip))
