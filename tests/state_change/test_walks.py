"""Disturbed at every call: killed, side by side. Started once, counted once, and back in the groups in stop mode."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from simulator import proof
from tests.rescue.reading import records
from tests.rescue.walks import attempt, describe, killed, sample, side_by_side, spoiled
from tests.state_change.stage import BOOTING, StateStage, reclaimed, start_by_hand, stopped


def started_by_hand() -> StateStage:
    """In stop mode, and running again by somebody's hand."""
    here = reclaimed()
    start_by_hand(here)
    return here


def sold_out_once() -> StateStage:
    """A first start was refused for want of stock."""
    here = stopped()
    here.deliver(SPOTKEEPER_DRY_RUN="true")
    stock = here.cloud.ecs.stock
    key = (here.fleet.spec.zone_id, here.fleet.spec.instance_type, "spot")
    stock[key], here.fleet.source.stopped_mode = 0, "StopCharging"
    assert "NoStock" in describe(attempt(here))
    stock[key] = None
    return here


SCENES: dict[str, Callable[[], StateStage]] = {
    "stopped": stopped,
    "booting": lambda: stopped(BOOTING),
    "stop-mode": reclaimed,
    "stop-mode-running": started_by_hand,
    "sold-out-once": sold_out_once,
}
EFFECTS = ("kill-before", "kill-after")
ALL = pytest.param(None, id="all", marks=pytest.mark.full)


@functools.cache
def reference(name: str) -> tuple[int, dict[str, Any]]:
    """The undisturbed delivery of a scene: how many calls it makes, and what it leaves behind."""
    here = SCENES[name]()
    before = len(here.cloud.calls)
    answer = here.deliver()
    assert answer["outcome"] == "done", answer
    return len(here.cloud.calls) - before, end_state(here)


def end_state(here: StateStage) -> dict[str, Any]:
    """What is left, the same for every two deliveries that came to the same end."""
    episode = {name for name in records(here) if not name.startswith("attempt")}
    return {
        "status": here.status,
        "starts": sum(
            call.action == "StartInstance" and call.code in ("", "Killed.after") for call in here.cloud.calls
        ),
        "restarts": len(here.restarts()),
        "counted": here.counted,
        "seen running": [number for number, names in here.restarts().items() if "running" in names],
        "episode": episode,
        "groups": proof.memberships(here.state),
        "bystanders": proof.bystanders_changed(here.before, here.state, here.fleet.source.instance_id),
    }


def differences(here: StateStage, name: str) -> list[str]:
    """In what it is another end than that of the undisturbed delivery."""
    found, expected = end_state(here), reference(name)[1]
    return [f"{key}: {found[key]} instead of {expected[key]}" for key in expected if found[key] != expected[key]]


@pytest.mark.parametrize("most", [pytest.param(6, id="sample"), ALL])
@pytest.mark.parametrize("name", SCENES)
def test_killed_at_every_call(name: str, most: int | None) -> None:
    """The event once more leads to the end of an undisturbed delivery, and a third delivery finds nothing to do."""
    points = list(product(range(1, reference(name)[0] + 1), EFFECTS))
    wrong = {}
    for number, effect in points if most is None else sample(points, most):
        here = SCENES[name]()
        killed(here, number, effect)
        outcome = attempt(here)
        problems = [*differences(here, name), *spoiled(here, outcome)]
        if problems:
            wrong[f"{effect} call {number}"] = [describe(outcome), *problems]
    assert wrong == {}


@pytest.mark.parametrize("most", [pytest.param(4, id="sample"), ALL])
@pytest.mark.parametrize("name", SCENES)
def test_killed_and_only_the_sweep_comes(name: str, most: int | None) -> None:
    """No event comes again: two sweeps lead to the same end."""
    points = list(product(range(1, reference(name)[0] + 1), EFFECTS))
    wrong = {}
    for number, effect in points if most is None else sample(points, most):
        here = SCENES[name]()
        killed(here, number, effect)
        for _ in range(2):
            here.advance(61)
            here.sweep()
        found = end_state(here)
        problems = [item for item in differences(here, name) if not item.startswith("seen running")]
        if problems:
            wrong[f"{effect} call {number}"] = [str(found["status"]), *problems]
    assert wrong == {}


@pytest.mark.parametrize("most", [pytest.param(5, id="sample"), ALL])
@pytest.mark.parametrize("name", SCENES)
def test_side_by_side(name: str, most: int | None) -> None:
    """A makes i calls, then B j, then A the others, then B: one start, one restart, no errors."""
    calls = reference(name)[0]
    points = list(product(range(1, calls), range(1, calls + 3)))
    wrong = {}
    for first, second in points if most is None else sample(points, most):
        here = SCENES[name]()
        outcomes = side_by_side(here, ("A", first), ("B", second))
        problems = [f"{who}: {describe(one)}" for who, one in outcomes.items() if not isinstance(one, dict)]
        problems += [*differences(here, name), *spoiled(here, outcomes["A"])]
        if problems:
            wrong[f"A {first}, B {second}"] = problems
    assert wrong == {}


@pytest.mark.parametrize("most", [pytest.param(5, id="sample"), ALL])
def test_a_death_beside_another_call(most: int | None) -> None:
    """A dies at its i-th call while B, and later C, deal with the same stop."""
    points = list(product(range(1, reference("stopped")[0]), EFFECTS))
    wrong = {}
    for number, effect in points if most is None else sample(points, most):
        here = stopped()
        killed(here, number, effect)
        outcomes = side_by_side(here, ("B", 3), ("C", 3))
        problems = [f"{who}: {describe(one)}" for who, one in outcomes.items() if not isinstance(one, dict)]
        problems += differences(here, "stopped")
        if problems:
            wrong[f"{effect} call {number}"] = problems
    assert wrong == {}
