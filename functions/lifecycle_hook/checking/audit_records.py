"""What the audit says of a step, and of every check that ended."""

from __future__ import annotations

from typing import Any

from checking.context import Context
from checking.progress import Progress, Result
from checking.state import State
from checking.steps import Decision


def audit_fields(run: Context, _: State, after: State, decision: Decision) -> dict[str, Any]:
    """The fields of the audit record of a step."""
    return {
        "reason": decision.worded,
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


def ended(run: Context, before: Progress, after: Progress, hook: dict[str, Any] | None) -> Progress:
    """The progress ``after``, with a record of each check that has ended since ``before``."""
    for key, one in sorted(after.results.items()):
        if before.results.get(key) != one:
            run.audit.of(instance_id=one.instance_id).record(
                "check", "done" if one.passed else "failed", one.reason, lifecycle_hook=hook, check=_check(one)
            )
    return after


def _check(result: Result) -> dict[str, Any]:
    return {"name": result.check, "attempt": result.attempt, "passed": result.passed, **result.evidence}
