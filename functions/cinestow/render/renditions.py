"""The renditions of one instance: found in the cache, or made and put there."""

from collections.abc import Iterator
from itertools import chain

from pydicom.uid import (
    MPEG4HP41,
    MPEG4HP41BD,
    MPEG4HP41BDF,
    MPEG4HP41F,
    MPEG4HP42STEREO,
    MPEG4HP42STEREOF,
    MPEG4HP422D,
    MPEG4HP422DF,
    MPEG4HP423D,
    MPEG4HP423DF,
    MPEGTransferSyntaxes,
)
from werkzeug.exceptions import NotAcceptable

from cinestow.cloud.objects import ObjectInfo
from cinestow.dicomweb.client import DicomWeb
from cinestow.dicomweb.part10_stream import RetrievedInstance
from cinestow.dicomweb.wado import retrieve
from cinestow.errors import InputRefused
from cinestow.media import isolated
from cinestow.render.cache import PreviewCache
from cinestow.render.negotiation import Offer
from cinestow.render.services import RenderServices

WEBM = Offer("video/webm", ("vp9", "vp09", "opus"))
MP4 = Offer("video/mp4", ("avc1", "avc3", "mp4a"))
OFFERS = (WEBM, MP4)

_STORED = "stored"
_PREVIEW = "preview.webm"
_MP4_START = slice(4, 8)
_OTHER_CONTAINER = "application/octet-stream"
_H264 = (
    MPEG4HP41,
    MPEG4HP41F,
    MPEG4HP41BD,
    MPEG4HP41BDF,
    MPEG4HP422D,
    MPEG4HP422DF,
    MPEG4HP423D,
    MPEG4HP423DF,
    MPEG4HP42STEREO,
    MPEG4HP42STEREOF,
)


class Renditions:
    """What can be made of one version of one instance; everything is made once."""

    def __init__(self, services: RenderServices, store: DicomWeb, cache: PreviewCache) -> None:
        self._services = services
        self._store = store
        self._cache = cache

    def mp4(self) -> ObjectInfo | None:
        """The stored bit stream, untouched; None where it is no H.264 in an MP4 file."""
        stored = self._stored()
        return stored if stored.content_type == MP4.media_type else None

    def webm(self) -> ObjectInfo:
        """The preview. ``InputRefused`` when the stored video cannot be decoded."""
        if found := self._preview():
            return found
        with self._services.turns.of(self._cache.name(_PREVIEW)):
            return self._preview() or self._encode()

    def _preview(self) -> ObjectInfo | None:
        found = self._cache.find(_PREVIEW)
        if found is None and (refusal := self._cache.refusal(_PREVIEW)):
            raise refusal
        return found

    def _encode(self) -> ObjectInfo:
        stored = self._stored()
        with self._services.turns.slot():
            source = self._services.objects.reader(stored.ref)
            limits = self._services.limits
            try:
                return self._cache.keep_encoded(
                    _PREVIEW,
                    WEBM.media_type,
                    lambda sink: isolated.encode_preview(
                        source, self._services.preview, sink, limits
                    ),
                )
            except InputRefused as refusal:
                self._cache.keep_refusal(_PREVIEW, refusal)
                raise

    def _stored(self) -> ObjectInfo:
        """The stored bit stream in the cache, for which the store is asked once."""
        if found := self._cache.find(_STORED):
            return found
        with self._services.turns.of(self._cache.name(_STORED)):
            return self._cache.find(_STORED) or self._fetch()

    def _fetch(self) -> ObjectInfo:
        target = self._cache.target
        with retrieve(self._store, target.study, target.series, target.instance) as instance:
            pieces = _video_of(instance)
            start = _start_of(pieces)
            content_type = _content_type(instance, start)
            return self._cache.keep(_STORED, chain([start], pieces), content_type)


def _video_of(instance: RetrievedInstance) -> Iterator[bytes]:
    """The bit stream, where the transfer syntax is a video's."""
    syntax = instance.file_meta.TransferSyntaxUID
    if syntax not in MPEGTransferSyntaxes:
        raise NotAcceptable(
            f"The instance holds no video: its transfer syntax is {syntax.name} ({syntax})."
        )
    return instance.bit_stream()


def _start_of(pieces: Iterator[bytes]) -> bytes:
    """Enough to know the container by, where there is as much: pieces may be of one byte."""
    start = b""
    while len(start) < _MP4_START.stop and (piece := next(pieces, b"")):
        start += piece
    return start


def _content_type(instance: RetrievedInstance, start: bytes) -> str:
    """``video/mp4`` for H.264 in an MP4 file, by the first bytes of the file itself."""
    is_mp4 = start[_MP4_START] == b"ftyp"
    is_h264 = instance.file_meta.TransferSyntaxUID in _H264
    return MP4.media_type if is_mp4 and is_h264 else _OTHER_CONTAINER
