"""The answer: what became of the action, and the evidence of every check on every instance."""

from __future__ import annotations

from typing import Any

from checking.context import Context
from checking.progress import Progress, Result
from checking.state import State
from checking.steps import Decision
from spotkeeper.hooks import FAILED_TAG, life_tag
from spotkeeper.loop import DRY_RUN

COMPLETED_WITH = ("CONTINUE", "ABANDON", "ROLLBACK")


def skipped(_: Context, state: State, decision: Decision) -> dict[str, Any]:
    """Nothing is left to do, and the decision says why."""
    return _base(state, "skipped", decision.reason) | _recorded(state)


def done(_: Context, state: State, decision: Decision) -> dict[str, Any]:
    """The action is completed."""
    return _base(state, "done", decision.reason) | _done(state)


def _base(state: State, outcome: str, reason: str) -> dict[str, Any]:
    event = state.event
    instance_ids = state.action.instance_ids if state.action else ()
    return {
        "outcome": outcome,
        "reason": f"{event.hook_name or event.hook_id}: {reason}",
        "lifecycle_hook_id": event.hook_id,
        "lifecycle_transition": state.transition.value,
        "scaling_activity_id": event.scaling_activity_id,
        **({"instance_id": instance_ids[0]} if len(instance_ids) == 1 else {}),
    }


def _recorded(state: State) -> dict[str, Any]:
    """State and result as the cloud has them."""
    if state.action is None:
        return {}
    result = {"result": state.action.result} if state.action.result in COMPLETED_WITH else {}
    warnings = {"warnings": _warnings(state)} if _warnings(state) else {}
    return {"lifecycle_action_status": state.action.status, **result, **warnings}


def _done(state: State) -> dict[str, Any]:
    result = state.completed.value if state.completed else (state.action.result if state.action else "")
    removed = {"removed_instances": list(state.removed)} if state.removed else {}
    return {"result": result, **removed, "results": evidence(state.progress), "warnings": _warnings(state)}


def _warnings(state: State) -> list[str]:
    told = {
        "heartbeats are refused": state.heartbeat_error,
        "failed instances could not have been removed after CONTINUE": state.hindrance,
        f"the tags {life_tag(state.event.hook_id)} and {FAILED_TAG} may be left on instances": state.untidy,
    }
    return [f"{what}: {error}" for what, error in told.items() if error]


def evidence(progress: Progress | None) -> list[dict[str, Any]]:
    """One entry per instance and check that ended there, and one per instance that no check could reach."""
    if progress is None:
        return []
    ended = [_entry(one) for _, one in sorted(progress.results.items(), key=lambda item: (item[0][1], item[0][0]))]
    reached = {one["instance_id"] for one in ended if not one["passed"]}
    never = [
        {"outcome": "done", "instance_id": one, "check": None, "passed": False, "reason": why}
        for one, why in sorted(progress.failures.items())
        if one not in reached
    ]
    return [*ended, *never]


def _entry(result: Result) -> dict[str, Any]:
    return {
        "outcome": "done",
        "instance_id": result.instance_id,
        "check": result.check,
        "passed": result.passed,
        "reason": result.reason,
        "attempt": result.attempt,
        **result.evidence,
    }


def plan(_: Context, state: State, __: Decision) -> dict[str, Any]:
    """The instances that can be checked, the checks, and the results of the action."""
    return _base(state, "skipped", DRY_RUN) | {
        "plan": _plan(state),
        "warnings": ["nobody keeps or completes the hook: it ends with its DefaultResult"],
    }


def _plan(state: State) -> list[str]:
    if state.check_plan is None or state.progress is None:
        return []
    seen = state.progress.machines
    lines = [
        f"{one}: {seen[one].readiness.value} {seen[one].why}".rstrip()
        for one in state.progress.instance_ids
        if one in seen
    ]
    number = len(state.progress.instance_ids)
    lines += [
        f"run {one.check.name} on {number} instances ({one.check.description})" for one in state.check_plan.checks
    ]
    return [*lines, f"CONTINUE if all pass, else {state.check_plan.on_failure.value} ({state.check_plan.why})"]
