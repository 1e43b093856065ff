"""The wire of Auto Scaling: answers, parameters, regions."""

from __future__ import annotations

from typing import Any

import pytest
from alibabacloud_ess20220222 import models

from simulator import schema
from simulator.cloud import Cloud
from simulator.ess.model import ScalingActivity
from tests.simulator.answers import misfits
from tests.simulator.ess_sdk import TOPIC, Ess, lower_pair, pair


def seeded(cloud: Cloud) -> ScalingActivity:
    """A group behind a CLB with an instance in service and another that a hook holds up."""
    servers = cloud.slb.add_vserver_group(cloud.slb.add_load_balancer("shop"), "web")
    group = cloud.ess.add_scaling_group(group_id="asg-1", vserver_group=servers)
    cloud.ess.scale_out(group, instance_ids=["i-1"])
    cloud.ess.add_lifecycle_hook(group, hook_id="ash-1", notification_arn=TOPIC)
    return cloud.ess.scale_out(group, instance_ids=["i-2"])


def questions(activity: ScalingActivity) -> dict[str, dict[str, Any]]:
    """Parameters with which each action has much to say; in an order in which each can be answered."""
    removed = {"InstanceIds": ["i-1", "i-9"], "IgnoreInvalidInstance": True}
    return {
        "DescribeScalingGroups": {},
        "DescribeLifecycleHooks": {"ScalingGroupId": "asg-1"},
        "DescribeLifecycleActions": {"ScalingActivityId": activity.id},
        "RecordLifecycleActionHeartbeat": lower_pair(activity.actions[0]),
        "CompleteLifecycleAction": pair(activity.actions[0]),
        "RemoveInstances": {"ScalingGroupId": "asg-1", **removed},
        "DescribeScalingActivities": {"ScalingGroupId": "asg-1"},
        "DescribeScalingInstances": {},
    }


def test_every_answer_fits_the_sdk(cloud: Cloud, ess: Ess) -> None:
    """No action answers with a field that the SDK's model drops, or with a value of another type."""
    asked = questions(seeded(cloud))
    for action, parameters in asked.items():
        assert misfits(cloud, ess, action, parameters) == []
    assert sorted(asked) == sorted(cloud.ess.actions)


@pytest.mark.parametrize("action", sorted(schema.table("ess")))
def test_the_parameters_are_the_sdks(action: str) -> None:
    """The table takes what the pinned SDK's request model sends, by the same names."""
    request = getattr(models, f"{action}Request")()
    filled = {
        name.rstrip("!"): {} if name == "LifecycleHookContext" else [] if isinstance(shape, list) else "x"
        for name, shape in schema.table("ess")[action].items()
    }

    assert set(request.from_map(filled).to_map()) == set(filled)
    assert len(filled) == len([item for item in vars(request) if not item.startswith("_")])


@pytest.mark.parametrize("action", ["DescribeScalingGroups", "DescribeScalingInstances"])
def test_regions(cloud: Cloud, ess: Ess, action: str) -> None:
    """Another region is empty, a region that does not exist is refused."""
    seeded(cloud)

    assert ess(action)["TotalCount"] > 0
    assert ess(action, RegionId="cn-shanghai")["TotalCount"] == 0
    assert ess.refused(action, RegionId="cn-atlantis") == (404, "InvalidRegionId.NotFound")
