"""RemoveInstances."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.cloud import Cloud
from simulator.ess.model import ScalingGroup
from tests.simulator.ess_sdk import Ess, states

IDS = ["i-1", "i-2", "i-3"]


@pytest.fixture
def group(cloud: Cloud) -> ScalingGroup:
    """Three instances in service; a hook for the way out."""
    group = cloud.ess.add_scaling_group(min_size=1)
    cloud.ess.scale_out(group, instance_ids=IDS)
    cloud.ess.add_lifecycle_hook(group, transition="SCALE_IN", hook_id="ash-out")
    return group


def test_instances_are_released_after_their_hooks(cloud: Cloud, ess: Ess, group: ScalingGroup) -> None:
    """An activity of its own, which the hooks of the way out hold up."""
    answer = ess("RemoveInstances", ScalingGroupId=group.id, InstanceIds=["i-1", "i-2"])
    activity = cloud.ess.activities[-1]

    assert (answer["ScalingActivityId"], answer["IgnoredInstances"]) == (activity.id, [])
    assert states(cloud) == ["Removing:Wait", "Removing:Wait", "InService"]
    ess.complete(activity.actions[0], "CONTINUE")
    assert (list(cloud.ecs.instances), activity.status) == (["i-3"], "Successful")


@pytest.mark.parametrize("context", [{"DisableLifecycleHook": True}, {"IgnoredLifecycleHookIds": ["ash-out"]}])
def test_the_hooks_can_be_left_out(cloud: Cloud, ess: Ess, group: ScalingGroup, context: dict[str, Any]) -> None:
    """All of them, or those named: the instance is released without waiting, once it has stopped."""
    cloud.ecs.timings.stop = 10
    ess("RemoveInstances", ScalingGroupId=group.id, InstanceIds=["i-1"], LifecycleHookContext=context)
    activity = cloud.ess.activities[-1]

    assert (activity.actions, states(cloud)[0], activity.status) == ([], "Removing", "InProgress")
    cloud.clock.advance(10)
    assert len(states(cloud)) == 2
    assert activity.status == "Successful"


def test_one_activity_at_a_time(cloud: Cloud, ess: Ess, group: ScalingGroup) -> None:
    """Refused while anything of this group is in progress; other groups do not matter."""
    other = cloud.ess.add_scaling_group()
    cloud.ess.add_lifecycle_hook(other)
    cloud.ess.scale_out(other)
    activity = cloud.ess.scale_in(group, ["i-1"])

    asked = {"ScalingGroupId": group.id, "InstanceIds": ["i-2"]}
    assert ess.refused("RemoveInstances", **asked) == (400, "ScalingActivityInProgress")
    ess.complete(activity.actions[0], "ROLLBACK")
    assert ess("RemoveInstances", **asked)["ScalingActivityId"]


def test_the_least_size_holds(cloud: Cloud, ess: Ess, group: ScalingGroup) -> None:
    """One must stay; instances that vanished count no more."""
    every = ess.refused("RemoveInstances", ScalingGroupId=group.id, InstanceIds=IDS)
    assert every == (400, "IncorrectCapacity.MinSize")
    cloud.ecs.release(cloud.ecs.instances["i-3"], cloud.now(), "somebody")
    two = ess.refused("RemoveInstances", ScalingGroupId=group.id, InstanceIds=["i-1", "i-2"])
    assert two == (400, "IncorrectCapacity.MinSize")
    assert states(cloud) == ["InService", "InService"]


def test_strangers_refuse_the_call_or_are_ignored(cloud: Cloud, ess: Ess, group: ScalingGroup) -> None:
    """Unknown, gone, or of another group; with IgnoreInvalidInstance they are listed, and the activity warns."""
    other = cloud.ess.add_scaling_group()
    cloud.ess.scale_out(other, instance_ids=["i-4"])
    cloud.ecs.release(cloud.ecs.instances["i-3"], cloud.now(), "somebody")
    for stranger in ("i-3", "i-4", "i-9"):
        refusal = ess.refused("RemoveInstances", ScalingGroupId=group.id, InstanceIds=["i-1", stranger])
        assert refusal == (404, "InvalidInstanceId.NotFound")
    asked = {"ScalingGroupId": group.id, "IgnoreInvalidInstance": True}
    assert ess.refused("RemoveInstances", **asked, InstanceIds=["i-9"]) == (404, "InvalidInstanceId.NotFound")

    context = {"DisableLifecycleHook": True}
    answer = ess("RemoveInstances", **asked, InstanceIds=["i-1", "i-9"], LifecycleHookContext=context)
    assert [item["InstanceId"] for item in answer["IgnoredInstances"]] == ["i-9"]
    assert cloud.ess.activities[-1].status == "Warning"
    assert sorted(cloud.ecs.instances) == ["i-2", "i-4"]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"InstanceIds": [f"i-{number}" for number in range(21)]}, (400, "InvalidParameter")),
        ({"InstanceIds": []}, (400, "MissingParameter")),
        ({"ScalingGroupId": "asg-unknown"}, (404, "InvalidScalingGroupId.NotFound")),
        ({"RegionId": "cn-shanghai"}, (404, "InvalidScalingGroupId.NotFound")),
        ({"RemovePolicy": "keep"}, (400, "InvalidParameter")),
        ({"StopInstanceTimeout": 29}, (400, "InvalidParameter")),
        ({"ClientToken": "é"}, (400, "InvalidParameter")),
        ({"LifecycleHookContext": {"LifecycleHookResult": "CONTINUE"}}, (400, "NotCovered")),
    ],
)
def test_what_is_refused(
    cloud: Cloud, ess: Ess, group: ScalingGroup, changes: dict[str, Any], refusal: tuple[int, str]
) -> None:
    """More than 20 instances, none, or a value that nobody knows; nothing begins."""
    asked = {"ScalingGroupId": group.id, "InstanceIds": ["i-1"], **changes}

    assert ess.refused("RemoveInstances", **asked) == refusal
    assert states(cloud) == ["InService"] * 3


def test_the_same_client_token_starts_one_activity(cloud: Cloud, ess: Ess, group: ScalingGroup) -> None:
    """The same activity again, also while it is in progress; other parameters are refused."""
    asked = {"ScalingGroupId": group.id, "InstanceIds": ["i-1"], "ClientToken": "c"}
    first = ess("RemoveInstances", **asked)

    assert ess("RemoveInstances", **asked)["ScalingActivityId"] == first["ScalingActivityId"]
    other = ess.refused("RemoveInstances", **asked | {"InstanceIds": ["i-2"]})
    assert other == (403, "IdempotentParameterMismatch")
    assert len(cloud.ess.activities) == 2
