"""SPOTKEEPER_DRY_RUN: everything is read, nothing is written, and the answer is the plan."""

from __future__ import annotations

from typing import Any

from rescue.context import Context
from rescue.decide import Decision, plan
from rescue.image import look_for_image
from rescue.kept_disks import describe_disks
from rescue.remember import observe_launch_spec
from rescue.replacement import describe_rung
from rescue.state import Image, State
from rescue.steps import Step
from spotkeeper import loop
from spotkeeper.instances import locked, server_ids
from spotkeeper.load_balancers.search import Search


def answer(run: Context, state: State, _: Decision) -> dict[str, Any]:
    """``skipped`` with ``plan``: the steps that are due as things stand, in order."""
    spec = dict(run.episode.records.get("launch-spec") or {})
    if state.source is not None:
        state = state.replace(disks=tuple(describe_disks(run, run.deadline)))
        state = state.replace(disks_retained=not any(disk.get("DeleteWithInstance") for disk in state.disks or ()))
        spec = observe_launch_spec(run, state, run.deadline)
    if state.image is Image.UNKNOWN:
        state = look_for_image(run, state)
    if state.memberships is None:
        search = Search(run.load_balancers.values(), server_ids(state.source, run.instance_id))
        for scope in search.scopes:
            search.look_through(scope, run.deadline)
        state = state.replace(memberships=search.found).warn(*search.warnings)
    assumed = state.replace(records={"disks": {}, **state.records})
    lock = "is" if locked(state.source) else "is not"
    return {
        "outcome": "skipped",
        "reason": f"dry run: nothing was written; the instance {lock} under the Recycling lock",
        "instance_id": run.instance_id,
        "plan": [_line(decision.step, decision.reason, assumed, spec) for decision in plan(run.settings, assumed)],
        "memberships": [f"{one.name}, weight {one.weight}" for one in state.memberships or ()],
        "not_carried": list(spec.get("not_carried", ())),
        "warnings": list(state.warnings),
    }


def _line(step: loop.Step, reason: str, state: State, spec: dict[str, Any]) -> str:
    details = _details(step, state, spec)
    return f"{step.value}{': ' + details if details else ''} ({reason})"


def _details(step: loop.Step, state: State, spec: dict[str, Any]) -> str:
    """What the step would touch."""
    if step in {Step.DRAIN, Step.REMOVE, Step.RETURN}:
        return ", ".join(sorted({one.group_name for one in state.memberships or ()}))
    if step is Step.LAUNCH:
        return ", then ".join(describe_rung(rung) for rung in spec.get("rungs", ()))
    return ""
