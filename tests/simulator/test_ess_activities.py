"""What scaling activities do: instances that come and go, hooks that hold them up."""

from __future__ import annotations

import json

import pytest

from simulator.cloud import Cloud
from simulator.slb.model import VServerGroup
from tests.simulator.ess_sdk import TOPIC, Ess, states
from tests.simulator.sdk import NOON, Ecs


@pytest.fixture
def servers(cloud: Cloud) -> VServerGroup:
    """A vServer group of a CLB."""
    return cloud.slb.add_vserver_group(cloud.slb.add_load_balancer("shop"), "web")


def members(group: VServerGroup) -> list[tuple[str, int, int]]:
    """The members: server, port, weight."""
    return [(item.server_id, item.port, item.weight) for item in group]


def test_without_hooks_instances_serve_once_they_run(cloud: Cloud, ecs: Ecs, servers: VServerGroup) -> None:
    """Pending while they boot, then in the load balancer and in service; they carry the group's tag."""
    cloud.ecs.timings.boot = 40
    group = cloud.ess.add_scaling_group(vserver_group=servers, port=8080, weight=30)
    activity = cloud.ess.scale_out(group, instance_ids=["i-1", "i-2"], os_type="windows", tags={"a": "b"})
    cloud.clock.advance(39)

    assert (states(cloud), members(servers), activity.status) == (["Pending"] * 2, [], "InProgress")
    cloud.clock.advance(1)
    assert states(cloud) == ["InService"] * 2
    assert (activity.status, activity.ended_at) == ("Successful", NOON + 40)
    assert members(servers) == [("i-1", 8080, 30), ("i-2", 8080, 30)]
    shown = ecs.instance("i-1")
    assert (shown["Status"], shown["OSType"], shown["CreationTime"]) == ("Running", "windows", "2026-11-20T12:00Z")
    tags = {tag["TagKey"]: tag["TagValue"] for tag in shown["Tags"]["Tag"]}
    assert tags == {"a": "b", "acs:autoscaling:scalingGroupId": group.id}


def test_a_hook_fires_when_all_instances_run(cloud: Cloud) -> None:
    """Its clock begins at that moment, even if nobody looks before later; one token covers all instances."""
    cloud.ecs.timings.boot = 40
    group = cloud.ess.add_scaling_group()
    hook = cloud.ess.add_lifecycle_hook(group, timeout=300)
    activity = cloud.ess.scale_out(group, 2)
    cloud.clock.advance(100)

    assert states(cloud) == ["Pending:Wait"] * 2
    (action,) = activity.actions
    assert (action.hook, action.status, action.result, action.heartbeats) == (hook, "Pending", "", 0)
    assert (action.began_at, action.expires_at) == (NOON + 40, NOON + 340)
    assert action.instance_ids == activity.instance_ids


def test_a_hook_may_fire_before_instances_run(cloud: Cloud) -> None:
    """With the knob it fires at once; the instances go on booting."""
    cloud.ecs.timings.boot = 40
    cloud.ess.hooks_wait_for_running = False
    group = cloud.ess.add_scaling_group()
    cloud.ess.add_lifecycle_hook(group)
    activity = cloud.ess.scale_out(group)

    assert activity.actions[0].began_at == NOON
    assert cloud.ecs.instances[activity.instance_ids[0]].status == "Pending"
    cloud.clock.advance(40)
    assert states(cloud) == ["Pending:Wait"]
    assert cloud.ecs.instances[activity.instance_ids[0]].status == "Running"


def test_an_instance_that_does_not_run_holds_the_hooks_back(cloud: Cloud) -> None:
    """Auto Scaling looks again until it runs; if all of them vanish first, the activity has failed."""
    group = cloud.ess.add_scaling_group()
    cloud.ess.add_lifecycle_hook(group)
    activity = cloud.ess.scale_out(group, instance_ids=["i-1"], status="Stopped")
    failing = cloud.ess.scale_out(group, instance_ids=["i-2"], status="Stopped")
    cloud.clock.advance(55)

    assert states(cloud) == ["Pending", "Pending"]
    cloud.ecs.instances["i-1"].status = "Running"
    cloud.ecs.release(cloud.ecs.instances["i-2"], cloud.now(), "somebody")
    cloud.clock.advance(10)
    assert states(cloud) == ["Pending:Wait"]
    assert activity.actions[0].began_at == NOON + 60
    assert (failing.status, failing.actions) == ("Failed", [])


@pytest.mark.parametrize("result", ["ABANDON", "ROLLBACK"])
def test_what_is_not_let_in_is_released(cloud: Cloud, ess: Ess, servers: VServerGroup, result: str) -> None:
    """On the way in ABANDON and ROLLBACK are the same: stopped, released, never in the load balancer."""
    cloud.ecs.timings.stop = 20
    group = cloud.ess.add_scaling_group(vserver_group=servers)
    cloud.ess.add_lifecycle_hook(group)
    activity = cloud.ess.scale_out(group, instance_ids=["i-1"])
    ess.complete(activity.actions[0], result)

    assert (states(cloud), cloud.ecs.instances["i-1"].status) == (["Removing"], "Stopping")
    cloud.clock.advance(20)
    assert states(cloud) == []
    assert "i-1" not in cloud.ecs.instances
    assert (activity.status, activity.destroyed, members(servers)) == ("Failed", ["i-1"], [])


def test_the_last_hook_decides_on_the_way_in(cloud: Cloud, ess: Ess) -> None:
    """Nothing happens before the last of several hooks has ended; an earlier ABANDON is overruled."""
    group = cloud.ess.add_scaling_group()
    for name in ("one", "two"):
        cloud.ess.add_lifecycle_hook(group, name)
    cloud.ess.add_lifecycle_hook(group, "other", transition="SCALE_IN")
    cloud.ess.add_lifecycle_hook(group, "off").status = "InActive"
    activity = cloud.ess.scale_out(group)
    first, second = activity.actions

    assert first.token != second.token
    ess.complete(first, "ABANDON")
    assert (states(cloud), second.status) == (["Pending:Wait"], "Pending")
    ess.complete(second, "CONTINUE")
    assert states(cloud) == ["InService"]


def test_a_scale_in_leaves_the_load_balancer_first(cloud: Cloud, ess: Ess, servers: VServerGroup) -> None:
    """Removed from it, held up, and released after the last CONTINUE."""
    group = cloud.ess.add_scaling_group(vserver_group=servers)
    cloud.ess.scale_out(group, instance_ids=["i-1", "i-2"])
    for name in ("one", "two"):
        cloud.ess.add_lifecycle_hook(group, name, transition="SCALE_IN")
    activity = cloud.ess.scale_in(group, ["i-1"])

    assert states(cloud) == ["Removing:Wait", "InService"]
    assert [item.server_id for item in servers] == ["i-2"]
    ess.complete(activity.actions[0], "CONTINUE")
    assert states(cloud) == ["Removing:Wait", "InService"]
    ess.complete(activity.actions[1], "CONTINUE")
    assert list(cloud.ecs.instances) == ["i-2"]
    assert (activity.status, activity.destroyed) == ("Successful", ["i-1"])


@pytest.mark.parametrize(("result", "left"), [("ABANDON", []), ("ROLLBACK", ["InService"])])
def test_one_hook_ends_the_others_on_the_way_out(
    cloud: Cloud, ess: Ess, servers: VServerGroup, result: str, left: list[str]
) -> None:
    """ABANDON releases at once, ROLLBACK puts the instance back, also behind its load balancer."""
    group = cloud.ess.add_scaling_group(vserver_group=servers)
    cloud.ess.scale_out(group, instance_ids=["i-1"])
    for name in ("one", "two"):
        cloud.ess.add_lifecycle_hook(group, name, transition="SCALE_IN")
    first, second = cloud.ess.scale_in(group, ["i-1"]).actions
    ess.complete(first, result)

    assert states(cloud) == left
    assert [item.server_id for item in servers] == ["i-1"] * len(left)
    assert (first.status, first.result) == ("Completed", result)
    assert (second.status, second.result) == ("Timeout", "CONTINUE")


def test_the_notification_is_as_documented(cloud: Cloud) -> None:
    """One for each action whose hook has a target, in order, with what its handler needs."""
    cloud.clock.advance(0.25)
    group = cloud.ess.add_scaling_group("shop")
    cloud.ess.add_lifecycle_hook(group, "silent")
    hook = cloud.ess.add_lifecycle_hook(
        group, "check", notification_arn=TOPIC, metadata="cpu", default_result="ABANDON"
    )
    activity = cloud.ess.scale_out(group, instance_ids=["i-1", "i-2"])

    (sent,) = cloud.ess.notifications
    assert json.loads(json.dumps(sent)) == {
        "content": {
            "defaultResult": "ABANDON",
            "instanceIds": ["i-1", "i-2"],
            "lifecycleActionToken": activity.actions[1].token,
            "lifecycleHookId": hook.id,
            "lifecycleHookName": "check",
            "lifecycleTransition": "SCALE_OUT",
            "notificationMetadata": "cpu",
            "requestId": sent["content"]["requestId"],
            "scalingActivityId": activity.id,
            "scalingGroupId": group.id,
            "scalingGroupName": "shop",
        },
        "product": "ESS",
        "regionId": "cn-hangzhou",
        "resourceArn": f"acs:ess:cn-hangzhou:1690701234567830:scalingGroup/{group.id}",
        "time": "2026-11-20T12:00:00.250Z",
        "userId": "1690701234567830",
    }


def test_what_no_hook_or_group_can_be_is_a_mistake_of_the_test(cloud: Cloud) -> None:
    """Seeding refuses what the API would."""
    group = cloud.ess.add_scaling_group(max_size=1)
    for wrong in ({"timeout": 29}, {"timeout": 21601}, {"transition": "SIDEWAYS"}, {"default_result": "MAYBE"}):
        with pytest.raises(ValueError, match="no hook can have"):
            cloud.ess.add_lifecycle_hook(group, **wrong)
    with pytest.raises(ValueError, match="MaxSize"):
        cloud.ess.scale_out(group, 2)
