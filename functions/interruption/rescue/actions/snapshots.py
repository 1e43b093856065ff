"""The snapshots behind the image: the data is safe once all of them are complete."""

from __future__ import annotations

import json

from rescue.actions.image import look_for_image
from rescue.context import Context
from rescue.decide import Decision
from rescue.state import State
from spotkeeper.errors import DeadlineReached, WaitFailed
from spotkeeper.polling import Waiter, wait_for

SNAPSHOTS_WAITER = Waiter(
    "snapshots of image",
    success=frozenset({"accomplished"}),
    retry=frozenset({"progressing", "absent"}),
    longest_pause=10.0,
)
LEAVE_BEFORE_RELEASE = 5.0
"""Seconds before the notice's end after which disk flags are no longer changed."""
IMMINENT_PAUSE = 1.0
LATE_PAUSE = 10.0
"""Seconds between two looks at the source around the notice's end: the release may come later, or never."""


def wait_for_snapshots(run: Context, state: State, _: Decision) -> State:
    """Wait until every snapshot behind the image is accomplished, or the source is about to be released.

    Raises ``DeadlineReached`` if this call's time is up before.
    """
    if not state.snapshot_ids:
        state = look_for_image(run, state)
    left = state.notice_end - LEAVE_BEFORE_RELEASE - run.clock.now()
    until = run.step_limit.until.sooner(max(0.0, left))
    try:
        wait_for(SNAPSHOTS_WAITER, state.image_id, lambda: _slowest(run, state), until)
    except WaitFailed as failure:
        return state.replace(source_seen=False).warn(f"{failure}: the disks stay")
    except DeadlineReached:
        if until.at == run.step_limit.until.at:
            raise
        # The release may be seconds away: look whether it has happened, and leave the flags as they are.
        pause = min(LATE_PAUSE, max(IMMINENT_PAUSE, run.clock.now() - state.notice_end))
        run.clock.sleep(min(pause, run.step_limit.remaining()))
        return state.replace(source_seen=False).warn(
            f"the snapshots of {state.image_id} were not complete before the release: the disks stay"
        )
    return state.replace(snapshots_complete=True)


def _slowest(run: Context, state: State) -> tuple[str, int]:
    """The state of the slowest snapshot, and how many snapshots are shown."""
    wanted = set(state.snapshot_ids)
    parameters = {"SnapshotIds": json.dumps(sorted(wanted))}
    shown = run.ecs.listed("DescribeSnapshots", state.image_id, parameters, "Snapshots", "Snapshot")
    found = [snapshot for snapshot in shown if snapshot.get("SnapshotId") in wanted]
    states = {str(snapshot.get("Status")) for snapshot in found}
    if len(found) < len(wanted) or not wanted:
        states.add("absent")
    slow = next((status for status in ("failed", "absent", "progressing") if status in states), None)
    return slow or (states.pop() if len(states) == 1 else "mixed"), len(found)
