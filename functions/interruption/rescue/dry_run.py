"""SPOTKEEPER_DRY_RUN: everything is read, nothing is written, and the answer is the plan."""

from __future__ import annotations

from typing import Any

from rescue.actions import source_disks
from rescue.actions.image import look_for_image
from rescue.actions.membership_search import is_forbidden
from rescue.actions.record_launch_spec import observe_launch_spec
from rescue.context import Context
from rescue.decide import Decision, plan
from rescue.launch_spec.options import describe_option
from rescue.state import Image, State
from rescue.steps import BY_GROUP, Step
from spotkeeper.errors import CloudError
from spotkeeper.instances import locked, server_ids
from spotkeeper.load_balancers.search import MembershipSearch


def answer(run: Context, state: State, _: Decision) -> dict[str, Any]:
    """``skipped`` with ``plan``: the steps that are due in the present state, in order."""
    run.step_limit.until = run.deadline
    spec = dict(run.episode.records.get("launch-spec") or {})
    if state.source is not None:
        state = state.replace(disks=tuple(source_disks.attached(run)))
        state = state.replace(disks_retained=not any(disk.get("DeleteWithInstance") for disk in state.disks or ()))
        spec = observe_launch_spec(run, state, state.disks or ())
    if state.image is Image.UNKNOWN:
        state = look_for_image(run, state)
    if state.memberships is None:
        search = MembershipSearch(run.load_balancers.values(), server_ids(state.source, run.instance_id))
        for scope in search.scopes:
            _look_through(run, search, scope)
        state = state.replace(memberships=search.found).warn(*search.warnings)
    assumed = state.replace(records={"disks": {}, **state.records})
    lock = "is" if locked(state.source) else "is not"
    return {
        "outcome": "skipped",
        "reason": f"dry run: nothing was written; the instance {lock} under the Recycling lock",
        "instance_id": run.instance_id,
        "plan": [_line(decision, assumed, spec) for decision in plan(run.settings, assumed)],
        "memberships": [member.shown for member in state.memberships or ()],
        "not_carried": list(spec.get("not_carried", ())),
        "warnings": list(state.warnings),
    }


def _look_through(run: Context, search: MembershipSearch, scope: str) -> None:
    """Search a scope. A product that the role may not read is a warning, as in a rescue."""
    try:
        search.look_through(scope, run.deadline)
    except CloudError as error:
        if not is_forbidden(search, scope, error):
            raise
        search.leave_out(scope, error)


def _line(decision: Decision, state: State, spec: dict[str, Any]) -> str:
    """A step of the plan, with its groups or launch options."""
    step, details = decision.step, ""
    if step in BY_GROUP:
        details = ": " + ", ".join(sorted(state.groups))
    if step is Step.LAUNCH:
        details = ": " + ", then ".join(map(describe_option, spec.get("launch_options", ())))
    return f"{step.value}{details} ({decision.reason})"
