"""What a request is for: paths below the renderer's DICOMweb root (PS3.18 §8.2, §10.1)."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from werkzeug.exceptions import BadRequest, NotFound

ROOT = "/dicomweb"
_SERVICES = ("studies", "series", "instances")
"""The Studies Service. Whatever else a store has beside it (its administration) stays hidden."""
_RENDERED_INSTANCE = re.compile(
    r"studies/([^/]+)/series/([^/]+)/instances/([^/]+)/rendered",
)
_UID = re.compile(r"[0-9.]{1,64}")


@dataclass(frozen=True)
class InstanceTarget:
    """One instance, by its UIDs."""

    study: str
    series: str
    instance: str


def below_root(path: str) -> str | None:
    """The decoded path below the DICOMweb root, without a leading slash; None outside of it.

    ``BadRequest`` where it would leave the root, ``NotFound`` outside the Studies Service.
    """
    if path != ROOT and not path.startswith(f"{ROOT}/"):
        return None
    below = path.removeprefix(ROOT).strip("/")
    segments = below.split("/")
    if any(segment in ("", ".", "..") or "\\" in segment for segment in segments if below):
        raise BadRequest("The path holds an empty, '.' or '..' segment; expected a plain one.")
    if below and segments[0] not in _SERVICES:
        raise NotFound(f"Resources here start with one of {', '.join(_SERVICES)}.")
    return below


def rendered_instance(below: str) -> InstanceTarget | None:
    """The instance whose rendering ``below`` names; ``BadRequest`` for what can be no UID."""
    match = _RENDERED_INSTANCE.fullmatch(below)
    if match is None:
        return None
    if not all(_UID.fullmatch(uid) for uid in match.groups()):
        raise BadRequest("A UID has 1 to 64 digits and dots (PS3.5 §9.1).")
    return InstanceTarget(*match.groups())


def encoded(below: str) -> str:
    """``below`` as it goes into a URL.

    A semicolon is encoded: some servers take ``..;`` for a segment ``..`` with a parameter.
    """
    return quote(below, safe="/:@!$&'()*+,=~")
