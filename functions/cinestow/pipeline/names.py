"""Names of the objects that the pipeline makes.

Every name is fixed by the upload (its id is a keyed hash of bucket, name and generation), the plan
and the part, so whoever comes second finds what the first has written. None holds patient data.
"""

import re

UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


def plan(upload_id: str) -> str:
    """The plan: written once, decides everything after it."""
    return f"{upload_id}/plan.json"


def metadata(upload_id: str, digest: str) -> str:
    """Merged metadata, by content; the plan pins one."""
    return f"{upload_id}/metadata-{digest}.json"


def waiting(upload_id: str) -> str:
    """Says that the recording waits for its metadata."""
    return f"{upload_id}/waiting.json"


def superseded(upload_id: str) -> str:
    """Says that the upload's object was overwritten or deleted before it was read."""
    return f"{upload_id}/superseded.json"


def video_part(index: int) -> str:
    """Name of a video part in messages."""
    return f"video-{index:05}"


SOUND_PART = "sound"


def parts(upload_id: str, plan_id: str) -> str:
    """Prefix of the tables of all finished parts."""
    return f"{upload_id}/{plan_id}/parts/"


def part(upload_id: str, plan_id: str, name: str) -> str:
    """Table of one finished part; it pins the payloads' generations."""
    return f"{parts(upload_id, plan_id)}{name}.json"


def payload(upload_id: str, plan_id: str, part_name: str, attempt: str) -> str:
    """Sample bytes of one part by one attempt; they count once a table names them."""
    return f"{upload_id}/{plan_id}/payloads/{part_name}-{attempt}"


def lease(upload_id: str, work: str) -> str:
    """Lease on one piece of work: a part's name, or a stage's."""
    return f"{upload_id}/leases/{work}"


def around(upload_id: str, plan_id: str, role: str, digest: str) -> str:
    """The bytes before (``header``) or after (``trailer``) the payloads, by content."""
    return f"{upload_id}/{plan_id}/{role}-{digest}"


def instance(upload_id: str, plan_id: str, digest: str) -> str:
    """The staged Part 10 object, by what it is joined from; ``staged`` pins one."""
    return f"{upload_id}/{plan_id}/instance-{digest}.dcm"


def report(upload_id: str, plan_id: str) -> str:
    """The report, beside the staged instance."""
    return f"{upload_id}/{plan_id}/report.json"


def staged(upload_id: str) -> str:
    """Says what is staged, and pins it."""
    return f"{upload_id}/staged.json"


def stored(upload_id: str) -> str:
    """Says that the store has answered for the instance."""
    return f"{upload_id}/stored.json"


def verified(upload_id: str) -> str:
    """Says that the instance was read back and is the same."""
    return f"{upload_id}/verified.json"


def refusal(upload_id: str) -> str:
    """In the quarantine bucket: code and sentence."""
    return f"{upload_id}/reason.json"


def quarantined(upload_id: str) -> str:
    """In the quarantine bucket: the copy of the original."""
    return f"{upload_id}/original"
