"""Too little time, and a lock that comes late or never."""

from __future__ import annotations

import contextlib

import pytest

from simulator.ecs import Timings
from spotkeeper.errors import CloudError, CloudUnreachable, DeadlineReached
from tests.rescue.reading import deliver_until_done, fault, moment, places, replacements, skipped, undrained
from tests.rescue.stage import READY, REALISTIC, SOURCE, event, stage


@pytest.mark.parametrize("timeout", [20, 60])
@pytest.mark.parametrize("stop_source", ["never", "before-image", "before-relaunch"])
def test_a_timeout_that_is_too_short(timeout: float, stop_source: str) -> None:
    """Call after call gets further and leaves in time with a typed error; the last call finishes."""
    here = stage(REALISTIC, {"SPOTKEEPER_STOP_SOURCE": stop_source}, timeout)
    _, errors = deliver_until_done(here, most=20, pause=1)
    assert errors
    assert {type(error) for error in errors} <= {DeadlineReached, CloudError}
    assert len([call for call in here.calls("CreateImage") if not call.code]) == 1
    assert here.shortcomings() == []


def test_a_lock_that_appears_late() -> None:
    """20 seconds without the lock are waited out, and nothing is written before it is there."""
    here = stage(lock_delay=20.0)
    here.rescues()
    wrote = [call.at for call in here.cloud.calls if not call.action.startswith(("Describe", "List", "Get", "Head"))]
    assert 20 <= wrote[0] - here.before["now"] <= 25


def test_a_lock_that_never_appears() -> None:
    """After 60 seconds a healthy instance is left alone, and nothing was written."""
    here = stage(locked=False)
    assert "Recycling" in skipped(here)["reason"]
    assert 60 <= here.cloud.now() - here.before["now"] <= 63


def test_a_lock_that_appears_after_a_minute() -> None:
    """A first delivery gives up on the lock; a delivery that comes when it is there rescues."""
    here = stage(lock_delay=90.0)
    assert here.deliver()["outcome"] == "skipped"
    assert undrained(here)
    here.advance(40)
    here.rescues()


def test_released_while_the_lock_is_waited_for() -> None:
    """An instance that disappears during that wait was never touched: skipped."""
    here = stage(lock_delay=100.0, notice=10.0)
    assert here.deliver()["outcome"] == "skipped"
    assert here.writes() == []


@pytest.mark.parametrize("drain", ["0", "3", "240"])
def test_the_drain_takes_a_fifth_of_the_notice_at_most(drain: str) -> None:
    """CreateImage comes after the setting's seconds, or after a fifth of what is left of the notice."""
    here = stage(settings={"SPOTKEEPER_DRAIN_SECONDS": drain})
    here.rescues()
    set_to_0 = here.calls("SetVServerGroupAttribute")[0].at
    waited = here.calls("CreateImage")[0].at - set_to_0
    left = here.before["now"] - 1 + 300 - set_to_0
    assert waited == pytest.approx(min(float(drain), left / 5), abs=0.1)


def test_no_drain_wait_without_a_load_balancer() -> None:
    """An instance behind no load balancer has no requests to finish."""
    here = stage()
    for balancer in here.cloud.slb.load_balancers.values():
        for group in balancer.groups:
            group.drop_server(SOURCE)
    here.before = here.cloud.state()
    here.rescues()
    assert here.cloud.now() == here.before["now"]
    assert places(here, replacements(here)[0]["InstanceId"]) == 0


@pytest.mark.parametrize("late", [225.0, 227.0, 229.0])
def test_an_image_that_is_usable_seconds_before_the_release(late: float) -> None:
    """With snapshots to come and no time for disk flags, the release is all that is left: asked about once a second."""
    here = stage(REALISTIC, {"SPOTKEEPER_STOP_SOURCE": "before-relaunch"})
    here.advance(late)
    here.finishes()
    release = here.before["now"] - 1 + here.fleet.spec.notice
    assert len(replacements(here)) == 1
    assert len([call for call in here.calls() if release - 5 <= call.at <= release]) <= 15


@pytest.mark.parametrize("told", ["2030-01-01T00:00:00Z", "20190409T201826.922+0800"], ids=["years", "a-zone-slip"])
def test_a_notice_that_begins_in_the_future(told: str) -> None:
    """Such a time is none: the notice's end is an estimate, and the drain takes no longer for it."""
    here = stage(REALISTIC, {"SPOTKEEPER_DRAIN_SECONDS": "240"})
    assert here.rescues(event(eventTime=told))["notice_estimated"]
    assert here.calls("CreateImage")[0].at - here.before["now"] <= 65


@pytest.mark.parametrize("timeout", [20, 40])
def test_a_late_lock_and_a_short_timeout(timeout: float) -> None:
    """No call waits for the lock beyond its own end, and a call that comes when it is there rescues."""
    here = stage(lock_delay=55.0, timeout=timeout)
    entered = here.cloud.now()
    here.fails(DeadlineReached)
    assert here.cloud.now() <= entered + timeout
    answer, _ = deliver_until_done(here, most=4, pause=1)
    assert answer["outcome"] == "done"
    assert here.shortcomings() == []


def test_a_search_whose_turn_comes_at_the_end_of_the_call() -> None:
    """A load balancer that refused, and an answer that took the rest of the time: the next call goes on."""
    here = stage(timeout=20)
    here.cloud.slb.add_listener(here.fleet.load_balancer, 22, "tcp")
    fault(here, "DescribeMasterSlaveServerGroups", "cut", times=20)
    fault(here, "AddBackendServers", "garbage", until=here.cloud.now() + 30, times=None)
    _, errors = deliver_until_done(here, most=20, pause=1)
    assert {type(error) for error in errors} <= {DeadlineReached, CloudUnreachable}
    assert here.shortcomings() == []


@pytest.mark.parametrize(
    ("action", "timings", "times"),
    [
        *((action, REALISTIC, 3) for action in ("DescribeVServerGroups", "SetVServerGroupAttribute")),
        ("RemoveBackendServers", REALISTIC, 3),
        ("RemoveVServerGroupBackendServers", READY, 1),
    ],
)
def test_a_stop_before_the_relaunch_waits_for_the_groups(action: str, timings: Timings, times: int) -> None:
    """CLB removes no server that does not run: a refusal that passes, or an image at once, leaves no place behind."""
    here = stage(timings, {"SPOTKEEPER_STOP_SOURCE": "before-relaunch"})
    fault(here, action, "throttle-second", times=times)
    here.rescues()


@pytest.mark.parametrize("effect", ["code:ServiceIsConfiguring", "code:Forbidden.RAM"])
def test_a_removal_that_never_works_holds_up_no_stop_before_the_relaunch(effect: str) -> None:
    """A busy load balancer costs the relaunch half a minute, a load balancer that refuses for good nothing."""
    here = stage(settings={"SPOTKEEPER_STOP_SOURCE": "before-relaunch"})
    fault(here, "RemoveBackendServers", effect, times=None)
    with contextlib.suppress(CloudError):
        here.deliver()
    asked = moment(here, "RemoveBackendServers")
    assert moment(here, "RunInstances") - asked <= (45 if effect.endswith("Configuring") else 5)


def test_a_drain_that_is_over_when_the_call_is() -> None:
    """Answers that come too late have used up the call: it ends, and asks for nothing in a loop."""
    here = stage(REALISTIC, timeout=20)
    fault(here, "SetVServerGroupAttribute", "slow", times=2)
    _, errors = deliver_until_done(here, most=20, pause=1)
    assert errors
    assert here.shortcomings() == []
