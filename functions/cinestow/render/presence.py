"""Whether the caller may see an instance, and which version of it the store holds."""

import hashlib

import httpx
import msgspec
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from cinestow.dicomweb.client import DicomWeb, bounded_body, connection_errors, failure
from cinestow.errors import InstanceNotFound, StoreUnavailable
from cinestow.render.target import InstanceTarget

_MAX_METADATA = 16 << 20
_ABSENT = (httpx.codes.NOT_FOUND, httpx.codes.GONE, httpx.codes.NO_CONTENT)


def content_version(store: DicomWeb, target: InstanceTarget) -> str:
    """A digest of the instance's attributes, asked of the store anew with the caller's rights.

    Every request asks, cached or not: the store's own access control decides. An instance that was
    replaced under its UID has another version, and so other cache objects. ``InstanceNotFound``,
    ``Unauthorized``, ``Forbidden`` and ``StoreUnavailable`` as the store answers.
    """
    url = f"{store.instance_url(target.study, target.series, target.instance)}/metadata"
    headers = {**store.authorization(), "Accept": "application/dicom+json"}
    doing = "Metadata for rendering"
    with connection_errors(doing), store.http.stream("GET", url, headers=headers) as response:
        _demand_success(response)
        body = bounded_body(response, _MAX_METADATA, doing)
    try:
        instances = msgspec.json.decode(body, type=list[dict[str, object]])
    except msgspec.MsgspecError as error:
        raise StoreUnavailable("Metadata for rendering: the answer is no DICOM JSON") from error
    if not instances:
        raise InstanceNotFound("Metadata for rendering: the store's answer is empty")
    attributes = msgspec.json.encode(instances[0], order="deterministic")
    return hashlib.sha256(attributes).hexdigest()[:32]


def _demand_success(response: httpx.Response) -> None:
    status = response.status_code
    if status == httpx.codes.OK:
        return
    if status in _ABSENT:
        raise InstanceNotFound(f"Metadata for rendering: HTTP {status}")
    if status == httpx.codes.UNAUTHORIZED:
        challenge = WWWAuthenticate.from_header(response.headers.get("WWW-Authenticate", "Bearer"))
        raise Unauthorized("The store asks for a credential.", www_authenticate=challenge)
    if status == httpx.codes.FORBIDDEN:
        raise Forbidden("The store denies this instance, or does not hold it.")
    raise failure(status, "Metadata for rendering")
