"""One request of the rescue gets lost, or its answer does, or a proxy answers in the cloud's place."""

from __future__ import annotations

from itertools import product

import pytest

from tests.rescue.walks import (
    SCENES,
    Scene,
    attempt,
    describe,
    differences,
    disturb,
    listed,
    reference,
    sample,
    spoiled,
)

EFFECTS = ("reset-before", "reset-after", "garbage")


def cases(scene: Scene, most: int | None) -> list[tuple[int, str]]:
    """Every call of the rescue with every effect, or some of them."""
    every = list(product(range(1, len(reference(scene).calls) + 1), EFFECTS))
    return every if most is None else sample(every, most)


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
    scene, wrong = SCENES[name], {}
    for number, effect in cases(scene, most):
        here = scene.stage()
        disturb(here, number, effect)
        outcome = attempt(here)
        problems = [] if isinstance(outcome, dict) and outcome["outcome"] == "done" else [describe(outcome)]
        problems += differences(here, reference(scene).end)
        problems += [] if name == "stop-mode" else spoiled(here, outcome)
        problems += [f"{fault.effect} never happened" for fault in here.cloud.faults.pending()]
        if problems:
            wrong[f"{effect} of call {number} ({reference(scene).calls[number - 1].action})"] = problems
    assert not wrong, listed(wrong)
