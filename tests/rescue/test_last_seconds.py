"""A call that begins just before the release: the source can go between a look at it and what is read next."""

from __future__ import annotations

from simulator.ecs import Timings
from spotkeeper.errors import RescueIncomplete
from tests.rescue.reading import fault, source_stands
from tests.rescue.stage import stage


def test_released_between_the_look_and_the_search() -> None:
    """The groups are empty by then: the call says that they were not searched in time, and is not done."""
    here = stage(Timings(boot=20), settings={"SPOTKEEPER_RELAUNCH": "at-once"})
    here.advance(290)
    here.meanwhile("DescribeLoadBalancers", lambda: here.advance(15), only=1)
    here.fails(RescueIncomplete, match="was not searched before")
    assert not source_stands(here)


def test_looks_that_are_refused_in_the_last_seconds() -> None:
    """What was read is recorded all the same, and the image is asked for."""
    here = stage(Timings(image=60, boot=20))
    here.advance(285)
    here.meanwhile("*", lambda: here.advance(0.1))
    fault(here, "DescribeInstances", "throttle", times=1, skip=1)
    here.finishes()
