"""The audit records of a call: each step that changes or ends something, and how every check ended."""

from __future__ import annotations

from typing import Any

from checking.facts import Facts
from checking.progress import Progress, Result
from checking.steps import Decision, Step
from checking.tools import Tools

QUIET = frozenset({Step.OBSERVE, Step.VERIFY, Step.TIDY, Step.WAIT})
"""Steps that are only waiting: what they bring is recorded, not that they were made."""


def done(tools: Tools, before: Facts, after: Facts, decision: Decision) -> None:
    """A step that was done."""
    if decision.step not in QUIET:
        _record(tools, after, decision.step, "done", _worded(decision))
    results(tools, before.progress, after.progress, hook=_hook(after))


def failed(tools: Tools, facts: Facts, decision: Decision, error: Exception) -> None:
    """A step that raised."""
    _record(tools, facts, decision.step, "failed", f"{_worded(decision)}: {type(error).__name__}: {error}")


def _worded(decision: Decision) -> str:
    return f"{decision.result.value}: {decision.reason}" if decision.result else decision.reason


def _record(tools: Tools, facts: Facts, step: Step, outcome: str, reason: str) -> None:
    tools.audit.record(
        step.value,
        outcome,
        reason,
        api_request_ids=tools.take_request_ids(),
        seconds_left=round(facts.alive_until - tools.clock.now(), 3),
        lifecycle_hook=_hook(facts),
    )


def _hook(facts: Facts) -> dict[str, Any]:
    event = facts.event
    return {
        "lifecycle_hook_id": event.hook_id,
        "lifecycle_hook_name": event.hook_name,
        "lifecycle_action_token": event.token,
        "scaling_group_id": event.scaling_group_id,
        "scaling_activity_id": event.scaling_activity_id,
        "lifecycle_transition": facts.transition.value,
    }


def results(tools: Tools, before: Progress | None, after: Progress | None, hook: dict[str, Any] | None) -> None:
    """What is new in ``after``: one record for each check that ended on an instance."""
    known = before.results if before else {}
    for key, one in sorted((after.results if after else {}).items()):
        if known.get(key) != one:
            tools.audit.of(instance_id=one.instance_id).record(
                "check", "done" if one.passed else "failed", one.reason, lifecycle_hook=hook, check=_check(one)
            )


def _check(result: Result) -> dict[str, Any]:
    return {"name": result.check, "attempt": result.attempt, "passed": result.passed, **result.evidence}
