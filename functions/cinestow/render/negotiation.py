"""Which rendered media type a client gets: Accept by RFC 9110, ``accept`` by PS3.18 §8.7.8.1."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from werkzeug.exceptions import BadRequest
from werkzeug.http import parse_list_header, parse_options_header

_NAME = r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)"
_RANGE = re.compile(f"{_NAME}/{_NAME}")
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


@dataclass(frozen=True)
class Offer:
    """A media type that a resource can be rendered as."""

    media_type: str
    codecs: tuple[str, ...]
    """How the codecs inside start in a ``codecs`` parameter (RFC 6381)."""


@dataclass(frozen=True)
class MediaRange:
    """One member of an Accept field."""

    type: str
    subtype: str
    codecs: tuple[str, ...] | None
    quality: float

    @property
    def specificity(self) -> int:
        """Of several ranges that match, the most specific one counts (RFC 9110 §12.5.1)."""
        return (self.type != "*") + (self.subtype != "*") + (self.codecs is not None)

    def matches(self, offer: Offer) -> bool:
        """Whether ``offer`` lies in the range; parameters other than ``codecs`` do not matter."""
        kind, subtype = offer.media_type.split("/")
        return (
            self.type in ("*", kind)
            and self.subtype in ("*", subtype)
            and all(codec.startswith(offer.codecs) for codec in self.codecs or ())
        )


def selected(
    accept_parameter: str | None, accept_field: str | None, offers: Sequence[Offer]
) -> Offer | None:
    """The offer that the client likes best; of equals the first. None: nothing is acceptable.

    The ``accept`` query parameter goes first, the Accept field only where it names nothing that is
    offered (PS3.18 §8.7.8.1). No field at all accepts everything (RFC 9110 §12.5.1). A parameter
    that is malformed or holds wildcards (PS3.18 §8.3.3.1) raises ``BadRequest``.
    """
    if accept_parameter is not None:
        best = _best(_parameter(accept_parameter), offers)
        if best is not None:
            return best
    return _best(_field(accept_field), offers)


def _best(ranges: Sequence[MediaRange], offers: Sequence[Offer]) -> Offer | None:
    qualities = [_quality(ranges, offer) for offer in offers]
    best = max(qualities, default=0.0)
    return offers[qualities.index(best)] if best > 0 else None


def _quality(ranges: Sequence[MediaRange], offer: Offer) -> float:
    matching = [media_range for media_range in ranges if media_range.matches(offer)]
    if not matching:
        return 0.0
    most = max(media_range.specificity for media_range in matching)
    return max(found.quality for found in matching if found.specificity == most)


def _field(value: str | None) -> list[MediaRange]:
    """Malformed members are left out: they cannot name what is offered."""
    members = ["*/*"] if value is None else parse_list_header(value)
    return [found for member in members if (found := _media_range(member))]


def _parameter(value: str) -> list[MediaRange]:
    ranges = []
    for member in parse_list_header(value):
        found = _media_range(member)
        if found is None or found.subtype == "*":
            raise BadRequest(
                "The accept parameter is not a list of media types without wildcards; "
                "expected something like accept=video/mp4."
            )
        ranges.append(found)
    return ranges


def _media_range(member: str) -> MediaRange | None:
    name, parameters = parse_options_header(member)
    match = _RANGE.fullmatch(name.lower())
    quality = parameters.pop("q", "1")
    if match is None or not _QUALITY.fullmatch(quality):
        return None
    kind, subtype = match.groups()
    if kind == "*" and subtype != "*":
        return None
    codecs = parameters.get("codecs")
    names = None if codecs is None else tuple(codec.strip().lower() for codec in codecs.split(","))
    return MediaRange(kind, subtype, names, float(quality))
