"""What only the standing source can tell, read while it stands."""

from __future__ import annotations

import json
from typing import Any

from rescue import kept_disks
from rescue.checked_records import settle_disks, settle_launch_spec
from rescue.context import Context
from rescue.decide import Decision
from rescue.launch_spec import launch_spec
from rescue.source import look_if_stale
from rescue.state import State
from rescue.steps import makes_image
from spotkeeper.clients import items
from spotkeeper.clock import Deadline
from spotkeeper.instances import Described


def observe_launch_spec(run: Context, state: State, until: Deadline) -> dict[str, Any]:
    """The launch spec of a source that stands; reads what DescribeInstances does not tell."""
    assert state.source is not None  # noqa: S101 - decide() asks for it only while the source stands
    ecs, instance_id = run.ecs, run.instance_id
    user_data = ecs.call("DescribeUserData", instance_id, {"InstanceId": instance_id}, until=until)
    roles = ecs.call("DescribeInstanceRamRole", instance_id, {"InstanceIds": json.dumps([instance_id])}, until=until)
    sets = items(roles, "InstanceRamRoleSets", "InstanceRamRoleSet")
    role = next((str(one.get("RamRoleName") or "") for one in sets if one.get("InstanceId") == instance_id), "")
    before = kept_disks.recorded(run)
    today = kept_disks.describe_disks(run, until) if state.disks is None else state.disks
    as_they_were: list[Described] = [{**disk, **before.get(str(disk.get("DiskId")), {})} for disk in today]
    return launch_spec(state.source, as_they_were, str(user_data.get("UserData") or ""), role, run.settings)


def remember(run: Context, state: State, _: Decision) -> State:
    """Record the launch spec, if it was read while the source stood; with the disks' flags as they were.

    Raises ``CloudError``, ``JournalUnavailable``.
    """
    state = _remember_disks(run, state, run.step.until)
    plan = observe_launch_spec(run, state, run.step.until)
    state = look_if_stale(run, state)
    return state if state.gone else settle_launch_spec(run, state, plan)


def _remember_disks(run: Context, state: State, until: Deadline) -> State:
    """The disks, where retaining them has not recorded them (SPOTKEEPER_RETAIN_DISKS=never): they prove an image."""
    if "disks" in run.episode.records or not makes_image(run.settings, state):
        return state
    return settle_disks(run, state, kept_disks.describe_disks(run, until) if state.disks is None else state.disks)
