"""The audit records of a rescue: each step with its reason, and what it changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rescue.actions import source_disks
from rescue.context import Context
from rescue.decide import Decision
from rescue.state import State
from rescue.steps import Step
from spotkeeper import loop
from spotkeeper.audit import instance_facts

Change = tuple[Any, Any]


def audit_fields(run: Context, before: State, after: State, decision: Decision) -> dict[str, Any]:
    """The fields of the audit record of a step."""
    change = CHANGES.get(decision.step)
    old, new = change(run, before, after) if change and after is not before else (None, None)
    source = after.source or {}
    return {
        "instance_name": source.get("InstanceName"),
        "episode": run.episode.name if after.loaded else None,
        "before": old,
        "after": new,
        "seconds_left": round(after.notice_end - run.clock.now(), 3),
        "instance": instance_facts(source) if decision.step is Step.OPEN and source else None,
    }


def unrecorded_flags(run: Context, state: State, disk_ids: Sequence[str]) -> None:
    """Record in the audit the flags that are changed without the journal: no other record has them."""
    reason = "without a journal these flags are not restored: the disks stay until somebody deletes them"
    fields = audit_fields(run, state, state, Decision(Step.RETAIN_DISKS, reason))
    fields |= {"before": dict.fromkeys(disk_ids, "DeleteWithInstance=true"), "api_request_ids": run.take_request_ids()}
    run.audit.record(Step.RETAIN_DISKS.value, "seen", reason, **fields)


def _flags(run: Context, flag: str) -> dict[str, str]:
    return dict.fromkeys(source_disks.to_retain(run), f"DeleteWithInstance={flag}")


def _status(state: State) -> Any:
    return (state.source or {}).get("Status")


def _weights(_: Context, before: State, __: State) -> Change:
    weights = {member.name: member.weight for member in before.memberships or ()}
    return weights, dict.fromkeys(weights, 0)


def _memberships(_: Context, before: State, after: State) -> Change:
    names = [member.name for member in before.memberships or ()]
    return (names, []) if after.removed and not before.removed else ([], names)


CHANGES: dict[loop.Step, Callable[[Context, State, State], Change]] = {
    Step.RETAIN_DISKS: lambda run, *_: (_flags(run, "true"), _flags(run, "false")),
    Step.RESTORE_DISKS: lambda run, _, after: (_flags(run, "false"), _flags(run, str(after.flags_restored).lower())),
    Step.DRAIN: _weights,
    Step.REMOVE: _memberships,
    Step.ADD_REPLACEMENT: _memberships,
    Step.STOP_SOURCE: lambda _, before, after: (_status(before), _status(after)),
    Step.MAKE_IMAGE: lambda _, __, after: (None, after.image_id or None),
    Step.LAUNCH: lambda _, __, after: (None, after.replacement_id or None),
}
"""Per step that writes: the values before and after."""
