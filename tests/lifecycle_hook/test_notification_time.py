"""When a notification says that its hook began to wait: believed where it can be, else Auto Scaling is asked."""

from __future__ import annotations

import pytest

from spotkeeper.instances import iso
from tests.lifecycle_hook.conftest import Write
from tests.lifecycle_hook.stage import NOW, stage

HOUR = 3_600.0
SLIPS = {
    "eight hours ago": -8 * HOUR,
    "five and a half hours ago": -5.5 * HOUR,
    "a moment less than six hours ago": -6 * HOUR + 20,
    "a year ago": -8_760 * HOUR,
    "in five and a half hours": 5.5 * HOUR,
    "in eight hours": 8 * HOUR,
}

slipped = pytest.mark.parametrize("slip", SLIPS.values(), ids=list(SLIPS))


@slipped
def test_a_notification_time_that_cannot_be(slip: float) -> None:
    """The action is pending and the agents come within minutes: the instances enter, and the hook lived on."""
    here = stage(timeout=1_800)
    here.agents(NOW + 700)
    answer = here.deliver(here.said(time=iso(here.cloud.now() + slip)))
    assert (answer["result"], here.serving()) == ("CONTINUE", set(here.ids))


@slipped
def test_agent_seconds_do_not_count_from_a_time_that_cannot_be(hooks: Write, slip: float) -> None:
    """A rule's limit to waiting is counted from a moment at which the hook can have begun."""
    hooks(SCALE_OUT={"agent_seconds": 300})
    here = stage()
    here.agents(NOW + 120)
    assert here.deliver(here.said(time=iso(here.cloud.now() + slip)))["result"] == "CONTINUE"
