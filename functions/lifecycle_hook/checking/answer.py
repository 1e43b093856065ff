"""The answer: the result of the action, and the evidence of every check on every instance."""

from __future__ import annotations

from typing import Any

from checking.context import Context
from checking.progress import Progress
from checking.state import State
from checking.steps import Decision
from spotkeeper.events.kinds import HookResult
from spotkeeper.hooks import FAILED_TAG, life_tag
from spotkeeper.loop import DRY_RUN


def skipped(_: Context, state: State, decision: Decision) -> dict[str, Any]:
    """Nothing is left to do, and the decision says why. Status and result are Auto Scaling's."""
    answer = _base(state, "skipped", decision.reason)
    if state.action is None:
        return answer
    result = {"result": state.action.result} if state.action.result in {each.value for each in HookResult} else {}
    warnings = {"warnings": _warnings(state)} if _warnings(state) else {}
    return {**answer, "lifecycle_action_status": state.action.status, **result, **warnings}


def done(_: Context, state: State, decision: Decision) -> dict[str, Any]:
    """The action is completed."""
    result = state.completed.value if state.completed else (state.action.result if state.action else "")
    removed = {"removed_instances": list(state.removed)} if state.removed else {}
    results = {"results": evidence(state.progress), "warnings": _warnings(state)}
    return {**_base(state, "done", decision.reason), "result": result, **removed, **results}


def _base(state: State, outcome: str, reason: str) -> dict[str, Any]:
    event = state.event
    return {
        "outcome": outcome,
        "reason": f"{event.hook_name or event.hook_id}: {reason}",
        "lifecycle_hook_id": event.hook_id,
        "lifecycle_transition": state.transition.value,
        "scaling_activity_id": event.scaling_activity_id,
        **({"instance_id": state.instance_ids[0]} if len(state.instance_ids) == 1 else {}),
    }


def _warnings(state: State) -> list[str]:
    errors = {
        "heartbeats are refused": state.heartbeat_error,
        "failed instances could not have been removed after CONTINUE": state.removal_error,
        f"the tags {life_tag(state.event.hook_id)} and {FAILED_TAG} may be left on instances": state.untidy,
    }
    return [f"{what}: {error}" for what, error in errors.items() if error]


def evidence(progress: Progress) -> list[dict[str, Any]]:
    """An entry for each result of a check, and for each instance that no check could reach."""
    ended = [
        {
            "outcome": "done",
            "instance_id": result.instance_id,
            "check": result.check,
            "passed": result.passed,
            "reason": result.reason,
            "attempt": result.attempt,
            **result.evidence,
        }
        for _, result in sorted(progress.results.items(), key=lambda item: (item[0][1], item[0][0]))
    ]
    reached = {entry["instance_id"] for entry in ended if not entry["passed"]}
    never = {name: why for name, why in sorted(progress.failures.items()) if name not in reached}
    failed = {"outcome": "done", "check": None, "passed": False}
    return [*ended, *({**failed, "instance_id": name, "reason": why} for name, why in never.items())]


def plan(_: Context, state: State, __: Decision) -> dict[str, Any]:
    """The instances that can be checked, the checks, and the results of the action."""
    lines: list[str] = []
    if plan := state.check_plan:
        names, seen = state.progress.instance_ids, state.progress.instances
        lines += [f"{name}: {seen[name].readiness.value} {seen[name].why}".rstrip() for name in names if name in seen]
        lines += [f"run {each.check.name} on {len(names)} instances ({each.check.description})" for each in plan.checks]
        lines += [f"CONTINUE if all pass, else {plan.on_failure.value} ({plan.why})"]
    warnings = ["no call extends or completes the hook: it ends with its DefaultResult"]
    return _base(state, "skipped", DRY_RUN) | {"plan": lines, "warnings": warnings}
