"""The launch spec, read from the source while it exists, and recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rescue.actions import source_disks
from rescue.actions.record_checks import settle_disks, settle_launch_spec
from rescue.actions.source_instance import look_if_stale
from rescue.context import Context
from rescue.decide import Decision
from rescue.launch_spec.spec import launch_spec
from rescue.state import State
from rescue.steps import makes_image
from spotkeeper.clients import items
from spotkeeper.errors import CloudUnreachable
from spotkeeper.instances import Described

HIDDEN_SECONDS = 60.0
"""The launch spec waits so long for the list of disks, from the beginning of the call."""


def observe_launch_spec(run: Context, state: State, shown: Iterable[Described]) -> dict[str, Any]:
    """The launch spec of a source that exists, with its ``shown`` disks; reads what DescribeInstances does not show."""
    assert state.source is not None  # noqa: S101 - decide() asks for it only while the source exists
    ecs, instance_id = run.ecs, run.instance_id
    user_data = ecs.call("DescribeUserData", instance_id, {"InstanceId": instance_id})
    roles = ecs.call("DescribeInstanceRamRole", instance_id, {"InstanceIds": json.dumps([instance_id])})
    sets = items(roles, "InstanceRamRoleSets", "InstanceRamRoleSet")
    role = next((str(entry.get("RamRoleName") or "") for entry in sets if entry.get("InstanceId") == instance_id), "")
    before = source_disks.recorded(run)
    disks: list[Described] = [{**disk, **before.get(str(disk.get("DiskId")), {})} for disk in shown]
    return launch_spec(state.source, disks, str(user_data.get("UserData") or ""), role, run.settings)


def record(run: Context, state: State, _: Decision) -> State:
    """Record the launch spec, with the disk flags before the rescue; not if the source was released meanwhile.

    The disks are recorded too where retaining them has not recorded them (SPOTKEEPER_RETAIN_DISKS=never): they prove
    an image. Raises ``CloudError``, ``JournalUnavailable``.
    """
    disks = _disks(run, state)
    if not disks:
        state = state.warn("DescribeDisks shows no disk of the source: the replacement gets disks by the image alone")
    elif "disks" not in run.episode.records and makes_image(run.settings, state):
        state = settle_disks(run, state, disks)
    spec = observe_launch_spec(run, state, disks)
    state = look_if_stale(run, state)
    return state if state.gone else settle_launch_spec(run, state, spec)


def _disks(run: Context, state: State) -> list[Described]:
    """The source's disks; none if DescribeDisks hides them for good, since the launch spec has more than the disks."""
    if state.disks is not None:
        return list(state.disks)
    try:
        return source_disks.attached(run)
    except CloudUnreachable as error:
        if error.code != source_disks.INCOMPLETE or run.clock.now() < state.entered + HIDDEN_SECONDS:
            raise
        return []
