"""A load balancer that refuses while the image fails: neither waits for the other, and nobody asks on and on."""

from __future__ import annotations

import pytest

from simulator.ecs import Timings
from spotkeeper.errors import CloudError, RescueIncomplete, SpotkeeperError
from tests.rescue.reading import deliver_until_done, fault, heal, moment, replacements
from tests.rescue.stage import STOPPED_FIRST, Stage, stage

MINUTES = Timings(image=90, usable=60, snapshot=30, boot=25, stop=10)
FAILS_AFTER = 40.0
HOLD_UP = 30.0
LOOKS = 8.0
"""The longest pause between two looks at an image."""


def failing(settings: dict[str, str] | None = None, timeout: float = 900, times: int = 1) -> Stage:
    """A stage whose first images fail."""
    here = stage(MINUTES, settings, timeout)
    here.cloud.ecs.failing_images = [FAILS_AFTER] * times
    return here


def refusals(here: Stage) -> int:
    """How many calls of CLB were refused."""
    return len([call for call in here.calls() if call.product == "slb" and call.code])


@pytest.mark.parametrize("settings", [{}, STOPPED_FIRST], ids=["as-it-runs", "stopped-first"])
@pytest.mark.parametrize("action", ["slb:*", "DescribeVServerGroups", "RemoveVServerGroupBackendServers"])
def test_refused_while_the_image_fails(action: str, settings: dict[str, str]) -> None:
    """The image is made again at once, the call ends with the refusal, and the next call with the rescue done."""
    here = failing(settings)
    fault(here, action, "code:InvalidSecurityToken.Expired", times=None)
    here.fails((CloudError, RescueIncomplete), match=r"InvalidSecurityToken\.Expired")
    first, second = here.calls("CreateImage")
    assert second.at - first.at <= FAILS_AFTER + LOOKS
    assert refusals(here) <= 8
    heal(here)
    here.finishes()
    here.pass_notice()
    assert here.shortcomings() == []


@pytest.mark.parametrize("code", ["Throttling", "ServiceIsConfiguring", "OperationConflict"])
def test_busy_while_the_image_fails(code: str) -> None:
    """A passing refusal is waited for, but not by the image; and a refusal that stays ends the call."""
    here = failing()
    fault(here, "slb:*", f"code:{code}", times=None, until=here.before["now"] + 150.0)
    deliver_until_done(here, most=2)
    first, second = [call.at for call in here.calls("CreateImage") if not call.code]
    assert first - here.before["now"] <= HOLD_UP
    assert second - first <= HOLD_UP + FAILS_AFTER + LOOKS
    assert here.shortcomings() == []


def test_each_image_is_an_occasion() -> None:
    """While the second image grows the load balancer is asked again: what it knows is written down before the end."""
    here = failing(times=2)
    until = here.before["now"] + FAILS_AFTER
    fault(here, "DescribeLoadBalancerAttribute", "code:Forbidden.RAM", times=None, until=until)
    here.rescues()
    written = next(call for call in here.cloud.calls if call.parameters.get("path", "").endswith("memberships.json"))
    assert here.calls("CreateImage")[1].number < written.number < here.calls("CreateImage")[2].number


def test_an_image_of_an_earlier_call_fails() -> None:
    """A call that finds an image in creation has put nothing off before it: refused, it goes on all the same."""
    here = failing(timeout=20)
    fault(here, "DescribeLoadBalancerAttribute", "code:Forbidden.RAM", times=None)
    here.fails(SpotkeeperError)
    here.timeout = 900
    here.fails(CloudError, match=r"Forbidden\.RAM")
    assert len(here.calls("CreateImage")) == 2
    assert refusals(here) <= 8
    heal(here)
    here.rescues()


def test_refused_for_longer_than_the_notice() -> None:
    """With no load balancer until after the release there is a replacement, and the rescue is never said to be done."""
    here = failing()
    fault(here, "slb:*", "code:InvalidSecurityToken.Expired", times=None, until=here.before["now"] + 330.0)
    for _ in range(3):
        here.fails(SpotkeeperError)
        here.pass_notice()
        here.advance(60)
    here.fails(RescueIncomplete, match="was not searched before")
    assert moment(here, "CreateImage") <= 1
    assert len(replacements(here)) == 1
