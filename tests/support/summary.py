"""Lines that a long run prints at its end."""

import pytest

SUMMARY = pytest.StashKey[list[str]]()
