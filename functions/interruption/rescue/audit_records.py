"""The audit records of a rescue: each step with its reason, and what it changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rescue import kept_disks
from rescue.context import Context
from rescue.decide import Decision
from rescue.state import State
from rescue.steps import Step
from spotkeeper import loop
from spotkeeper.audit import instance_facts

Change = tuple[Any, Any]


def audit_fields(run: Context, before: State, after: State, decision: Decision) -> dict[str, Any]:
    """The fields of the audit record of a step."""
    change = (None, None) if after is before else CHANGES.get(decision.step, _unchanged)(run, before, after)
    source = after.source or {}
    return {
        "instance_name": source.get("InstanceName"),
        "episode": run.episode.name if after.loaded else None,
        "before": change[0],
        "after": change[1],
        "seconds_left": round(after.notice_end - run.clock.now(), 3),
        "instance": instance_facts(source) if decision.step is Step.OPEN and source else None,
    }


def unrecorded_flags(run: Context, state: State, disk_ids: Sequence[str]) -> None:
    """Flags are about to be changed that the journal cannot remember: the audit is all that will tell of them."""
    reason = "without a journal nobody puts these flags back: the disks stay until somebody deletes them"
    flags = dict.fromkeys(disk_ids, "DeleteWithInstance=true")
    fields = audit_fields(run, state, state, Decision(Step.RETAIN_DISKS, reason))
    run.audit.record(
        Step.RETAIN_DISKS.value,
        "seen",
        reason,
        **{**fields, "before": flags, "api_request_ids": run.take_request_ids()},
    )


def _unchanged(_: Context, __: State, ___: State) -> Change:
    return None, None


def _stopped(_: Context, before: State, after: State) -> Change:
    return (before.source or {}).get("Status"), (after.source or {}).get("Status")


def _weights(_: Context, before: State, __: State) -> Change:
    weights = {one.name: one.weight for one in before.memberships or ()}
    return weights, dict.fromkeys(weights, 0)


def _memberships(_: Context, before: State, after: State) -> Change:
    names = [one.name for one in before.memberships or ()]
    return (names, []) if after.removed and not before.removed else ([], names)


CHANGES: dict[loop.Step, Callable[[Context, State, State], Change]] = {
    Step.RETAIN_DISKS: lambda run, *_: (
        dict.fromkeys(kept_disks.doomed(run), "DeleteWithInstance=true"),
        dict.fromkeys(kept_disks.doomed(run), "DeleteWithInstance=false"),
    ),
    Step.RESTORE_DISKS: lambda run, _, after: (
        dict.fromkeys(kept_disks.doomed(run), "DeleteWithInstance=false"),
        dict.fromkeys(kept_disks.doomed(run), f"DeleteWithInstance={str(after.flags_restored).lower()}"),
    ),
    Step.DRAIN: _weights,
    Step.REMOVE: _memberships,
    Step.RETURN: _memberships,
    Step.STOP_SOURCE: _stopped,
    Step.MAKE_IMAGE: lambda _, __, after: (None, after.image_id or None),
    Step.LAUNCH: lambda _, __, after: (None, after.replacement_id or None),
}
"""Per step that writes: what was there before, and what is there now."""
