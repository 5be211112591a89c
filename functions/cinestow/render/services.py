"""What the renderer works with."""

from dataclasses import dataclass, field

import httpx

from cinestow.cloud.objects import Objects
from cinestow.dicomweb.client import LIMITS, TIMEOUT, DicomWeb
from cinestow.media.model import Limits
from cinestow.media.preview_model import PreviewSettings
from cinestow.render.turns import Turns

ENCODING_LIMITS = Limits(wall_s=3300.0, cpu_s=6600)
"""A whole recording in one request: as long as the platform lets one run (3600 s)."""
PATIENCE_S = 100.0
"""For each of a request's three turns: preview, stored stream, place to encode."""


def store_connections() -> httpx.Client:
    """Connections to the store that all requests of a process share."""
    return httpx.Client(timeout=TIMEOUT, limits=LIMITS, follow_redirects=False)


@dataclass(frozen=True)
class RenderServices:
    """One deployment of the renderer; made once per process."""

    dicomweb_root: str
    objects: Objects
    previews_bucket: str
    limits: Limits = ENCODING_LIMITS
    """For the child process that decodes and encodes."""
    preview: PreviewSettings = field(default_factory=PreviewSettings)
    range_bytes: int = 8 << 20
    """Longest answer to a range request: a paused viewer then holds no request open."""
    whole_bytes: int = 31 << 20
    """Longest answer that states its length: Cloud Run ends longer HTTP/1 answers (32 MiB) unless
    they are sent in chunks of unknown number."""
    turns: Turns = field(default_factory=lambda: Turns(1, PATIENCE_S))
    """Who encodes: one preview at a time fits the function's memory."""
    http: httpx.Client = field(default_factory=store_connections)

    def store(self, authorization: str | None) -> DicomWeb:
        """The store as the caller sees it: its bearer is passed on and never widened."""
        headers = {} if authorization is None else {"Authorization": authorization}
        return DicomWeb(self.dicomweb_root, lambda: headers, self.http)
