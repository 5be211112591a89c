"""How objects look from outside: JSON resources, and response headers."""

import base64
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote

from cinestow_local.storage.model import Content, StoredObject

HEADER_OF_FIELD = {
    "contentType": "content-type",
    "cacheControl": "cache-control",
    "contentDisposition": "content-disposition",
    "contentEncoding": "content-encoding",
    "contentLanguage": "content-language",
    "customTime": "x-goog-custom-time",
    "storageClass": "x-goog-storage-class",
}
DEFAULT_STORAGE_CLASS = "STANDARD"


def object_resource(found: StoredObject, base_url: str) -> dict[str, Any]:
    """The JSON API's representation (Objects: resource representations)."""
    path = f"b/{quote(found.bucket, safe='')}/o/{quote(found.name, safe='')}"
    resource: dict[str, Any] = {
        "kind": "storage#object",
        "id": f"{found.bucket}/{found.name}/{found.generation}",
        "selfLink": f"{base_url}/storage/v1/{path}",
        "mediaLink": f"{base_url}/download/storage/v1/{path}"
        f"?generation={found.generation}&alt=media",
        "name": found.name,
        "bucket": found.bucket,
        "generation": str(found.generation),
        "metageneration": str(found.metageneration),
        "storageClass": DEFAULT_STORAGE_CLASS,
        "size": str(found.content.size),
        "crc32c": found.content.crc32c,
        "md5Hash": found.content.md5,
        "componentCount": found.content.component_count,
        "etag": etag(found),
        "timeCreated": found.created,
        "timeFinalized": found.created,
        "updated": found.updated,
        "timeStorageClassUpdated": found.created,
        "timeDeleted": found.deleted,
        **found.description.fields,
        "metadata": found.description.metadata or None,
    }
    return {name: value for name, value in resource.items() if value is not None}


def etag(found: StoredObject) -> str:
    """Changes with every generation and metageneration."""
    return base64.b64encode(f"{found.generation}/{found.metageneration}".encode()).decode()


def hash_header(content: Content) -> str:
    """The value of x-goog-hash."""
    return f"crc32c={content.crc32c}" + (f",md5={content.md5}" if content.md5 else "")


def state_headers(found: StoredObject) -> dict[str, str]:
    """The headers every answer about an object has, of either API."""
    content = found.content
    headers = {
        "etag": f'"{etag(found)}"',
        "x-goog-generation": str(found.generation),
        "x-goog-metageneration": str(found.metageneration),
        "x-goog-hash": hash_header(content),
        "x-goog-stored-content-length": str(content.size),
        "x-goog-stored-content-encoding": found.description.fields.get(
            "contentEncoding", "identity"
        ),
    }
    if content.component_count is not None:
        headers["x-goog-component-count"] = str(content.component_count)
    return headers


def media_headers(found: StoredObject) -> dict[str, str]:
    """The headers of an answer that carries an object's content."""
    updated = datetime.fromisoformat(found.updated)
    headers = state_headers(found) | {
        "last-modified": format_datetime(updated, usegmt=True),
        "accept-ranges": "bytes",
        "x-goog-storage-class": DEFAULT_STORAGE_CLASS,
    }
    for name, value in found.description.fields.items():
        headers[HEADER_OF_FIELD[name]] = value
    return headers
