"""Preconditions on generation and metageneration (Cloud Storage: Request preconditions)."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException

from cinestow_local.storage.model import StoredObject

XML_HEADERS = {
    "x-goog-if-generation-match": "ifGenerationMatch",
    "x-goog-if-generation-not-match": "ifGenerationNotMatch",
    "x-goog-if-metageneration-match": "ifMetagenerationMatch",
    "x-goog-if-metageneration-not-match": "ifMetagenerationNotMatch",
}


@dataclass(frozen=True)
class Preconditions:
    """What has to be true of the live object; generation 0 stands for its absence."""

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    def check_write(self, live: StoredObject | None) -> None:
        """Raise 412 unless the object may be written over ``live``."""
        if not (self._matches(live) and self._differs(live)):
            raise _failed(412)

    def check_read(self, found: StoredObject) -> None:
        """Raise 412, or 304 where the caller has this very version already."""
        if not self._matches(found):
            raise _failed(412)
        if not self._differs(found):
            raise HTTPException(304)

    def _matches(self, found: StoredObject | None) -> bool:
        generation = found.generation if found else 0
        if self.generation_match not in (None, generation):
            return False
        metageneration = found.metageneration if found else None
        return self.metageneration_match in (None, metageneration)

    def _differs(self, found: StoredObject | None) -> bool:
        if self.generation_not_match == (found.generation if found else 0):
            return False
        return found is None or self.metageneration_not_match != found.metageneration


NO_PRECONDITIONS = Preconditions()


def from_query(query: Mapping[str, str], prefix: str = "if") -> Preconditions:
    """The JSON API's parameters; ``prefix`` is ``ifSource`` for the source of a copy."""
    return Preconditions(
        whole_number(query, f"{prefix}GenerationMatch"),
        whole_number(query, f"{prefix}GenerationNotMatch"),
        whole_number(query, f"{prefix}MetagenerationMatch"),
        whole_number(query, f"{prefix}MetagenerationNotMatch"),
    )


def from_headers(headers: Mapping[str, str]) -> Preconditions:
    """The XML API's request headers."""
    return from_query({name: headers[h] for h, name in XML_HEADERS.items() if h in headers})


def whole_number(query: Mapping[str, str], name: str) -> int | None:
    """An integer parameter, or None where it is absent. Raises 400."""
    value = query.get(name)
    if value is None:
        return None
    if not value.isdecimal():
        raise HTTPException(400, f"{name} is {value!r} and has to be a whole number.")
    return int(value)


def _failed(status: int) -> HTTPException:
    return HTTPException(status, "At least one of the pre-conditions you specified did not hold.")
