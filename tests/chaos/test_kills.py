"""A death at every call of every scenario, as ``make chaos`` begins: all of them, or a sample."""

from __future__ import annotations

import random

import pytest

from chaos.run import judge
from chaos.scenarios import SCENARIOS
from chaos.schedule import Schedule
from chaos.search import kills

SEED = 20190409


@pytest.mark.parametrize("most", [pytest.param(2, id="sample"), pytest.param(None, id="all", marks=pytest.mark.full)])
@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_any_call(name: str, most: int | None) -> None:
    """No invariant is violated: retries and the sweep come to the end of an undisturbed run."""
    undisturbed = judge(Schedule(name, SCENARIOS[name].deliveries))
    every = list(kills({name: undisturbed.calls}))
    chosen = every if most is None else random.Random(SEED).sample(every, min(most, len(every)))
    assert [f"{one.line()}: {text}" for one in chosen for text in judge(one).violations] == []
