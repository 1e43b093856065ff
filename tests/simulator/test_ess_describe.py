"""Auto Scaling as it is described: pages, filters, what each answer is made of."""

from __future__ import annotations

from functools import partial

import pytest

from simulator.cloud import Cloud
from tests.simulator.ess_sdk import TOPIC, Ess
from tests.simulator.sdk import NOON


@pytest.mark.parametrize(
    ("rows", "usual", "largest"),
    [
        ("ScalingGroups", 10, 50),
        ("ScalingActivities", 10, 50),
        ("ScalingInstances", 10, 100),
        ("LifecycleHooks", 50, 50),
    ],
)
def test_pages_by_number(cloud: Cloud, ess: Ess, rows: str, usual: int, largest: int) -> None:
    """The documented default size, nothing twice over all pages, an empty page after the last; no larger sizes."""
    action = f"Describe{rows}"
    group = cloud.ess.add_scaling_group()
    for number in range(60):
        cloud.ess.add_lifecycle_hook(group, f"h{number}", transition="SCALE_IN")
        cloud.ess.scale_out(group)
    for _ in range(59):
        cloud.ess.add_scaling_group()
    mandatory = {} if action == "DescribeScalingGroups" else {"ScalingGroupId": group.id}
    pages, number = [ess(action, **mandatory)], 1
    while pages[-1][rows]:
        number += 1
        pages.append(ess(action, **mandatory, PageNumber=number))

    found = [str(row) for page in pages for row in page[rows]]
    assert len(found) == len(set(found)) == pages[0]["TotalCount"] == 60
    assert (len(pages[0][rows]), pages[0]["PageSize"], pages[1]["PageNumber"]) == (usual, usual, 2)
    assert len(ess(action, **mandatory, PageSize=largest)[rows]) == min(largest, 60)
    for wrong in ({"PageSize": largest + 1}, {"PageSize": 0}, {"PageNumber": 0}):
        assert ess.refused(action, **mandatory, **wrong) == (400, "InvalidParameter")


def test_groups(cloud: Cloud, ess: Ess) -> None:
    """By id, name, names and type; capacities by lifecycle state, and the vServer group with its CLB."""
    balancer = cloud.slb.add_load_balancer("shop")
    servers = cloud.slb.add_vserver_group(balancer, "web")
    web = cloud.ess.add_scaling_group("web", min_size=1, max_size=9, vserver_group=servers, port=8080, weight=30)
    cloud.ess.add_scaling_group("batch", group_id="asg-batch")
    cloud.ess.scale_out(web, 3)
    cloud.ess.add_lifecycle_hook(web)
    cloud.ess.scale_out(web, 2)

    names = partial(ess.listed, "ScalingGroups", "ScalingGroupName")
    assert names() == ["web", "batch"]
    assert names(ScalingGroupIds=[web.id, "asg-unknown"]) == ["web"]
    assert names(ScalingGroupName="batch") == ["batch"]
    assert names(ScalingGroupNames=["batch", "nobody"]) == ["batch"]
    assert (names(GroupType="ECS"), names(GroupType="ECI")) == (["web", "batch"], [])
    assert names(RegionId="cn-shanghai") == []
    shown = ess("DescribeScalingGroups", ScalingGroupIds=[web.id])["ScalingGroups"][0]
    capacities = [shown[f"{name}Capacity"] for name in ("Total", "Active", "Pending", "PendingWait", "Removing")]
    assert (capacities, shown["MinSize"], shown["MaxSize"]) == ([5, 3, 0, 2, 0], 1, 9)
    attributes = [{"VServerGroupId": servers.id, "Port": 8080, "Weight": 30}]
    assert shown["VServerGroups"] == [{"LoadBalancerId": balancer.id, "VServerGroupAttributes": attributes}]
    assert ess.refused("DescribeScalingGroups", ScalingGroupIds=["a"] * 21) == (400, "InvalidParameter")
    assert ess.refused("DescribeScalingGroups", GroupType="K8S") == (400, "InvalidParameter")
    assert ess.refused("DescribeScalingGroups", Tags=[{"Key": "a"}]) == (400, "NotCovered")


def test_activities(cloud: Cloud, ess: Ess) -> None:
    """Of a group or by id, not both and not neither; the latest first, by status, for 30 days, times to the minute."""
    cloud.clock.advance(59)
    group = cloud.ess.add_scaling_group()
    done = cloud.ess.scale_out(group, 2)
    cloud.ess.add_lifecycle_hook(group, timeout=21600)
    open_one = cloud.ess.scale_out(group)

    ids = partial(ess.listed, "ScalingActivities", "ScalingActivityId")
    assert ids(ScalingGroupId=group.id) == [open_one.id, done.id]
    assert ids(ScalingActivityIds=[done.id, "asa-unknown"]) == [done.id]
    assert ids(ScalingGroupId=group.id, StatusCode="InProgress") == [open_one.id]
    assert ids(ScalingGroupId=group.id, StatusCode="Successful") == [done.id]
    latest, first = ess("DescribeScalingActivities", ScalingGroupId=group.id)["ScalingActivities"]
    assert (latest["StartTime"], latest["Progress"], "EndTime" in latest) == ("2026-11-20T12:00Z", 50, False)
    assert (first["EndTime"], first["Progress"], first["TotalCapacity"]) == ("2026-11-20T12:00Z", 100, "2")
    assert (first["CreatedInstances"], first["CreatedCapacity"]) == (done.instance_ids, 2)
    for wrong in (
        {"ScalingGroupId": group.id, "ScalingActivityIds": [done.id]},
        {"ScalingActivityIds": ["asa"] * 21},
        {"ScalingGroupId": group.id, "StatusCode": "Running"},
    ):
        assert ess.refused("DescribeScalingActivities", **wrong) == (400, "InvalidParameter")
    assert ess.refused("DescribeScalingActivities") == (400, "MissingParameter")
    unknown = ess.refused("DescribeScalingActivities", ScalingGroupId="asg-unknown")
    assert unknown == (404, "InvalidScalingGroupId.NotFound")
    cloud.clock.advance(30 * 86400 + 1)
    assert ids(ScalingGroupId=group.id) == []


def test_instances(cloud: Cloud, ess: Ess) -> None:
    """By id, state, health and activity; spot instances are counted; unknown ids are ignored, unknown groups not."""
    group, other = cloud.ess.add_scaling_group(), cloud.ess.add_scaling_group()
    cloud.ess.scale_out(group, instance_ids=["i-1", "i-2"], spot_strategy="SpotAsPriceGo")
    cloud.ess.scale_out(other, instance_ids=["i-3"])
    cloud.ess.add_lifecycle_hook(group)
    waiting = cloud.ess.scale_out(group, instance_ids=["i-4"])
    cloud.ecs.instances["i-2"].status = "Stopped"

    ids = partial(ess.listed, "ScalingInstances", "InstanceId")
    assert ids() == ["i-1", "i-2", "i-4", "i-3"]
    assert ids(ScalingGroupId=other.id) == ["i-3"]
    assert ids(InstanceIds=["i-2", "i-3", "i-9"]) == ["i-2", "i-3"]
    assert ids(LifecycleState="Pending:Wait") == ids(ScalingActivityId=waiting.id) == ["i-4"]
    assert ids(LifecycleStates=["Pending:Wait", "Standby"]) == ["i-4"]
    assert (ids(HealthStatus="Unhealthy"), ids(CreationType="Attached")) == (["i-2"], [])
    answer = ess("DescribeScalingInstances", ScalingGroupId=group.id)
    assert (answer["TotalCount"], answer["TotalSpotCount"]) == (3, 2)
    for wrong in (
        {"InstanceIds": ["i-1"] * 21},
        {"LifecycleState": "Terminating:Wait"},
        {"LifecycleState": "InService", "LifecycleStates": ["InService"]},
    ):
        assert ess.refused("DescribeScalingInstances", **wrong) == (400, "InvalidParameter")
    unknown = ess.refused("DescribeScalingInstances", ScalingGroupId="asg-unknown")
    assert unknown == (404, "InvalidScalingGroupId.NotFound")


def test_hooks(cloud: Cloud, ess: Ess) -> None:
    """Of a group, of a group by name, or by id, which wins; a hook without a target has the ARN with nothing in it."""
    group, other = cloud.ess.add_scaling_group(), cloud.ess.add_scaling_group()
    silent = cloud.ess.add_lifecycle_hook(group, "silent", hook_id="ash-1", transition="SCALE_IN", timeout=30)
    told = cloud.ess.add_lifecycle_hook(other, "told", notification_arn=TOPIC, metadata="cpu", default_result="ABANDON")

    shown = ess("DescribeLifecycleHooks", LifecycleHookIds=[told.id, silent.id, "ash-9"])["LifecycleHooks"]
    assert [hook["LifecycleHookId"] for hook in shown] == ["ash-1", told.id]
    assert [hook["HeartbeatTimeout"] for hook in shown] == [30, 600]
    assert [hook["DefaultResult"] for hook in shown] == ["CONTINUE", "ABANDON"]
    assert [hook["LifecycleTransition"] for hook in shown] == ["SCALE_IN", "SCALE_OUT"]
    assert shown[0]["NotificationArn"] == "acs:ess:cn-hangzhou:1690701234567830:null/null"
    assert (shown[1]["NotificationArn"], shown[1]["NotificationMetadata"]) == (TOPIC, "cpu")

    names = partial(ess.listed, "LifecycleHooks", "LifecycleHookName")
    assert names(ScalingGroupId=group.id) == ["silent"]
    assert names(ScalingGroupId=group.id, LifecycleHookName="told") == []
    assert names(ScalingGroupId=group.id, LifecycleHookIds=[told.id]) == ["told"]
    assert ess.refused("DescribeLifecycleHooks", LifecycleHookName="told") == (400, "MissingParameter")
    unknown = ess.refused("DescribeLifecycleHooks", ScalingGroupId="asg-unknown")
    assert unknown == (404, "InvalidScalingGroupId.NotFound")


def test_actions(cloud: Cloud, ess: Ess) -> None:
    """By token pages of 1 to 50, by status; a pending action already shows the result that nobody has given yet."""
    group = cloud.ess.add_scaling_group()
    for number in range(12):
        cloud.ess.add_lifecycle_hook(group, f"h{number}", default_result="ABANDON", timeout=30 if number else 60)
    activity = cloud.ess.scale_out(group, 2)
    ess.complete(activity.actions[5], "CONTINUE")

    tokens = partial(ess.listed, "LifecycleActions", "LifecycleActionToken", ScalingActivityId=activity.id)
    first = ess("DescribeLifecycleActions", ScalingActivityId=activity.id)
    rest = ess("DescribeLifecycleActions", ScalingActivityId=activity.id, NextToken=first["NextToken"])
    assert (first["TotalCount"], first["MaxResults"], rest["NextToken"]) == (12, 10, "")
    found = [row["LifecycleActionToken"] for row in first["LifecycleActions"] + rest["LifecycleActions"]]
    assert found == [action.token for action in activity.actions]
    assert first["LifecycleActions"][0]["LifecycleActionStatus"] == "Pending"
    assert first["LifecycleActions"][0]["LifecycleActionResult"] == "ABANDON"
    assert first["LifecycleActions"][5]["LifecycleActionResult"] == "CONTINUE"
    assert first["LifecycleActions"][0]["InstanceIds"] == activity.instance_ids
    cloud.clock.advance(30)
    assert tokens(LifecycleActionStatus="Pending") == [activity.actions[0].token]
    assert tokens(LifecycleActionStatus="Completed") == [activity.actions[5].token]
    assert len(tokens(LifecycleActionStatus="Timeout", MaxResults=50)) == 10
    for wrong in ({"MaxResults": 51}, {"MaxResults": 0}, {"LifecycleActionStatus": "Done"}):
        refusal = ess.refused("DescribeLifecycleActions", ScalingActivityId=activity.id, **wrong)
        assert refusal == (400, "InvalidParameter")
    for elsewhere in ({"ScalingActivityId": "asa-1"}, {"ScalingActivityId": activity.id, "RegionId": "cn-beijing"}):
        assert ess.refused("DescribeLifecycleActions", **elsewhere) == (400, "InvalidParameter")
    assert ess.refused("DescribeLifecycleActions") == (400, "MissingParameter")


def test_actions_may_show_late(cloud: Cloud, ess: Ess) -> None:
    """There, and to be completed, before DescribeLifecycleActions has them."""
    cloud.ess.actions_visible_after = 5.0
    group = cloud.ess.add_scaling_group()
    cloud.ess.add_lifecycle_hook(group)
    activity = cloud.ess.scale_out(group)

    assert ess("DescribeLifecycleActions", ScalingActivityId=activity.id)["TotalCount"] == 0
    cloud.clock.advance(5)
    assert ess("DescribeLifecycleActions", ScalingActivityId=activity.id)["TotalCount"] == 1
    assert activity.actions[0].began_at == NOON
