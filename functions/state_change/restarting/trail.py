"""The audit records of a call: each step with its reason, what it changed, and the instance's facts while it exists."""

from __future__ import annotations

from typing import Any

from restarting.decide import Decision, Step
from restarting.facts import Facts
from restarting.places import remembered
from restarting.tools import Tools
from spotkeeper.audit import instance_facts


def done(tools: Tools, before: Facts, after: Facts, decision: Decision) -> None:
    """A step that was done."""
    reason = decision.reason
    if decision.step is Step.REPORT and not after.reported:
        reason = "another call has reported it already"
    _record(tools, after, decision.step, {"outcome": "done", "reason": reason}, *_change(before, after, decision.step))


def failed(tools: Tools, facts: Facts, decision: Decision, error: Exception) -> None:
    """A step that raised."""
    _record(tools, facts, decision.step, {"outcome": "failed", "reason": f"{type(error).__name__}: {error}"})


def _record(  # noqa: PLR0913 - one record's worth
    tools: Tools, facts: Facts, step: Step, result: dict[str, str], before: Any = None, after: Any = None
) -> None:
    instance = facts.instance or {}
    tools.audit.record(
        step.value,
        **result,
        instance_name=instance.get("InstanceName"),
        episode=tools.episode.name if facts.rescue else None,
        api_request_ids=[*tools.ecs.take_request_ids(), *tools.slb.take_request_ids()],
        before=before,
        after=after,
        instance=instance_facts(instance) if step is Step.LOOK and instance else None,
    )


def _change(before: Facts, after: Facts, step: Step) -> tuple[Any, Any]:
    """What was there before and what is there now, for the steps that change something."""
    if step in (Step.START, Step.WAIT):
        return before.status or None, after.status if step is Step.WAIT else "Starting"
    if step is Step.SERVE:
        return None, {one.place: one.weight for one in remembered(after)}
    return None, None
