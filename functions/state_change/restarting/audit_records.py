"""The audit records of a state change: each step with its change, and the instance while it exists."""

from __future__ import annotations

from typing import Any

from restarting.context import Context
from restarting.state import State
from restarting.steps import Step
from spotkeeper.audit import instance_facts
from spotkeeper.load_balancers.membership import recorded
from spotkeeper.loop import Decision


def audit_fields(run: Context, before: State, after: State, decision: Decision) -> dict[str, Any]:
    """The fields of the audit record."""
    step, instance = decision.step, after.instance or {}
    fields = {
        "instance_name": instance.get("InstanceName"),
        "episode": run.episode.name if after.rescue else None,
        "instance": instance_facts(instance) if step is Step.LOOK and instance else None,
    }
    if step in (Step.START, Step.WAIT):
        fields |= {"before": before.status or None, "after": after.status if step is Step.WAIT else "Starting"}
    if step is Step.SERVE:
        fields |= {"after": {member.name: member.weight for member in recorded(after.rescue)}}
    if step is Step.REPORT and not after.reported:
        fields |= {"reason": "another call has reported it already"}
    return fields
