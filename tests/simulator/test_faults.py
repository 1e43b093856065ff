"""Misbehaviour on command, as the SDK meets it."""

from __future__ import annotations

import pytest
from alibabacloud_tea_openapi.exceptions import ThrottlingException
from darabonba.exceptions import UnretryableException

from simulator.cloud import Cloud
from simulator.faults import Fault
from simulator.fleet import Fleet
from simulator.transport import Killed, in_process, invocation
from tests.simulator.sdk import Ecs

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
    """The first one added that matches hits; the others wait for the next call."""
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


def test_throttling_lasts_until_the_next_minute(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Once throttled, the action stays blocked until the minute is over; other actions are not."""
    cloud.clock.advance(20)
    fault = cloud.faults.add(Fault("DescribeInstances", "throttle"))

    assert ecs.refused("DescribeInstances") == (400, "Throttling.User")
    assert ecs("DescribeRegions")
    cloud.clock.advance(39)
    assert ecs.refused("DescribeInstances") == (400, "Throttling.User")
    cloud.clock.advance(1)
    assert ecs("DescribeInstances")
    assert fault.fired == 2


def test_throttling_with_a_hint(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """With ``retry_after_ms`` the SDK gets the server's hint."""
    cloud.faults.add(Fault("DescribeRegions", "throttle", retry_after_ms=1500))

    with pytest.raises(ThrottlingException) as caught:
        ecs("DescribeRegions")

    assert caught.value.retry_after == 1500


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
    """Killed is raised at the call and at every later one of the invocation; the cloud sees no more of it."""
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


def test_an_effect_must_be_known() -> None:
    """A misspelt effect is an error where it is written."""
    with pytest.raises(ValueError, match="neither"):
        Fault("*", "explode")
