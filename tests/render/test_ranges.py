import pytest
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from cinestow.render.ranges import ByteRange, requested

SIZE = 1000
MOST = 400

SERVED = [
    ("bytes=0-0", (0, 1)),
    ("bytes=0-99", (0, 100)),
    ("bytes=100-199", (100, 200)),
    ("bytes=999-999", (999, 1000)),
    ("bytes=999-", (999, 1000)),
    ("bytes=700-", (700, 1000)),
    ("bytes=900-5000", (900, 1000)),
    ("bytes=900-99999999999999999999999", (900, 1000)),
    ("bytes=-1", (999, 1000)),
    ("bytes=-300", (700, 1000)),
    ("Bytes=0-9", (0, 10)),
    ("bytes=,0-9,", (0, 10)),
    ("bytes= 0-9 ", (0, 10)),
    ("bytes=007-009", (7, 10)),
    # More than is sent at once: the first part of it.
    ("bytes=0-", (0, 400)),
    ("bytes=0-999", (0, 400)),
    ("bytes=100-", (100, 500)),
    ("bytes=-1000", (0, 400)),
    ("bytes=-5000", (0, 400)),
    ("bytes=-401", (599, 999)),
]
IGNORED = [
    None,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=1",
    "bytes=10-9",
    "bytes=1-2-3",
    "bytes=--1",
    "bytes=+1-2",
    "bytes=1 - 2",
    "bytes=١-٢",
    "bytes=0-1,5-6",
    "bytes=0-1,-1",
    "bytes=2000-,3000-",
    f"bytes={'9' * 5000}-",
    f"bytes=0-{'9' * 5000}",
    "items=0-1",
    "0-1",
]
UNSATISFIABLE = ["bytes=1000-", "bytes=1000-1000", "bytes=5000-6000", "bytes=-0"]


@pytest.mark.parametrize(("field", "expected"), SERVED)
def test_one_range_is_served(field: str, expected: tuple[int, int]) -> None:
    part = requested(field, SIZE, MOST)
    assert part == ByteRange(*expected)
    assert part is not None
    assert part.content_range(SIZE) == f"bytes {expected[0]}-{expected[1] - 1}/1000"
    assert part.length == expected[1] - expected[0]


@pytest.mark.parametrize("field", IGNORED)
def test_anything_else_is_left_aside(field: str | None) -> None:
    assert requested(field, SIZE, MOST) is None


@pytest.mark.parametrize("field", UNSATISFIABLE)
def test_no_byte_of_the_range_exists(field: str) -> None:
    with pytest.raises(RequestedRangeNotSatisfiable) as error:
        requested(field, SIZE, MOST)
    assert ("Content-Range", "bytes */1000") in error.value.get_headers()


@pytest.mark.parametrize("field", ["bytes=0-", "bytes=0-0", "bytes=-5"])
def test_an_empty_representation_has_no_ranges(field: str) -> None:
    with pytest.raises(RequestedRangeNotSatisfiable):
        requested(field, 0, MOST)
