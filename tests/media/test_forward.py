import pytest

from cinestow.media.forward import ForwardFile


def test_keeps_the_head_and_hands_on_the_rest() -> None:
    pieces: list[bytes] = []
    file = ForwardFile(pieces.append, 4)
    file.write(b"ab")
    file.write(b"cdef")
    file.write(b"gh")
    assert file.head == b"abcd"
    assert b"".join(pieces) == b"efgh"
    assert file.body_bytes == 4


def test_the_head_may_be_written_again() -> None:
    pieces: list[bytes] = []
    file = ForwardFile(pieces.append, 4)
    file.write(b"abcdef")
    assert file.seek(1) == 1
    file.write(b"XY")
    assert file.seek(0, 2) == 6
    file.write(b"gh")
    assert file.head == b"aXYd"
    assert b"".join(pieces) == b"efgh"
    assert file.tell() == 8


@pytest.mark.parametrize(("position", "data"), [(5, b"X"), (3, b"XY")])
def test_what_was_handed_on_cannot_change(position: int, data: bytes) -> None:
    pieces: list[bytes] = []
    file = ForwardFile(pieces.append, 4)
    file.write(b"abcdef")
    file.seek(position)
    with pytest.raises(ValueError, match="after they were sent on"):
        file.write(data)
    assert (file.head, pieces) == (b"abcd", [b"ef"])


def test_a_short_output_is_all_head() -> None:
    pieces: list[bytes] = []
    file = ForwardFile(pieces.append, 100)
    file.write(b"abc")
    assert (file.head, file.body_bytes, pieces) == (b"abc", 0, [])
