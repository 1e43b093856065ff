"""Throttling of any one action: the minute it lasts is waited for, never more, and the end is the same."""

from __future__ import annotations

import pytest

from tests.rescue.reading import fault, moment
from tests.rescue.stage import stage
from tests.rescue.walks import reference

ACTIONS = list(dict.fromkeys(call.action for call in reference(stage).calls if call.product != "oss"))
"""Every ECS and CLB action of a plain rescue, in order."""


@pytest.mark.parametrize("action", ACTIONS)
def test_one_throttled_action(action: str) -> None:
    """The one call does it all, and the action is asked again within two seconds of the next minute."""
    here = stage()
    fault(here, action, "throttle")
    here.rescues()
    asked = here.calls(action)
    refused = next(item for item in asked if item.code == "Throttling.User")
    accepted = next(item for item in asked if item.number > refused.number and not item.code)
    next_minute = (refused.at // 60 + 1) * 60
    assert next_minute <= accepted.at <= next_minute + 2.5


@pytest.mark.parametrize("action", [item for item in ACTIONS if item not in {"DescribeInstances", "CreateImage"}])
def test_throttling_holds_up_the_image_by_30_seconds_at_most(action: str) -> None:
    """A throttled step that precedes CreateImage comes after it: the data first."""
    here = stage()
    fault(here, action, "throttle")
    here.deliver()
    assert moment(here, "CreateImage") <= 30 + 10


def test_the_servers_hint_is_obeyed() -> None:
    """``x-acs-retry-after`` says when to come back: earlier than the minute, and no sooner than it says."""
    here = stage()
    throttled = fault(here, "RunInstances", "throttle", retry_after_ms=7000)
    with here.playing():
        throttled._blocked_until.clear()
        throttled.action = lambda _, action: action == "RunInstances" and not throttled.fired
        here.call()
    first, second = here.calls("RunInstances")
    assert second.at - first.at == pytest.approx(7.0)
    assert here.shortcomings() == []
