"""The direction of dependencies, held by reading every import."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "functions/cinestow"

# A module may import what starts with one of these; `cinestow.errors` may be used everywhere.
ALLOWED = {
    "media": ("cinestow.media",),
    "dicom": ("cinestow.dicom",),
    "dicomweb": ("cinestow.dicomweb",),
    "cloud": ("cinestow.cloud",),
    "pipeline": (
        "cinestow.cloud",
        "cinestow.dicom",
        "cinestow.dicomweb",
        "cinestow.media",
        "cinestow.pipeline",
        "cinestow.settings",
    ),
    "render": (
        "cinestow.cloud",
        "cinestow.dicom",
        "cinestow.dicomweb",
        "cinestow.media",
        "cinestow.render",
        "cinestow.settings",
    ),
}
FOREIGN = {"media": ("pydicom",), "dicom": ("av",), "dicomweb": ("av",)}


def modules(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    """Full names of everything a file imports: `from a import b` may mean module `a.b`."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(prefix + ".")


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_a_folder_imports_only_what_stands_below_it(folder: str) -> None:
    allowed = (*ALLOWED[folder], "cinestow.errors", "cinestow.__version__")
    for path in modules(PACKAGE / folder):
        for name in imports(path):
            assert (
                not within(name, "cinestow")
                or name == "cinestow"
                or any(within(name, prefix) for prefix in allowed)
            ), f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("folder", sorted(FOREIGN))
def test_media_and_dicom_do_not_know_each_others_libraries(folder: str) -> None:
    for path in modules(PACKAGE / folder):
        for name in imports(path):
            assert not any(within(name, library) for library in FOREIGN[folder]), (
                f"{path.relative_to(ROOT)} imports {name}"
            )


def test_only_cloud_imports_google() -> None:
    for path in modules(ROOT / "functions"):
        if path.is_relative_to(PACKAGE / "cloud"):
            continue
        for name in imports(path):
            assert not within(name, "google"), f"{path.relative_to(ROOT)} imports {name}"


def test_nothing_but_the_cli_imports_the_cli() -> None:
    for path in modules(ROOT / "functions"):
        if path.is_relative_to(PACKAGE / "cli"):
            continue
        for name in imports(path):
            assert not within(name, "cinestow.cli"), f"{path.relative_to(ROOT)} imports {name}"


def test_what_is_deployed_never_imports_the_local_cloud() -> None:
    for path in modules(ROOT / "functions"):
        for name in imports(path):
            assert not within(name, "cinestow_local"), f"{path.relative_to(ROOT)} imports {name}"


def test_the_package_is_there_to_be_checked() -> None:
    for folder in ALLOWED:
        assert modules(PACKAGE / folder), folder
