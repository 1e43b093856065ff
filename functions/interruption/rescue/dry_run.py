"""SPOTKEEPER_DRY_RUN: everything is read, nothing is written, and the answer is the plan."""

from __future__ import annotations

from typing import Any

from rescue.decide import Decision, plan
from rescue.facts import Facts, Image
from rescue.image import look_for_image
from rescue.kept_disks import describe_disks
from rescue.remember import observe_launch_spec
from rescue.replacement import describe_rung
from rescue.tools import Tools
from rescue.tracks import Step
from spotkeeper import loop
from spotkeeper.instances import locked, server_ids
from spotkeeper.load_balancers.search import Search


def answer(tools: Tools, facts: Facts, _: Decision) -> dict[str, Any]:
    """``skipped`` with ``plan``: the steps that are due as things stand, in order."""
    spec = dict(tools.episode.records.get("launch-spec") or {})
    if facts.source is not None:
        facts = facts.but(disks=tuple(describe_disks(tools, tools.deadline)))
        facts = facts.but(disks_retained=not any(disk.get("DeleteWithInstance") for disk in facts.disks or ()))
        spec = observe_launch_spec(tools, facts, tools.deadline)
    if facts.image is Image.UNKNOWN:
        facts = look_for_image(tools, facts)
    if facts.memberships is None:
        search = Search(tools.load_balancers.values(), server_ids(facts.source, tools.instance_id))
        for scope in search.scopes:
            search.look_through(scope, tools.deadline)
        facts = facts.but(memberships=search.found).warn(*search.warnings)
    assumed = facts.but(records={"disks": {}, **facts.records})
    lock = "is" if locked(facts.source) else "is not"
    return {
        "outcome": "skipped",
        "reason": f"dry run: nothing was written; the instance {lock} under the Recycling lock",
        "instance_id": tools.instance_id,
        "plan": [_line(decision.step, decision.reason, assumed, spec) for decision in plan(tools.settings, assumed)],
        "memberships": [f"{one.name}, weight {one.weight}" for one in facts.memberships or ()],
        "not_carried": list(spec.get("not_carried", ())),
        "warnings": list(facts.warnings),
    }


def _line(step: loop.Step, reason: str, facts: Facts, spec: dict[str, Any]) -> str:
    details = _details(step, facts, spec)
    return f"{step.value}{': ' + details if details else ''} ({reason})"


def _details(step: loop.Step, facts: Facts, spec: dict[str, Any]) -> str:
    """What the step would touch."""
    if step in {Step.DRAIN, Step.REMOVE, Step.RETURN}:
        return ", ".join(sorted({one.group_name for one in facts.memberships or ()}))
    if step is Step.LAUNCH:
        return ", then ".join(describe_rung(rung) for rung in spec.get("rungs", ()))
    return ""
