"""A call that begins just before the release."""

from __future__ import annotations

from simulator.ecs import Timings
from tests.rescue.reading import fault
from tests.rescue.stage import stage


def test_looks_that_are_refused_in_the_last_seconds() -> None:
    """What was read is recorded all the same, and the image is asked for."""
    here = stage(Timings(image=60, boot=20))
    here.advance(285)
    here.meanwhile("*", lambda: here.advance(0.1))
    fault(here, "DescribeInstances", "throttle", times=1, skip=1)
    here.finishes()
