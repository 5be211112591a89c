"""What the reason codes in a Store Instances Response mean (PS3.18 Annex I.2)."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """What a reason says about storing the same instance again."""

    NEVER = "never"
    LATER = "later"
    PRESENT = "present"


@dataclass(frozen=True)
class Reason:
    """Meaning of the codes ``first`` to ``last``."""

    first: int
    last: int
    verdict: Verdict
    words: str


# Single codes stand before the ranges that hold them.
REASONS = (
    # Whatever has no code of its own: a disk that fails (Orthanc), a database away (Azure).
    Reason(0x0110, 0x0110, Verdict.LATER, "a general failure in processing it"),
    Reason(0x0111, 0x0111, Verdict.PRESENT, "a duplicate SOP instance (PS3.7)"),
    Reason(0x0117, 0x0117, Verdict.NEVER, "an invalid SOP instance (PS3.7)"),
    Reason(0x0122, 0x0122, Verdict.NEVER, "its SOP class is not supported"),
    Reason(0x0213, 0x0213, Verdict.LATER, "a resource limitation (PS3.7)"),
    Reason(0xA700, 0xA7FF, Verdict.LATER, "the store is out of resources"),
    Reason(0xA900, 0xA9FF, Verdict.NEVER, "the data set does not match its SOP class"),
    # Azure's own two: already stored, and another store of the same instance is under way.
    Reason(0xB00E, 0xB00E, Verdict.PRESENT, "the instance already exists"),
    Reason(0xB00F, 0xB00F, Verdict.LATER, "the instance is being created by another request"),
    Reason(0xC122, 0xC122, Verdict.NEVER, "its transfer syntax is not supported"),
    Reason(0xC000, 0xCFFF, Verdict.NEVER, "some of its data elements cannot be understood"),
)


def reason_of(code: int | None) -> Reason:
    """The meaning of a Failure Reason; of one we do not know, that a retry may help."""
    if code is None:
        return Reason(-1, -1, Verdict.LATER, "no reason given")
    for reason in REASONS:
        if reason.first <= code <= reason.last:
            return reason
    return Reason(code, code, Verdict.LATER, "a reason that PS3.18 does not list")
