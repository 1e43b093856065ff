"""Memberships that were not all found before the release: put back where they are known, named, and never done."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.ecs import Timings
from simulator.fleet import EVENT_TIME
from spotkeeper.errors import RescueIncomplete, SpotkeeperError
from tests.rescue.reading import deliver_until_done, fault, heal, moment, places, plant, records, replacements
from tests.rescue.stage import REALISTIC, SOURCE, Stage, stage


def behind(count: int) -> Stage:
    """A stage whose source is behind so many more CLBs, in the default group of each."""
    here = stage(REALISTIC)
    for number in range(count):
        here.add_balancer(f"more-{number}").default_group.add(SOURCE, weight=number + 1)
    here.before = here.cloud.state()
    return here


def test_memberships_that_only_a_call_side_by_side_could_read() -> None:
    """It has recorded them and died: the replacement gets them before the rescue is closed."""
    other = stage()
    other.rescues()
    here = stage()
    fault(here, "DescribeLoadBalancers", "code:Forbidden.RAM", times=None)
    here.meanwhile("DescribeSnapshots", lambda: plant(here, "memberships.2", records(other)["memberships"]), only=1)
    here.rescues()


@pytest.mark.parametrize("code", ["Throttling", "ServiceIsConfiguring", "InternalError", "InvalidParameter"])
def test_one_load_balancer_cannot_be_read_until_the_release(code: str) -> None:
    """Three of four places are given back; the fourth is named at this and at every later delivery."""
    here = behind(2)
    lost = here.balancer("more-1")
    end = here.before["now"] + here.fleet.spec.notice
    fault(here, "DescribeLoadBalancerAttribute", f"code:{code}", times=None, until=end + 1, resource=lost.id)
    here.fails(SpotkeeperError)
    here.pass_notice()
    for _ in range(3):
        here.fails(RescueIncomplete, match=f"{lost.id} was not searched before")
        here.advance(300)
    assert len(replacements(here)) == 1
    assert places(here, replacements(here)[0]["InstanceId"]) == 3


def test_no_load_balancer_can_be_listed_until_the_release() -> None:
    """Not one membership is known: there is a replacement, and the rescue is not done."""
    here = behind(1)
    end = here.before["now"] + here.fleet.spec.notice
    fault(here, "DescribeLoadBalancers", "code:ServiceUnavailable", times=None, until=end + 1)
    here.fails(SpotkeeperError)
    here.pass_notice()
    here.fails(RescueIncomplete, match=here.fleet.load_balancer.id)
    assert len(replacements(here)) == 1


def test_what_was_found_is_drained_while_the_rest_is_looked_for() -> None:
    """A CLB that cannot be read for two minutes does not keep the others from weight 0 before the image."""
    here = behind(2)
    busy = here.balancer("more-1")
    until = here.before["now"] + 120
    fault(here, "DescribeLoadBalancerAttribute", "code:ServiceIsConfiguring", times=None, until=until, resource=busy.id)
    answer = here.rescues()
    assert moment(here, "SetVServerGroupAttribute") <= 5
    assert moment(here, "CreateImage") <= 30 + 10
    assert len(answer["memberships"]) == 4
    assert sorted(member["weight"] for member in answer["memberships"])[:2] == [1, 2]


def test_a_search_that_another_call_finishes() -> None:
    """A membership keeps the weight that the first call saw, although it is 0 by now."""
    here = behind(2)
    busy = here.balancer("more-1")
    fault(here, "DescribeLoadBalancerAttribute", "code:ServiceIsConfiguring", times=None, resource=busy.id)
    here.timeout = 45
    here.fails(SpotkeeperError)
    heal(here)
    here.timeout = 900
    here.rescues()


@pytest.mark.parametrize(
    ("balancers", "effect", "how", "most"),
    [(6, "throttle-second", {"rate": 2}, 45), (2, "code:Throttling", {"until": EVENT_TIME + 4.0}, 10)],
    ids=["six calls a second for everybody", "for three seconds"],
)
def test_reads_are_throttled(balancers: int, effect: str, how: dict[str, Any], most: float) -> None:
    """No membership is lost, weight 0 comes within seconds, and no minute is waited for."""
    here = behind(balancers)
    fault(here, "slb:*", effect, times=None, **how)
    here.rescues()
    assert moment(here, "SetVServerGroupAttribute") <= most


@pytest.mark.parametrize(
    "effect", ["throttle", "code:ServiceIsConfiguring", "code:ServiceUnavailable", "code:InvalidParameter"]
)
@pytest.mark.parametrize("timeout", [120, 900])
def test_a_report_that_never_comes(effect: str, timeout: float) -> None:
    """Master/slave groups are only reported: that nobody can look at them keeps no rescue from its end."""
    here = stage(Timings(image=90, boot=20), timeout=timeout)
    here.cloud.slb.add_listener(here.fleet.load_balancer, 22, "tcp")
    fault(here, "DescribeMasterSlaveServerGroups", effect, times=None)
    answer, _ = deliver_until_done(here, most=8)
    assert any("master/slave" in text for text in answer["warnings"])
    assert here.shortcomings() == []
