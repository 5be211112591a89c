"""What the server keeps: objects, their descriptions, open uploads."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException

DEFAULT_CONTENT_TYPE = "application/octet-stream"
DESCRIPTIVE_FIELDS = (
    "contentType",
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "customTime",
    "storageClass",
)


def now() -> str:
    """The time, as resources show it (RFC 3339)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class Description:
    """What a caller may say of an object; ``fields`` has the JSON API's names."""

    fields: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)

    def patched(self, resource: Mapping[str, Any]) -> "Description":
        """With the fields of a JSON resource merged in; null removes (Objects: patch)."""
        metadata: dict[str, str] = {}
        if (added := resource.get("metadata", {})) is not None:
            metadata = _merged(self.metadata, _mapping(added, "metadata"))
        known = {name: resource[name] for name in DESCRIPTIVE_FIELDS if name in resource}
        return Description(_merged(self.fields, known), metadata)

    def with_default_type(self, content_type: str | None = None) -> "Description":
        """With a content type, where none was given."""
        fields = {"contentType": content_type or DEFAULT_CONTENT_TYPE} | self.fields
        return replace(self, fields=fields)


def _merged(old: Mapping[str, str], new: Mapping[str, Any]) -> dict[str, str]:
    for name, value in new.items():
        if value is not None and not isinstance(value, str):
            raise HTTPException(400, f"The value of {name} has to be a string.")
    return {name: value for name, value in {**old, **new}.items() if value is not None}


def _mapping(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise HTTPException(400, f"{name} has to be an object.")
    return value


@dataclass(frozen=True)
class Content:
    """The bytes of an object: a file of ours and what is known of it."""

    blob: str
    size: int
    crc32c: str
    md5: str | None
    """Absent for composite objects."""
    component_count: int | None = None


@dataclass(frozen=True)
class StoredObject:
    """One generation of an object. Times are RFC 3339."""

    bucket: str
    name: str
    generation: int
    metageneration: int
    content: Content
    description: Description
    created: str
    updated: str
    deleted: str | None = None
    """When it stopped being the live generation."""


@dataclass(frozen=True)
class ExpectedChecksums:
    """What the caller says the bytes are; base64, big endian."""

    crc32c: str | None = None
    md5: str | None = None

    def merged(self, other: "ExpectedChecksums") -> "ExpectedChecksums":
        """With what ``other`` says on top."""
        return ExpectedChecksums(other.crc32c or self.crc32c, other.md5 or self.md5)

    def check(self, content: Content) -> None:
        """Refuse (400) content that is not what the caller meant to send."""
        for name, said, found in (
            ("CRC32C", self.crc32c, content.crc32c),
            ("MD5 hash", self.md5, content.md5),
        ):
            if said is not None and said != found:
                raise HTTPException(
                    400, f'Provided {name} "{said}" doesn\'t match calculated {name} "{found}".'
                )
