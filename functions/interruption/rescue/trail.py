"""The audit records of a rescue: each step with its reason, and what it changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rescue import kept_disks
from rescue.decide import Decision
from rescue.facts import Facts
from rescue.tools import Tools
from rescue.tracks import Step
from spotkeeper import loop
from spotkeeper.audit import instance_facts

Change = tuple[Any, Any]


def audit_fields(tools: Tools, before: Facts, after: Facts, decision: Decision) -> dict[str, Any]:
    """The fields of the audit record of a step."""
    change = (None, None) if after is before else CHANGES.get(decision.step, _unchanged)(tools, before, after)
    source = after.source or {}
    return {
        "instance_name": source.get("InstanceName"),
        "episode": tools.episode.name if after.loaded else None,
        "before": change[0],
        "after": change[1],
        "seconds_left": round(after.notice_end - tools.clock.now(), 3),
        "instance": instance_facts(source) if decision.step is Step.OPEN and source else None,
    }


def unrecorded_flags(tools: Tools, facts: Facts, disk_ids: Sequence[str]) -> None:
    """Flags are about to be changed that the journal cannot remember: the audit is all that will tell of them."""
    reason = "without a journal nobody puts these flags back: the disks stay until somebody deletes them"
    flags = dict.fromkeys(disk_ids, "DeleteWithInstance=true")
    fields = audit_fields(tools, facts, facts, Decision(Step.RETAIN_DISKS, reason))
    tools.audit.record(
        Step.RETAIN_DISKS.value,
        "seen",
        reason,
        **{**fields, "before": flags, "api_request_ids": tools.take_request_ids()},
    )


def _unchanged(_: Tools, __: Facts, ___: Facts) -> Change:
    return None, None


def _stopped(_: Tools, before: Facts, after: Facts) -> Change:
    return (before.source or {}).get("Status"), (after.source or {}).get("Status")


def _weights(_: Tools, before: Facts, __: Facts) -> Change:
    weights = {one.name: one.weight for one in before.memberships or ()}
    return weights, dict.fromkeys(weights, 0)


def _memberships(_: Tools, before: Facts, after: Facts) -> Change:
    names = [one.name for one in before.memberships or ()]
    return (names, []) if after.removed and not before.removed else ([], names)


CHANGES: dict[loop.Step, Callable[[Tools, Facts, Facts], Change]] = {
    Step.RETAIN_DISKS: lambda tools, *_: (
        dict.fromkeys(kept_disks.doomed(tools), "DeleteWithInstance=true"),
        dict.fromkeys(kept_disks.doomed(tools), "DeleteWithInstance=false"),
    ),
    Step.RESTORE_DISKS: lambda tools, _, after: (
        dict.fromkeys(kept_disks.doomed(tools), "DeleteWithInstance=false"),
        dict.fromkeys(kept_disks.doomed(tools), f"DeleteWithInstance={str(after.flags_restored).lower()}"),
    ),
    Step.DRAIN: _weights,
    Step.REMOVE: _memberships,
    Step.RETURN: _memberships,
    Step.STOP_SOURCE: _stopped,
    Step.MAKE_IMAGE: lambda _, __, after: (None, after.image_id or None),
    Step.LAUNCH: lambda _, __, after: (None, after.replacement_id or None),
}
"""Per step that writes: what was there before, and what is there now."""
