"""One load balancer or group that refuses: everything else is done, and the call ends with what was refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from simulator import proof
from simulator.ecs import Timings
from simulator.slb.model import LoadBalancer
from spotkeeper.errors import CloudError, RescueIncomplete, SpotkeeperError
from tests.rescue.reading import deliver_until_done, fault, heal, moment, places, replacements
from tests.rescue.stage import NEIGHBOUR, REALISTIC, SOURCE, STOPPED_FIRST, Stage, stage

FOR_GOOD = "code:InvalidParameter"


def with_neighbour(settings: dict[str, str] | None = None, **changes: Any) -> tuple[Stage, LoadBalancer]:
    """A stage with a second CLB, which the source is behind on one port, and with a third that is none of its."""
    here = stage(REALISTIC, settings, **changes)
    here.add_balancer("unrelated").default_group.add(NEIGHBOUR, weight=9)
    balancer = here.add_balancer("second")
    group = here.cloud.slb.add_vserver_group(balancer, "api")
    group.add(SOURCE, port=9090, weight=30)
    group.add(NEIGHBOUR, port=9090, weight=30)
    here.cloud.slb.add_listener(balancer, 9090, "tcp", group)
    here.before = here.cloud.state()
    return here, balancer


def shortcomings(here: Stage) -> list[str]:
    """The shortcomings of a rescue, without the image that at-once does not make."""
    at_once = here.settings.get("SPOTKEEPER_RELAUNCH") == "at-once"
    return [text for text in here.shortcomings() if not (at_once and "images instead of" in text)]


@pytest.mark.parametrize("settings", [{}, {"SPOTKEEPER_RELAUNCH": "at-once"}, STOPPED_FIRST], ids=str)
@pytest.mark.parametrize("action", ["DescribeLoadBalancerAttribute", "DescribeVServerGroups"])
def test_a_neighbour_that_refuses_reads_for_good(action: str, settings: dict[str, str]) -> None:
    """The source may be behind it: everything else is done, and the rescue is not."""
    here, _ = with_neighbour(settings)
    other = here.balancer("unrelated")
    fault(here, action, FOR_GOOD, times=None, resource=other.id)
    here.fails(SpotkeeperError, match=other.id)
    new = replacements(here)
    assert len(new) == 1
    assert places(here, new[0]["InstanceId"]) == 3
    assert places(here, SOURCE) == 0
    heal(here)
    here.finishes()
    assert shortcomings(here) == []


@pytest.mark.parametrize("settings", [{}, {"SPOTKEEPER_RELAUNCH": "at-once"}, STOPPED_FIRST], ids=str)
@pytest.mark.parametrize("action", ["RemoveVServerGroupBackendServers", "AddVServerGroupBackendServers"])
def test_a_group_that_refuses_writes_for_good(action: str, settings: dict[str, str]) -> None:
    """The other groups are drained, left and given back, the replacement runs, and the error names the refusal."""
    here, balancer = with_neighbour(settings)
    group = balancer.vserver_groups[0].id
    fault(here, action, FOR_GOOD, times=None, resource=group)
    here.fails((CloudError, RescueIncomplete), match=f"{action} on {group} was refused: InvalidParameter")
    new = replacements(here)
    assert len(new) == 1
    others = {name: found for name, found in proof.memberships(here.state).items() if name != group}
    assert sum(item[0] == new[0]["InstanceId"] for found in others.values() for item in found) == 2
    assert not any(item[0] == SOURCE for found in others.values() for item in found)
    heal(here)
    here.finishes()
    here.pass_notice()
    assert shortcomings(here) == []


def test_weight_0_is_refused_for_good() -> None:
    """The source leaves the group without it: that is a warning, and the rescue is done."""
    here, balancer = with_neighbour()
    group = balancer.vserver_groups[0].id
    fault(here, "SetVServerGroupAttribute", FOR_GOOD, times=None, resource=group)
    assert f"{group} was left without weight 0" in str(here.rescues()["warnings"])


@pytest.mark.parametrize("code", ["InvalidParameter", "Forbidden.RAM", "Throttling"])
def test_health_is_never_decisive(code: str) -> None:
    """Refused for good or for minutes: the rescue is done, and the answer says that the health is not known."""
    here = stage(REALISTIC)
    fault(here, "DescribeHealthStatus", f"code:{code}", times=None)
    assert "health of the replacement is not known" in str(here.rescues()["warnings"])


@pytest.mark.parametrize(
    "action", ["DescribeVServerGroups", "DescribeVServerGroupAttribute", "DescribeMasterSlaveServerGroups"]
)
def test_a_load_balancer_deleted_during_the_search(action: str) -> None:
    """It needs nothing any more, and the search goes on with the others."""
    here, balancer = with_neighbour()
    pending: Iterator[str] = iter([balancer.id])

    def look() -> None:
        if any(call.parameters.get("LoadBalancerId") == balancer.id for call in here.cloud.calls):
            here.cloud.slb.load_balancers.pop(next(pending, ""), None)

    here.meanwhile(action, look)
    here.finishes()
    assert len(replacements(here)) == 1
    assert places(here, replacements(here)[0]["InstanceId"]) == 2
    assert places(here, SOURCE) == 0


@pytest.mark.parametrize(
    ("added", "words"), [("AddVServer", "in its 1 server group;"), ("Add", "in no group that still exists")]
)
def test_groups_that_are_deleted_before_the_return(added: str, words: str) -> None:
    """The answer counts those that the replacement is in."""
    here = stage()
    fault(here, lambda _, action: action.startswith(added), "code:InvalidVServerGroupId.NotFound", times=None)
    assert words in here.finishes()["reason"]


def test_the_first_group_is_left_and_the_second_throttled() -> None:
    """A later delivery does not fail on the group that was left: the API refuses a server that is no member."""
    here, balancer = with_neighbour(timeout=60)
    group = balancer.vserver_groups[0].id
    fault(here, "SetVServerGroupAttribute", "code:Throttling", times=None, resource=group)
    here.fails(SpotkeeperError)
    assert moment(here, "CreateImage") <= 40
    heal(here)
    here.timeout = 900
    missing = lambda _, action: action.startswith("Set") and places(here, SOURCE) < 3  # noqa: E731
    fault(here, missing, "code:InvalidServerId.NotFound", times=1)
    deliver_until_done(here, most=1)
    assert here.shortcomings() == []


def test_a_removal_that_the_list_does_not_confirm(monkeypatch: pytest.MonkeyPatch) -> None:
    """before-image: the source stays listed although its removal is accepted; the image is made all the same."""
    here = stage(REALISTIC, STOPPED_FIRST)
    monkeypatch.setattr(here.fleet.vserver_group, "remove", lambda keys: None)
    assert "is still listed" in str(here.deliver()["warnings"])
    assert moment(here, "CreateImage") <= 60
    assert len(replacements(here)) == 1


def test_a_role_that_may_not_read_clb() -> None:
    """Asked four times, then a warning: the rescue goes on without its load balancers."""
    here = stage(REALISTIC)
    fault(here, "DescribeLoadBalancers", "code:Forbidden.RAM", times=None)
    assert "CLB was not searched" in str(here.finishes()["warnings"])
    assert len(here.calls("DescribeLoadBalancers")) == 4


@pytest.mark.parametrize("slow", ["reads", "writes"])
def test_many_groups_hold_up_the_image_for_half_a_minute(slow: str) -> None:
    """A member of 120 groups, a second for each answer: the image does not wait for all of them."""
    here = stage(Timings(image=90, usable=60, snapshot=75, boot=25))
    for number in range(120):
        group = here.cloud.slb.add_vserver_group(here.fleet.load_balancer, f"group-{number}")
        group.add(SOURCE, port=80, weight=50)
    here.before = here.cloud.state()
    verbs = ("Set", "Remove", "Add") if slow == "writes" else ("DescribeVServerGroupAttribute",)

    def answers_late(_: object, action: str) -> None:
        if action.startswith(verbs):
            here.cloud.clock.advance(1.0)

    with here.playing(answers_late):
        assert here.call()["outcome"] == "done"
    assert here.calls("CreateImage")[0].at - here.before["now"] <= 45.0
    assert [text for text in here.shortcomings() if "group" in text] == []


def test_a_replacement_that_is_released_while_its_group_is_busy() -> None:
    """Another replacement is launched, and every group has that."""
    here = stage()
    fault(here, "AddVServerGroupBackendServers", "code:ServiceIsConfiguring", times=8)

    def released() -> None:
        launched = here.cloud.ecs.instances[replacements(here)[0]["InstanceId"]]
        here.cloud.ecs.release(launched, here.cloud.now(), "user")

    here.meanwhile("AddVServerGroupBackendServers", released, only=4)
    answer = here.rescues()
    assert [item["InstanceId"] for item in replacements(here)] == [answer["replacement_id"]]


def test_a_network_card_with_two_addresses_on_one_port() -> None:
    """Both leave the group."""
    here = stage()
    source = next(instance for instance in here.state["ecs"]["instances"] if instance["InstanceId"] == SOURCE)
    card = source["NetworkInterfaces"]["NetworkInterface"][0]["NetworkInterfaceId"]
    group = here.fleet.vserver_group
    for address in ("172.16.0.100", "172.16.0.101"):
        group.add(card, port=8081, weight=60, type="eni", server_ip=address)
    here.before = here.cloud.state()
    here.finishes()
    assert [member.server_ip for member in group.members if member.server_id == card] == []
