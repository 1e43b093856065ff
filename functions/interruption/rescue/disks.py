"""The source's disks: kept when it is released, until the image is safe."""

from __future__ import annotations

import json
from collections.abc import Iterable

from rescue import audit_records, kept_disks
from rescue.checked_records import settle_disks
from rescue.context import Context
from rescue.image import look_for_image
from rescue.kept_disks import describe_disks
from rescue.refusals import refused
from rescue.source import look_if_stale
from rescue.state import State
from rescue.steps import Step
from spotkeeper.clients import items
from spotkeeper.clock import Deadline
from spotkeeper.errors import CloudError, DeadlineReached, WaitFailed
from spotkeeper.polling import Waiter, wait_for
from spotkeeper.retry import passes_by_itself

SNAPSHOTS = Waiter(
    "snapshots of image",
    success=frozenset({"accomplished"}),
    retry=frozenset({"progressing", "absent"}),
    longest_pause=10.0,
)

FOR_GOOD = frozenset(
    {
        "DeleteWithInstance.Conflict",
        "InvalidDiskId.NotFound",
        "InvalidOperation.InstanceLocked",
        "InstanceLockedForSecurity",
    }
)
"""Refusals of a disk's kind, of one that is gone, and of the lock: trying again changes nothing (error table of
ModifyDiskAttribute)."""

LEAVE_BEFORE_RELEASE = 5.0
"""Seconds before the notice's end after which flags are no longer touched."""
IMMINENT_PAUSE = 1.0


def retain(run: Context, state: State, until: Deadline) -> State:
    """Record the flags as they are, then ``DeleteWithInstance=false`` on every disk that would go with the instance.

    A disk that refuses for good (its kind, or because of the reclaim lock) is a warning: the image can still save it.
    Under any other code it is tried again, for as long as there is no usable image: a disk in a snapshot, in transfer
    or being attached refuses for a while. Without a journal the flags are changed all the same, and nobody puts them
    back.
    """
    disks = describe_disks(run, until)
    if state.journal_reached:
        state = settle_disks(run, state, disks)
    doomed = [str(disk["DiskId"]) for disk in disks if disk.get("DeleteWithInstance")]
    if doomed and not state.journal_reached:
        run.touched += doomed  # before the call: it may be executed although no answer comes
        audit_records.unrecorded_flags(run, state, doomed)  # and this process may die before it can say so
    refusing = set_flags(run, doomed, until, delete_with_instance=False)
    unretained = [f"disk {one} will be released with the instance: {_why(error)}" for one, error in refusing.items()]
    state = state.replace(disks=tuple(disks), unretained=tuple(unretained))
    again = [error for error in refusing.values() if error.code not in FOR_GOOD]
    if again:
        return refused(state, Step.RETAIN_DISKS, "", again[0], run.clock.now())
    return state.accepted(Step.RETAIN_DISKS).replace(disks_retained=True)


def _why(error: CloudError) -> str:
    return f"{error.code} ({error.detail}; request id {error.request_id})"


def set_flags(
    run: Context, disk_ids: Iterable[str], until: Deadline, *, delete_with_instance: bool
) -> dict[str, CloudError]:
    """ModifyDiskAttribute; returns the disks that refuse, each with its refusal. Raises what passes by itself.

    One disk that refuses makes the API refuse all of a call, so they are asked one by one then.
    """
    wanted = sorted(disk_ids)
    if not wanted:
        return {}
    try:
        _set_flags(run, wanted, until, delete_with_instance)
    except CloudError as error:
        if passes_by_itself(error):
            raise
        if len(wanted) == 1:
            return {wanted[0]: error}
        refusing: dict[str, CloudError] = {}
        for disk_id in wanted:
            refusing.update(set_flags(run, [disk_id], until, delete_with_instance=delete_with_instance))
        return refusing
    return {}


def _set_flags(run: Context, disk_ids: list[str], until: Deadline, delete_with_instance: bool) -> None:  # noqa: FBT001
    for start in range(0, len(disk_ids), 100):
        chunk = disk_ids[start : start + 100]
        parameters = {"DiskIds": chunk, "DeleteWithInstance": delete_with_instance}
        run.ecs.call("ModifyDiskAttribute", ", ".join(chunk), parameters, until=until)


def wait_for_snapshots(run: Context, state: State, deadline: Deadline) -> State:
    """Wait until every snapshot behind the image is accomplished, or the source is about to be released.

    Raises ``DeadlineReached`` where this call's time is up before either.
    """
    if not state.snapshot_ids:
        state = look_for_image(run, state)
    left = state.notice_end - LEAVE_BEFORE_RELEASE - run.clock.now()
    until = deadline.sooner(max(0.0, left))
    try:
        wait_for(SNAPSHOTS, state.image_id, lambda: _snapshots(run, state), run.clock, until)
    except WaitFailed as failure:
        return state.replace(source_seen=False).warn(f"{failure}: the disks stay")
    except DeadlineReached:
        if until.at == deadline.at:
            raise
        # The release is imminent: look whether it has happened, and leave the flags alone. It may be seconds away.
        run.clock.sleep(IMMINENT_PAUSE)
        return state.replace(source_seen=False).warn(
            f"snapshots of {state.image_id} were not complete in time: the disks stay"
        )
    return state.replace(snapshots_complete=True)


def _snapshots(run: Context, state: State) -> tuple[str, int]:
    """The state of the slowest snapshot."""
    wanted = set(state.snapshot_ids)
    parameters = {"SnapshotIds": json.dumps(sorted(wanted))}
    pages = run.ecs.pages("DescribeSnapshots", state.image_id, parameters)
    found = [one for page in pages for one in items(page, "Snapshots", "Snapshot") if one.get("SnapshotId") in wanted]
    states = {str(one.get("Status")) for one in found}
    if len(found) < len(wanted) or not wanted:
        states.add("absent")
    return next((state for state in ("failed", "absent", "progressing") if state in states), _only(states)), len(found)


def _only(states: set[str]) -> str:
    return states.pop() if len(states) == 1 else "mixed"


def restore(run: Context, state: State, until: Deadline) -> State:
    """Put the flags back as they were, where the image is safe; else leave the disks and let the answer report them."""
    if not state.snapshots_complete:
        state = wait_for_snapshots(run, state, until)
        if not state.snapshots_complete:
            return state.replace(disks_settled=True)
    state = look_if_stale(run, state)
    if state.gone:
        return state.replace(disks_settled=True)
    # Its owner may have attached a disk to another instance meanwhile, with which it must not be released.
    attached = {str(disk["DiskId"]) for disk in describe_disks(run, until)}
    ours = [disk_id for disk_id in kept_disks.doomed(run) if disk_id in attached]
    refusing = set_flags(run, ours, until, delete_with_instance=True)
    warnings = [f"the flag of disk {one} was not put back: {_why(error)}" for one, error in refusing.items()]
    return state.replace(disks_settled=True, flags_restored=not refusing).warn(*warnings)
