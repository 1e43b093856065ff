"""What only the standing source can tell, read while it stands."""

from __future__ import annotations

import json
from typing import Any

from rescue import kept_disks
from rescue.checked_records import settle_disks, settle_launch_spec
from rescue.decide import Decision
from rescue.facts import Facts
from rescue.launch_spec import launch_spec
from rescue.source import look_if_stale
from rescue.tools import Tools
from rescue.tracks import makes_image
from spotkeeper.clients import items
from spotkeeper.clock import Deadline
from spotkeeper.instances import Described


def observe_launch_spec(tools: Tools, facts: Facts, until: Deadline) -> dict[str, Any]:
    """The launch spec of a source that stands; reads what DescribeInstances does not tell."""
    assert facts.source is not None  # noqa: S101 - decide() asks for it only while the source stands
    ecs, instance_id = tools.ecs, tools.instance_id
    user_data = ecs.call("DescribeUserData", instance_id, {"InstanceId": instance_id}, until=until)
    roles = ecs.call("DescribeInstanceRamRole", instance_id, {"InstanceIds": json.dumps([instance_id])}, until=until)
    sets = items(roles, "InstanceRamRoleSets", "InstanceRamRoleSet")
    role = next((str(one.get("RamRoleName") or "") for one in sets if one.get("InstanceId") == instance_id), "")
    before = kept_disks.recorded(tools)
    today = kept_disks.describe_disks(tools, until) if facts.disks is None else facts.disks
    as_they_were: list[Described] = [{**disk, **before.get(str(disk.get("DiskId")), {})} for disk in today]
    return launch_spec(facts.source, as_they_were, str(user_data.get("UserData") or ""), role, tools.settings)


def remember(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Record the launch spec, if it was read while the source stood; with the disks' flags as they were.

    Raises ``CloudError``, ``JournalUnavailable``.
    """
    facts = _remember_disks(tools, facts, tools.step.until)
    plan = observe_launch_spec(tools, facts, tools.step.until)
    facts = look_if_stale(tools, facts)
    return facts if facts.gone else settle_launch_spec(tools, facts, plan)


def _remember_disks(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """The disks, where retaining them has not recorded them (SPOTKEEPER_RETAIN_DISKS=never): they prove an image."""
    if "disks" in tools.episode.records or not makes_image(tools.settings, facts):
        return facts
    return settle_disks(tools, facts, kept_disks.describe_disks(tools, until) if facts.disks is None else facts.disks)
