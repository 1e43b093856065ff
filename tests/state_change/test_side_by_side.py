"""Two calls about one stop at the same time: started once, counted once, and back in the groups in stop mode.

Calls that die are played by chaos, at every call.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from simulator import proof
from tests.rescue.reading import records
from tests.rescue.stage import SOURCE
from tests.rescue.walks import SAMPLE_OR_ALL, attempt, beside, describe, sample, spoiled, unlike
from tests.state_change.stage import BOOTING, StateStage, reclaimed, running, stopped


def sold_out_once() -> StateStage:
    """A first start was refused for want of stock."""
    here = stopped()
    here.stock(0)
    assert "NoStock" in describe(attempt(here))
    here.stock(None)
    return here


SCENES: dict[str, Callable[[], StateStage]] = {
    "stopped": stopped,
    "booting": lambda: stopped(BOOTING),
    "stop-mode": reclaimed,
    "stop-mode-running": running,
    "sold-out-once": sold_out_once,
}


def end_state(here: StateStage) -> dict[str, Any]:
    """What is left, the same for every two deliveries that came to the same end."""
    return {
        "status": here.status,
        "starts": here.starts,
        "restarts": len(here.restarts()),
        "counted": here.counted,
        "seen running": [number for number, names in here.restarts().items() if "running" in names],
        "episode": {name for name in records(here) if not name.startswith("attempt")},
        "groups": proof.memberships(here.state),
        "bystanders": proof.bystanders_changed(here.before, here.state, SOURCE),
    }


@pytest.mark.parametrize("most", SAMPLE_OR_ALL)
@pytest.mark.parametrize("name", SCENES)
def test_side_by_side(name: str, most: int | None) -> None:
    """A makes i calls, then B j, then A the others, then B: the end of one call, and a third finds nothing to do."""
    alone = SCENES[name]()
    before = len(alone.cloud.calls)
    alone.deliver()
    calls, expected = len(alone.cloud.calls) - before, end_state(alone)
    points = sample(product(range(1, calls), range(1, calls + 3)), most)
    assert (
        beside(SCENES[name], points, lambda here, ends: unlike(end_state(here), expected) + spoiled(here, ends["A"]))
        == []
    )
