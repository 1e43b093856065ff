"""Misbehaviour on command, as the SDK meets it."""

from __future__ import annotations

import pytest
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from darabonba.exceptions import UnretryableException

from simulator.cloud import Cloud
from simulator.faults import Fault
from simulator.fleet import Fleet
from simulator.transport import Killed, in_process, invocation
from simulator.wire import ApiError
from tests.simulator.sdk import Ecs, Slb

TAG = {"ResourceType": "instance", "Tag": [{"Key": "a", "Value": "b"}]}


def test_a_code_is_refused_as_often_as_asked(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """``times`` calls are hit after ``skip`` were let through, other actions not at all."""
    fault = cloud.faults.add(Fault("DescribeInstances", "code:ServiceUnavailable", times=2, skip=1))

    assert ecs("DescribeInstances")["TotalCount"] == 3
    assert ecs("DescribeRegions")
    assert ecs.refused("DescribeInstances") == (503, "ServiceUnavailable")
    assert ecs.refused("DescribeInstances") == (503, "ServiceUnavailable")
    assert ecs("DescribeInstances")["TotalCount"] == 3
    assert fault.fired == 2
    assert cloud.faults.pending() == []


def test_faults_are_matched_in_order(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """The first fault added that matches hits; the others wait for the next call."""
    cloud.faults.add(Fault(lambda product, action: product == "ecs", "code:InternalError"))
    cloud.faults.add(Fault("ecs:*", "code:OperationConflict"))
    cloud.faults.add(Fault("slb:*", "code:SystemBusy"))

    assert [ecs.refused("DescribeRegions") for _ in range(2)] == [(500, "InternalError"), (409, "OperationConflict")]
    assert ecs("DescribeRegions")


def test_the_nth_call_of_all_is_hit(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """``call_number`` counts all calls."""
    cloud.faults.add(Fault("*", "code:InternalError", call_number=2))

    assert ecs("DescribeRegions")
    assert ecs.refused("DescribeInstances") == (500, "InternalError")
    assert ecs("DescribeInstances")


def test_a_fault_ends_with_its_time(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """``until`` with ``times`` None: every call, up to that moment."""
    cloud.faults.add(Fault("DescribeRegions", "code:SystemBusy", times=None, until=cloud.now() + 60))

    assert [ecs.refused("DescribeRegions") for _ in range(3)] == [(449, "SystemBusy")] * 3
    cloud.clock.advance(60)
    assert ecs("DescribeRegions")


@pytest.mark.parametrize(("effect", "passed", "left"), [("throttle", 20, 40), ("throttle-second", 0.25, 0.75)])
def test_throttling_lasts_until_the_window_ends(
    ecs: Ecs, cloud: Cloud, effect: str, passed: float, left: float
) -> None:
    """Once throttled, the action stays blocked until the minute or second is over; other actions are not."""
    cloud.clock.advance(passed)
    fault = cloud.faults.add(Fault("DescribeInstances", effect))

    assert ecs.refused("DescribeInstances") == (400, "Throttling.User")
    assert ecs("DescribeRegions")
    cloud.clock.advance(left - 0.25)
    assert ecs.refused("DescribeInstances") == (400, "Throttling.User")
    cloud.clock.advance(0.25)
    assert ecs("DescribeInstances")
    assert fault.fired == 2


@pytest.mark.parametrize(
    ("product", "code"), [("ecs", "Throttling.User"), ("slb", "Throttling"), ("ess", "Throttling")]
)
def test_the_code_of_a_quota_by_the_second(cloud: Cloud, product: str, code: str) -> None:
    """CLB and Auto Scaling list ``Throttling`` alone among their errors, ECS ``Throttling.User``."""
    fault = Fault("*", "throttle-second", retry_after_ms=800)

    with pytest.raises(ApiError) as caught:
        fault.before(product)

    assert (caught.value.status, caught.value.code) == (400, code)
    assert caught.value.headers == {"x-acs-retry-after": "800"}


@pytest.mark.parametrize(("effect", "window"), [("throttle-second", 1), ("throttle", 60)])
def test_a_quota_lets_its_rate_through(drill: Fleet, ecs: Ecs, cloud: Cloud, effect: str, window: int) -> None:
    """So many calls of each action in each window; then refusals until the next window begins."""
    fault = cloud.faults.add(Fault("ecs:*", effect, times=None, rate=2))

    for _ in range(2):
        assert all(ecs("DescribeInstances") and ecs("DescribeRegions") for _ in range(2))
        assert ecs.refused("DescribeInstances") == (400, "Throttling.User")
        cloud.clock.advance(window)
    assert fault.fired == 2


def test_a_fault_of_one_resource(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Only calls that mention the id are hit, as a parameter of its own or in a list; no longer id is meant by it."""
    source, other = drill.source.instance_id, drill.bystanders[0].instance_id
    fault = cloud.faults.add(Fault("*", "code:Forbidden.RAM", times=None, resource=other))
    cloud.faults.add(Fault("*", "code:InternalError", times=None, resource=source[:-1]))

    assert ecs.refused("TagResources", ResourceId=[source, other], **TAG) == (403, "Forbidden.RAM")
    assert ecs.refused("DescribeInstances", InstanceIds=f'["{source}", "{other}"]') == (403, "Forbidden.RAM")
    assert ecs.refused("DescribeUserData", InstanceId=other) == (403, "Forbidden.RAM")
    assert ecs("DescribeInstances")["TotalCount"] == 3
    assert ecs("DescribeUserData", InstanceId=source)
    assert fault.fired == 3


def test_a_neighbour_refuses_for_good(drill: Fleet, cloud: Cloud) -> None:
    """A load balancer's id hits what is asked of it, a group's what is asked of the group, and nothing else."""
    other = cloud.slb.add_load_balancer("other", vpc_id=drill.spec.vpc_id)
    group = cloud.slb.add_vserver_group(other, "api")
    for resource in (other.id, group.id):
        cloud.faults.add(Fault("slb:*", "code:OperationBusy", times=None, resource=resource))
    with in_process(cloud) as url:
        slb = Slb(cloud, url)
        for action, name, refusing, answering in (
            ("DescribeVServerGroups", "LoadBalancerId", other.id, drill.load_balancer.id),
            ("DescribeVServerGroupAttribute", "VServerGroupId", group.id, drill.vserver_group.id),
        ):
            assert slb.refused(action, **{name: refusing})[1] == "OperationBusy"
            assert slb(action, **{name: answering})


@pytest.mark.parametrize("hint", [1500, None])
def test_the_hint_of_throttling(drill: Fleet, ecs: Ecs, cloud: Cloud, hint: int | None) -> None:
    """With ``retry_after_ms`` the SDK gets the server's hint; without it, a plain refusal."""
    cloud.faults.add(Fault("DescribeRegions", "throttle", retry_after_ms=hint))

    with pytest.raises(AlibabaCloudException) as caught:
        ecs("DescribeRegions")

    assert (caught.value.code, caught.value.retry_after) == ("Throttling.User", hint)


@pytest.mark.parametrize(("effect", "tagged"), [("reset-before", False), ("reset-after", True)])
def test_a_connection_drops(drill: Fleet, ecs: Ecs, cloud: Cloud, effect: str, tagged: bool) -> None:  # noqa: FBT001
    """The SDK meets a network error; the call was acted upon, or not."""
    cloud.faults.add(Fault("TagResources", effect))

    with pytest.raises(UnretryableException):
        ecs("TagResources", ResourceId=[drill.source.instance_id], **TAG)

    assert ("a" in drill.source.tags.true()) is tagged
    assert (cloud.calls[-1].status, cloud.calls[-1].code) == (0, "ConnectionDropped")


def test_garbage(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """A proxy's HTML page is not an answer of the API."""
    cloud.faults.add(Fault("DescribeRegions", "garbage"))

    with pytest.raises(UnretryableException):
        ecs("DescribeRegions")


@pytest.mark.parametrize(("effect", "tagged"), [("kill-before", False), ("kill-after", True)])
def test_a_caller_dies(drill: Fleet, cloud: Cloud, effect: str, tagged: bool) -> None:  # noqa: FBT001
    """Killed is raised at the call and at every later call of the invocation; the cloud sees no more of it."""
    cloud.faults.add(Fault("TagResources", effect))
    with in_process(cloud) as url:
        ecs = Ecs(cloud, url)
        with invocation("first") as first:
            with pytest.raises(Killed):
                ecs("TagResources", ResourceId=[drill.source.instance_id], **TAG)
            calls = len(cloud.calls)
            with pytest.raises(Killed):
                ecs("DescribeRegions")
        with invocation("second") as second:
            ecs("DescribeRegions")

    assert ("a" in drill.source.tags.true()) is tagged
    assert (first.killed, second.killed) == (True, False)
    assert (first.calls, second.calls) == (["TagResources"], ["DescribeRegions"])
    assert [call.action for call in cloud.calls[calls:]] == ["DescribeRegions"]


@pytest.mark.parametrize(("effect", "rate", "wrong"), [("explode", None, "neither"), ("reset-before", 5, "rate")])
def test_faults_that_cannot_be(effect: str, rate: int | None, wrong: str) -> None:
    """A misspelt effect, or the rate of an effect that is no throttling, is an error where it is written."""
    with pytest.raises(ValueError, match=wrong):
        Fault("*", effect, rate=rate)
