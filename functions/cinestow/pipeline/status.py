"""Where an upload stands, derived from what exists; nobody keeps a record of it."""

from dataclasses import dataclass
from typing import Literal

from cinestow.cloud.objects import Objects
from cinestow.pipeline import names, records
from cinestow.pipeline.report import Report
from cinestow.settings import Settings

State = Literal[
    "queued",
    "waiting",
    "transcoding",
    "building",
    "staged",
    "stored",
    "verified",
    "refused",
    "superseded",
]
TERMINAL: frozenset[State] = frozenset({"verified", "refused", "superseded"})


@dataclass(frozen=True)
class Status:
    """The state of one upload and what it has led to so far."""

    upload_id: str
    state: State
    parts_done: int = 0
    parts: int = 0
    uids: records.InstanceUids | None = None
    report: Report | None = None
    refusal: records.Refusal | None = None


def status(objects: Objects, settings: Settings, upload_id: str) -> Status:
    """Look at what stands; one listing of the work bucket and at most three small reads."""
    quarantine = settings.buckets.quarantine
    refusal = records.find(objects, quarantine, names.refusal(upload_id), records.Refusal)
    if refusal is not None:
        return Status(upload_id, "refused", refusal=refusal)
    standing = {info.ref.name for info in objects.list(settings.buckets.work, f"{upload_id}/")}
    if names.plan(upload_id) not in standing:
        return Status(upload_id, _before_plan(upload_id, standing))
    plan = records.find(objects, settings.buckets.work, names.plan(upload_id), records.PlanRecord)
    assert plan is not None
    wanted = {names.part(upload_id, plan.plan_id, part) for part in plan.parts}
    return Status(
        upload_id,
        _after_plan(upload_id, standing, wanted),
        parts_done=len(wanted & standing),
        parts=len(wanted),
        uids=plan.uids,
        report=_report(objects, settings, upload_id, standing),
    )


def _before_plan(upload_id: str, standing: set[str]) -> State:
    if names.superseded(upload_id) in standing:
        return "superseded"
    return "waiting" if names.waiting(upload_id) in standing else "queued"


def _after_plan(upload_id: str, standing: set[str], wanted: set[str]) -> State:
    if names.verified(upload_id) in standing:
        return "verified"
    if names.stored(upload_id) in standing:
        return "stored"
    if names.staged(upload_id) in standing:
        return "staged"
    if names.superseded(upload_id) in standing:
        return "superseded"
    return "building" if wanted <= standing else "transcoding"


def _report(
    objects: Objects, settings: Settings, upload_id: str, standing: set[str]
) -> Report | None:
    if names.staged(upload_id) not in standing:
        return None
    staged = records.find(
        objects, settings.buckets.work, names.staged(upload_id), records.StagedRecord
    )
    return None if staged is None else records.read(objects, staged.report, Report)
