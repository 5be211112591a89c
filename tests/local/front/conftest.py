from collections.abc import Iterator

import pytest

from support.front_function import Function, front_function


@pytest.fixture
def function() -> Iterator[Function]:
    with front_function() as function:
        yield function
