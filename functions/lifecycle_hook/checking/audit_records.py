"""The audit records of a lifecycle action: each step, and each result of a check."""

from __future__ import annotations

from typing import Any

from checking.context import Context
from checking.progress import Progress
from checking.state import State
from checking.steps import Decision


def audit_fields(run: Context, _: State, after: State, decision: Decision) -> dict[str, Any]:
    """The fields of the audit record of a step."""
    return {
        "reason": f"{decision.result.value}: {decision.reason}" if decision.result else decision.reason,
        "seconds_left": round(after.alive_until - run.clock.now(), 3),
        "lifecycle_hook": hook(after),
    }


def hook(state: State) -> dict[str, Any]:
    """The hook and its action."""
    event = state.event
    return {
        "lifecycle_hook_id": event.hook_id,
        "lifecycle_hook_name": event.hook_name,
        "lifecycle_action_token": event.token,
        "scaling_group_id": event.scaling_group_id,
        "scaling_activity_id": event.scaling_activity_id,
        "lifecycle_transition": state.transition.value,
    }


def ended(run: Context, before: Progress, after: Progress, hook: dict[str, Any] | None) -> None:
    """Write a record of each result in ``after`` that is not in ``before``."""
    for key, result in sorted(after.results.items()):
        if before.results.get(key) != result:
            outcome = "done" if result.passed else "failed"
            check = {"name": result.check, "attempt": result.attempt, "passed": result.passed, **result.evidence}
            audit = run.audit.of(instance_id=result.instance_id)
            audit.record("check", outcome, result.reason, lifecycle_hook=hook, check=check)
