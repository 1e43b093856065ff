"""The answer: what a human and the next function want to know (keys as the README lists them)."""

from __future__ import annotations

from typing import Any

from rescue import kept_disks, succession
from rescue.decide import Decision
from rescue.facts import Facts
from rescue.launch_options import release_moved
from rescue.tools import Tools
from rescue.tracks import Step


def skipped(tools: Tools, facts: Facts, decision: Decision) -> dict[str, Any]:
    """Nothing is to be done, and the decision says why."""
    answer = _base(tools, "skipped", decision.reason)
    return {**answer, "timeline": tools.timeline, "warnings": list(facts.warnings)}


def stop_mode(tools: Tools, facts: Facts, _: Decision) -> dict[str, Any]:
    """``state_change`` does the rest."""
    reason = (
        f"{tools.instance_id} is drained and remembered; it will be stopped, not released, and keeps its disks: "
        "it goes back to its groups when it runs again"
    )
    return {**_base(tools, "done", reason), **_found(facts), **_notice(facts), "timeline": tools.timeline}


def recorded(tools: Tools, facts: Facts, _: Decision) -> dict[str, Any]:
    """The recorded answer. The call that finished gives it with its own timeline, later ones with the recorded one."""
    answer, timeline = dict(tools.episode.records["done"]["answer"]), tools.timeline
    new = [text for text in facts.warnings if text not in answer["warnings"]]
    finished_here = any(entry["step"] == Step.FINISH.value for entry in timeline)
    return {
        **answer,
        "warnings": [*answer["warnings"], *new],
        "timeline": timeline if finished_here else answer["timeline"],
        "reason": answer["reason"] if finished_here else f"{answer['reason']} (finished by an earlier call)",
    }


def closing(tools: Tools, facts: Facts) -> dict[str, Any]:
    """The ``done`` record."""
    answer = {
        **_base(tools, "done", _reason(tools, facts)),
        **({"image_id": facts.image_id} if facts.image_id else {}),
        **({"replacement_id": facts.replacement_id} if facts.replacement_id else {}),
        **_found(facts),
        **_notice(facts),
        "margin_seconds": margin_seconds(facts),
        "overlap_seconds": overlap_seconds(facts),
        "retained_disks": kept_disks.staying(tools, facts),
        "not_carried": not_carried(tools, facts) if facts.replacement_id else [],
        "health": dict(facts.health),
        "timeline": tools.timeline,
    }
    return {"at": facts.now, "answer": answer}


def _base(tools: Tools, outcome: str, reason: str) -> dict[str, Any]:
    return {"outcome": outcome, "reason": reason, "instance_id": tools.instance_id, "episode": tools.episode.number}


def _found(facts: Facts) -> dict[str, Any]:
    return {"memberships": [one.shown for one in facts.memberships or ()], "warnings": list(facts.warnings)}


def _notice(facts: Facts) -> dict[str, Any]:
    return {"notice_estimated": facts.notice_estimated}


def _reason(tools: Tools, facts: Facts) -> str:
    saved = f"image {facts.image_id}" if facts.image_id else "no image"
    if facts.maker:
        return f"{tools.instance_id} is drained and saved ({saved}); {facts.maker} made it and replaces it"
    if not facts.replacement_id:
        return f"{tools.instance_id} is drained and saved ({saved}); SPOTKEEPER_RELAUNCH is none"
    if passed_on := facts.records.get("handed-over"):
        return (
            f"{facts.replacement_id} was launched for {tools.instance_id} and interrupted before it served: its rescue "
            f"{passed_on['to']} gives its successor the groups; {saved}"
        )
    groups = len({one.group for one in facts.memberships or () if one.server_id == tools.instance_id})
    where = (
        f"in its {groups} server group{'s' * (groups > 1)}"
        if groups
        else "running (the source was behind no load balancer)"
    )
    return f"{facts.replacement_id} took over from {tools.instance_id} and is {where}; {saved}"


def margin_seconds(facts: Facts) -> float | None:
    """Notice end minus the moment the image was usable (at-once: the replacement served), as the journal has it."""
    record = facts.records.get("usable") or facts.records.get("serving") or facts.records.get("running")
    return round(facts.notice_end - float(record["at"]), 3) if record else None


def overlap_seconds(facts: Facts) -> float:
    """For how long source and replacement both ran, up to now."""
    running = facts.records.get("running")
    if running is None:
        return 0.0
    return round(max(0.0, source_ended(facts) - float(running["at"])), 3)


def source_ended(facts: Facts) -> float:
    """When the source stopped running; now where it still does."""
    if facts.stopped_at is not None:
        return facts.stopped_at
    if facts.gone:
        return min(facts.notice_end, facts.now)
    return 0.0 if facts.stopped else facts.now


def not_carried(tools: Tools, facts: Facts) -> list[str]:
    """What the replacement does not have: by nature, behind load balancers, and because its rung does not fit it."""
    records = tools.episode.records
    plan, launched = records["launch-spec"], records[succession.record_name(records)]
    dropped = [f"{name}: does not fit {launched['rung']}" for name in launched["drops"]]
    return [*plan["not_carried"], *facts.not_carried, *dropped, *release_moved(plan, launched)]
