"""The previews bucket: what was stored and what was rendered of it, each written once.

Names are digests of the UIDs and of the content's version: nothing is ever stale, and a prefix
lists all that belongs to an instance. An attempt writes parts of its own and composes them under
the final name: two at once waste work and no more.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from cinestow.cloud.objects import ObjectInfo, ObjectRef, Objects
from cinestow.errors import InputRefused, RefusalCode
from cinestow.media.model import Sink
from cinestow.media.preview_model import PreviewHead
from cinestow.render.target import InstanceTarget

FORMAT = "v1"
"""To be raised when previews are made in another way: the old ones are then left to expire."""


@dataclass(frozen=True)
class _Refusal:
    code: RefusalCode
    sentence: str


@dataclass(frozen=True)
class PreviewCache:
    """What the bucket holds of one version of one instance."""

    objects: Objects
    bucket: str
    target: InstanceTarget
    version: str

    def name(self, rendition: str) -> str:
        """Name of an object; ``rendition`` is ``stored`` or a file name."""
        uids = f"{self.target.study}/{self.target.series}/{self.target.instance}"
        place = hashlib.sha256(uids.encode()).hexdigest()[:32]
        return f"{FORMAT}/{place}/{self.version}/{rendition}"

    def find(self, rendition: str) -> ObjectInfo | None:
        """The finished object, or None."""
        return self.objects.stat(self.bucket, self.name(rendition))

    def refusal(self, rendition: str) -> InputRefused | None:
        """Why the object cannot be made, if that was found out before."""
        info = self.find(f"{rendition}.refused")
        if info is None:
            return None
        kept = msgspec.json.decode(self.objects.read(info.ref), type=_Refusal)
        return InputRefused(kept.code, kept.sentence)

    def keep_refusal(self, rendition: str, refusal: InputRefused) -> None:
        """Nobody tries again, which may take as long as the longest encode."""
        kept = msgspec.json.encode(_Refusal(refusal.code, refusal.sentence))
        self.keep(f"{rendition}.refused", [kept], "application/json")

    def keep(self, rendition: str, pieces: Iterable[bytes], content_type: str) -> ObjectInfo:
        """Write an object as it streams in; the one that stands there in the end."""
        return self.objects.create(self.bucket, self.name(rendition), pieces, content_type)[0]

    def keep_encoded(
        self, rendition: str, content_type: str, encode: Callable[[Sink], PreviewHead]
    ) -> ObjectInfo:
        """Write what ``encode`` hands on, its head in front; the object that stands in the end."""
        attempt = self.name(f"parts/{uuid.uuid4().hex}")
        with self.objects.writer(self.bucket, f"{attempt}-body", content_type) as body:
            result = encode(body.write)
        head, _ = self.objects.create(self.bucket, f"{attempt}-head", [result.head], content_type)
        parts = [head.ref, body.info.ref] if result.body_bytes else [head.ref]
        whole, _ = self.objects.compose(self.bucket, self.name(rendition), parts, content_type)
        self._remove([head.ref, body.info.ref])
        return whole

    def _remove(self, parts: Iterable[ObjectRef]) -> None:
        for part in parts:
            self.objects.delete(part)
