"""Two notifications of one hook at the same time: one completion, no command twice, and neither call fails.

Calls that die or lose an answer are played by chaos, at every call.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from tests.lifecycle_hook.conftest import Write
from tests.lifecycle_hook.stage import REMOVE, HookStage, failing, stage
from tests.rescue.walks import SAMPLE_OR_ALL, Outcome, beside, sample, unlike


def late() -> HookStage:
    """An agent comes late enough for a heartbeat."""
    here = stage()
    here.agents(here.cloud.now() + 500, here.ids[0])
    return here


SCENES: dict[str, Callable[[], HookStage]] = {
    "passing": stage,
    "failing": failing,
    "removing": failing,  # under the other policy
    "late": late,
    "leaving": lambda: stage(transition="SCALE_IN"),
}


def end_state(here: HookStage) -> dict[str, Any]:
    """What is left, the same for every two deliveries that came to the same end."""
    completions = here.accepted()
    action = here.action
    here.advance(120)
    return {
        "action": action,
        "completions": completions,
        "serving": here.serving(),
        "instances": set(here.cloud.ecs.instances),
        "commands": len(here.cloud.ecs.assistant.commands),
        "notifications": len(here.cloud.ess.notifications),
    }


@pytest.mark.parametrize("most", SAMPLE_OR_ALL)
@pytest.mark.parametrize("name", SCENES)
def test_side_by_side(name: str, most: int | None, hooks: Write) -> None:
    """Whatever the turns: the same end as of one call, and one of the two says that it is done."""
    hooks(SCALE_OUT=REMOVE if name == "removing" else {})
    alone = SCENES[name]()
    alone.finishes()
    calls, expected = len(alone.cloud.calls), end_state(alone)

    def judged(here: HookStage, ends: dict[str, Outcome]) -> list[str]:
        done = any(isinstance(item, dict) and item["outcome"] == "done" for item in ends.values())
        return unlike(end_state(here), expected) + ([] if done else ["nobody says that it is done"])

    points = sample(product(range(calls + 1), range(1, calls + 1)), most)
    assert beside(SCENES[name], points, judged) == []
