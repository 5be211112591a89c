import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinestow.media.source import FileSource, SourceFile
from support.recordings import BytesSource

CONTENT = bytes(range(100))

steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(0, 120), st.just(0)),
        st.tuples(st.just("seek"), st.integers(0, 150), st.just(os.SEEK_SET)),
        st.tuples(st.just("seek"), st.integers(0, 20), st.just(os.SEEK_CUR)),
        st.tuples(st.just("seek"), st.integers(-100, 20), st.just(os.SEEK_END)),
    )
)


@given(steps)
def test_reads_and_seeks_as_a_file(actions: list[tuple[str, int, int]]) -> None:
    ours, theirs = SourceFile(BytesSource(CONTENT)), io.BytesIO(CONTENT)
    for action, number, whence in actions:
        if action == "read":
            assert ours.read(number) == theirs.read(number)
        else:
            assert ours.seek(number, whence) == theirs.seek(number, whence)
        assert ours.tell() == theirs.tell()


def test_never_seeks_before_the_start() -> None:
    with pytest.raises(ValueError, match="before the start"):
        SourceFile(BytesSource(CONTENT)).seek(-1, os.SEEK_CUR)


def test_file_source(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(CONTENT)
    with FileSource(tmp_path / "a") as source:
        assert source.size == 100
        assert source.read_at(10, 5) == CONTENT[10:15]
        assert source.read_at(95, 50) == CONTENT[95:]
        assert source.read_at(200, 5) == b""
    with pytest.raises(OSError, match="Bad file descriptor"):
        source.read_at(0, 1)
