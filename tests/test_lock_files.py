"""The lock files: complete, hashed, free of addresses, and in step with pyproject.toml."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
DEVELOPMENT = ROOT / "requirements-dev.txt"
DEPLOYED = ROOT / "functions/requirements.txt"
LOCK_FILES = [DEVELOPMENT, DEPLOYED]
HASHED = re.compile(r"(?P<pin>[^\\]+?)((?: --hash=sha256:[0-9a-f]{64})+)")


def entries(lock: Path) -> Iterator[str]:
    """One line for each pinned package, its continuation lines joined."""
    text = lock.read_text().replace("\\\n", " ")
    yield from (re.sub(r"\s+", " ", line).strip() for line in text.splitlines() if line.strip())


def pins(lock: Path) -> list[Requirement]:
    return [Requirement(entry.split(" --hash")[0]) for entry in entries(lock)]


def requirements(extra: str | None = None) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    listed = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return [Requirement(text) for text in listed]


def names(found: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in found}


def assert_pinned_in_range(wanted: list[Requirement], lock: Path) -> None:
    for requirement in wanted:
        versions = [
            next(iter(pin.specifier)).version
            for pin in pins(lock)
            if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
        ]
        assert versions, f"{lock.name} lacks {requirement.name}: run `make lock`"
        for version in versions:
            assert requirement.specifier.contains(version), (
                f"{lock.name} pins {requirement.name} {version}, pyproject.toml wants "
                f"{requirement.specifier}: run `make lock`"
            )


@pytest.mark.parametrize("lock", LOCK_FILES, ids=lambda lock: lock.name)
def test_every_package_is_pinned_with_hashes(lock: Path) -> None:
    found = list(entries(lock))
    assert len(found) > 10
    for entry in found:
        assert HASHED.fullmatch(entry), entry
    for pin in pins(lock):
        assert [specifier.operator for specifier in pin.specifier] == ["=="], pin


@pytest.mark.parametrize("lock", LOCK_FILES, ids=lambda lock: lock.name)
def test_no_address_stands_in_it(lock: Path) -> None:
    for entry in entries(lock):
        assert "://" not in entry
        assert not entry.startswith("-")


def test_what_is_deployed_is_in_step_with_the_dependencies() -> None:
    assert_pinned_in_range(requirements(), DEPLOYED)


def test_what_is_developed_with_is_in_step_with_the_extras() -> None:
    wanted = requirements() + requirements("local") + requirements("dev")
    assert_pinned_in_range([entry for entry in wanted if entry.name != "cinestow"], DEVELOPMENT)


def test_what_is_tested_is_what_is_deployed() -> None:
    tested = {str(pin) for pin in pins(DEVELOPMENT)}
    assert {str(pin) for pin in pins(DEPLOYED)} <= tested


def test_what_is_deployed_holds_no_tool_of_development() -> None:
    only_local = names(requirements("local") + requirements("dev")) - names(pins(DEPLOYED))
    assert {"psutil", "pyyaml", "pytest", "mypy"} <= only_local
