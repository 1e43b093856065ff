"""The flags ``DeleteWithInstance`` of the source's disks: off before the release, restored once the image is safe."""

from __future__ import annotations

from collections.abc import Iterable

from rescue import audit_records
from rescue.actions import source_disks
from rescue.actions.record_checks import settle_disks
from rescue.actions.snapshots import wait_for_snapshots
from rescue.actions.source_instance import look_if_stale
from rescue.context import Context
from rescue.decide import Decision
from rescue.next_try import try_later
from rescue.state import State
from rescue.steps import Step
from spotkeeper.clients import chunks
from spotkeeper.errors import CloudError
from spotkeeper.retry import passes_by_itself

FOR_GOOD = frozenset(
    {
        "DeleteWithInstance.Conflict",
        "InvalidDiskId.NotFound",
        "InvalidOperation.InstanceLocked",
        "InstanceLockedForSecurity",
    }
)
"""Permanent refusals: a disk category without the flag, a released disk, a locked instance (error table of
ModifyDiskAttribute)."""
DISKS_PER_CALL = 100


def retain(run: Context, state: State, _: Decision) -> State:
    """Record the flags, then set ``DeleteWithInstance=false`` on every disk that would be released with the instance.

    A disk that is refused for good (its category, or the reclaim lock) is a warning: the image can still save it. After
    any other code the disk is tried again until there is a usable image: a disk in a snapshot, in transfer or being
    attached is refused for a while. Without a journal the flags are changed nevertheless, and nobody restores them.
    """
    disks = source_disks.attached(run)
    if state.journal_reached:
        state = settle_disks(run, state, disks)
    to_retain = [str(disk["DiskId"]) for disk in disks if disk.get("DeleteWithInstance")]
    if to_retain and not state.journal_reached:
        run.unrecorded_disks += to_retain  # before the call: it may be executed although no answer comes
        audit_records.unrecorded_flags(run, state, to_retain)  # and this process may die before it can report them
    refused = set_flags(run, to_retain, delete_with_instance=False)
    unretained = tuple(f"disk {disk} will be released with the instance: {_why(refused[disk])}" for disk in refused)
    state = state.replace(disks=tuple(disks), unretained=unretained)
    passing = [error for error in refused.values() if error.code not in FOR_GOOD]
    if passing:
        return try_later(state, Step.RETAIN_DISKS, "", passing[0], run.clock.now())
    return state.accepted(Step.RETAIN_DISKS).replace(disks_retained=True)


def restore(run: Context, state: State, decision: Decision) -> State:
    """Restore the flags if the image is safe; else the disks stay, and the answer reports them."""
    if not state.snapshots_complete:
        state = wait_for_snapshots(run, state, decision)
        if not state.snapshots_complete:
            return state.replace(disks_settled=True)
    state = look_if_stale(run, state)
    if state.gone:
        return state.replace(disks_settled=True)
    # A disk that its owner has attached to another instance since must not be released with that instance.
    attached = {str(disk["DiskId"]) for disk in source_disks.attached(run)}
    retained = [disk_id for disk_id in source_disks.to_retain(run) if disk_id in attached]
    refused = set_flags(run, retained, delete_with_instance=True)
    warnings = [f"the flag of disk {disk} was not restored: {_why(error)}" for disk, error in refused.items()]
    return state.replace(disks_settled=True, flags_restored=not refused).warn(*warnings)


def set_flags(run: Context, disk_ids: Iterable[str], *, delete_with_instance: bool) -> dict[str, CloudError]:
    """Set the flag of the disks; returns the refused disks, each with its refusal. Raises what passes by itself.

    The API refuses a whole call because of a single disk, so the disks are then changed one by one.
    """
    refused: dict[str, CloudError] = {}
    for chunk in chunks(sorted(disk_ids), DISKS_PER_CALL):
        parameters = {"DiskIds": chunk, "DeleteWithInstance": delete_with_instance}
        try:
            run.ecs.call("ModifyDiskAttribute", ", ".join(chunk), parameters)
        except CloudError as error:
            if passes_by_itself(error):
                raise
            if len(chunk) == 1:
                refused[chunk[0]] = error
            else:
                for disk_id in chunk:
                    refused |= set_flags(run, [disk_id], delete_with_instance=delete_with_instance)
    return refused


def _why(error: CloudError) -> str:
    return f"{error.code} ({error.detail}; request id {error.request_id})"
