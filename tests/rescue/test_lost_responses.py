"""One request of the rescue gets lost, or its answer does, or a proxy answers in the cloud's place.

Chaos plays the same for each action, and lets later deliveries help; here one delivery has to come to the end alone.
"""

from __future__ import annotations

from itertools import product

import pytest

from tests.rescue.walks import SCENES, attempt, describe, differences, disturb, reference, sample, spoiled

EFFECTS = ("reset-before", "reset-after", "garbage")


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("plain", 24),
        *((name, 3) for name in SCENES if name != "plain"),
        *(pytest.param(name, None, marks=pytest.mark.full) for name in SCENES),
    ],
)
def test_one_lost_call(name: str, most: int | None) -> None:
    """The call in which it happens still comes to the end state of an undisturbed rescue, by itself."""
    scene, wrong = SCENES[name], []
    calls = reference(scene).calls
    for number, effect in sample(product(range(1, len(calls) + 1), EFFECTS), most):
        here = scene()
        disturb(here, number, effect)
        outcome = attempt(here)
        problems = [] if isinstance(outcome, dict) and outcome["outcome"] == "done" else [describe(outcome)]
        problems += differences(here, reference(scene).end)
        problems += [] if name == "stop-mode" else spoiled(here, outcome)
        problems += [f"{fault.effect} never happened" for fault in here.cloud.faults.pending()]
        wrong += [f"{effect} of call {number} ({calls[number - 1].action}): {problem}" for problem in problems]
    assert wrong == []
