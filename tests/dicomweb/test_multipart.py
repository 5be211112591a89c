import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinestow.dicomweb.multipart import boundary_of, read_parts
from cinestow.errors import StoreUnavailable

BODY = (
    b"a preamble\r\nof two lines\r\n--BOUND\r\nContent-Type: application/dicom\r\n"
    b"Content-Length: 5\r\n\r\nabc\r\n\r\n--BOUND \t\r\n\r\n\r\n--BOUNX--\r\n--BOUND--\r\nepilogue"
)
CONTENTS = [b"abc\r\n", b"\r\n--BOUNX--"]


def contents(chunks: list[bytes], boundary: str = "BOUND") -> list[bytes]:
    return [b"".join(part.chunks) for part in read_parts(chunks, boundary)]


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


class TestReadParts:
    @pytest.mark.parametrize("size", range(1, len(BODY) + 1))
    def test_chunks_of_every_size(self, size: int) -> None:
        assert contents(cut(BODY, size)) == CONTENTS

    @given(st.lists(st.integers(0, len(BODY)), max_size=8))
    def test_chunks_cut_anywhere(self, cuts: list[int]) -> None:
        edges = [0, *sorted(cuts), len(BODY)]
        assert contents([BODY[start:end] for start, end in pairwise(edges)]) == CONTENTS

    @given(
        st.lists(st.lists(st.sampled_from([b"\r\n", b"--", b"B", b"\r", b"x"])), min_size=1),
        st.integers(1, 40),
    )
    def test_contents_that_look_like_boundaries(self, parts: list[list[bytes]], size: int) -> None:
        wanted = [b"".join(part) for part in parts]
        boundary = "BxB-Bx"
        wanted = [part for part in wanted if f"\r\n--{boundary}".encode() not in b"\r\n" + part]
        body = b"".join(b"--%b\r\n\r\n%b\r\n" % (boundary.encode(), part) for part in wanted)
        assert contents(cut(body + f"--{boundary}--".encode(), size), boundary) == wanted

    def test_part_headers(self) -> None:
        first, second = (part.headers for part in read_parts([BODY], "BOUND"))
        assert first == {"content-type": "application/dicom", "content-length": "5"}
        assert second == {}

    def test_unread_part_is_skipped(self) -> None:
        parts = read_parts(cut(BODY, 3), "BOUND")
        next(next(parts).chunks)
        assert b"".join(next(parts).chunks) == CONTENTS[1]

    @pytest.mark.parametrize("length", range(BODY.index(b"--BOUND--") + 2 + len("BOUND")))
    def test_every_cut_before_the_closing_boundary_is_an_error(self, length: int) -> None:
        with pytest.raises(StoreUnavailable, match="cut off"):
            contents(cut(BODY[:length], 7))

    def test_no_part_at_all(self) -> None:
        assert contents([b"--BOUND--\r\n"]) == []

    def test_text_behind_a_boundary(self) -> None:
        with pytest.raises(StoreUnavailable, match="text behind it"):
            contents([b"--BOUNDARY\r\n\r\nabc\r\n--BOUND--\r\n"])

    @pytest.mark.parametrize("start", [b"--BOUND", b"--BOUND\r\n", b"--BOUND\r\nA: b\r\n"])
    def test_endless_header_is_not_kept(self, start: bytes) -> None:
        def endless() -> Iterator[bytes]:
            yield start
            for _ in range(1000):
                yield b" " * 1000

        with pytest.raises(StoreUnavailable, match="line of more than"):
            contents(list(endless()))

    def test_endless_header_lines_are_not_kept(self) -> None:
        with pytest.raises(StoreUnavailable, match="endless part header"):
            contents([b"--BOUND\r\n" + b"A: b\r\n" * 100_000])

    def test_holds_no_more_than_a_chunk(self) -> None:
        received = 0

        def chunks() -> Iterator[bytes]:
            nonlocal received
            for piece in (b"--BOUND\r\n\r\n", *[bytes(1000)] * 500, b"\r\n--BOUND--"):
                received += len(piece)
                yield piece

        given_out = 0
        for piece in next(read_parts(chunks(), "BOUND")).chunks:
            given_out += len(piece)
            assert received - given_out <= 1100


class TestBoundaryOf:
    @pytest.mark.parametrize(
        "content_type",
        [
            "multipart/related; boundary=a-b",
            'multipart/related; type="application/dicom"; boundary="a-b"',
            "Multipart/Related;BOUNDARY=a-b;type=application/dicom",
            'multipart/related; boundary="a-b"; type="application/dicom; x=y"',
        ],
    )
    def test_found(self, content_type: str) -> None:
        assert boundary_of(content_type) == "a-b"

    def test_quoted_with_specials(self) -> None:
        assert boundary_of('multipart/related; boundary="a;=b c"') == "a;=b c"

    @pytest.mark.parametrize(
        "content_type", ["application/dicom", "", "application/dicom; boundary=a"]
    )
    def test_no_multipart(self, content_type: str) -> None:
        assert boundary_of(content_type) is None

    def test_multipart_without_boundary(self) -> None:
        with pytest.raises(StoreUnavailable, match=re.escape("states no boundary")):
            boundary_of("multipart/related; type=application/dicom")
