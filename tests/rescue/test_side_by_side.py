"""Two deliveries of the same event at the same time: every interleaving of their API calls with up to two switches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial
from itertools import product

import pytest

from simulator.faults import Fault
from simulator.transport import BeforeCall, Invocation, Killed
from tests.rescue.stage import Stage, stage
from tests.rescue.walks import (
    LATE_TO_BE_SEEN,
    SCENES,
    Outcome,
    Scene,
    attempt,
    beside,
    describe,
    differences,
    reference,
    sample,
    side_by_side,
)

FALLBACKS = {"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": "ecs.g6.large"}
LADDER: dict[str, Scene] = {
    "ready": partial(stage, settings=FALLBACKS),
    "late-to-be-seen": partial(stage, LATE_TO_BE_SEEN, FALLBACKS),
}
"""Two types, and so four options."""


def interleavings(scene: Scene, longer: int = 0) -> Iterable[tuple[int, int]]:
    """A makes i calls, then B j, then A all the others, and then B. ``longer``: calls that B makes beyond A's."""
    calls = len(reference(scene).calls)
    return product(range(1, calls), range(1, calls + 1 + longer))


def disagreements(outcomes: dict[str, Outcome]) -> list[str]:
    """Calls that did not finish, or not with the same resources."""
    found = [f"{name} came to {describe(one)}" for name, one in outcomes.items() if not done(one)]
    made = {(item.get("image_id"), item.get("replacement_id")) for item in outcomes.values() if isinstance(item, dict)}
    return found + ([f"they made {made}"] if len(made) > 1 else [])


def done(outcome: Outcome) -> bool:
    """Whether a call answered ``done``."""
    return isinstance(outcome, dict) and outcome["outcome"] == "done"


@pytest.mark.parametrize(
    ("name", "cases"),
    [
        ("plain", 24),
        *((name, 3) for name in SCENES if name != "plain"),
        *(pytest.param("plain", slice(part, None, 4), marks=pytest.mark.full) for part in range(4)),
        *(pytest.param(name, 150, marks=pytest.mark.full) for name in SCENES if name != "plain"),
    ],
)
def test_two_calls(name: str, cases: int | slice) -> None:
    """One image, one replacement, exact memberships, and both calls say so."""
    scene = SCENES[name]
    every = list(interleavings(scene))
    points = every[cases] if isinstance(cases, slice) else sample(every, cases)
    end = reference(scene).end
    assert beside(scene, points, lambda here, ends: [*disagreements(ends), *differences(here, end)]) == []


def stock_turns(here: Stage, number: int, *, comes: bool) -> BeforeCall:
    """At the ``number``-th RunInstances call stock of the first option appears, or is gone."""
    launches, spec = Counter[str](), here.fleet.spec
    key = (spec.zone_id, spec.instance_type, "spot")
    here.cloud.ecs.stock[key] = 0 if comes else None

    def meanwhile(_: Invocation | None, action: str) -> None:
        launches[action] += 1
        if launches["RunInstances"] == number:
            here.cloud.ecs.stock[key] = None if comes else 0

    return meanwhile


def different_options(scene: Scene, most: int) -> list[tuple[int, int, int, bool]]:
    """Interleavings in which A tries launch options, with the call at which the stock turns, and how."""
    calls = [call.action for call in reference(scene).calls]
    asked = calls.index("RunInstances")
    near = [(i, j) for i, j in interleavings(scene, longer=8) if asked - 2 <= i <= asked + 4]
    return sample([(*pair, number, comes) for pair in near for number in (2, 3) for comes in (True, False)], most)


@pytest.mark.parametrize("most", [pytest.param(8, id="sample"), pytest.param(250, id="many", marks=pytest.mark.full)])
@pytest.mark.parametrize("name", LADDER)
@pytest.mark.parametrize("dies", [False, True], ids=["both live", "one dies"])
def test_two_calls_on_different_options(name: str, most: int, *, dies: bool) -> None:
    """Both calls may launch; one instance stays, and the other is deleted.

    ``dies``: A dies at its first call after B's turn; B finishes, and a redelivery tidies up.
    """
    scene, wrong, deleted = LADDER[name], [], 0
    for first, second, number, comes in different_options(scene, most):
        here = scene()
        others = [stock_turns(here, number, comes=comes), *([killer(here, first + 1)] if dies else [])]

        def meanwhile(item: Invocation | None, action: str, others: list[BeforeCall] = others) -> None:
            for other in others:
                other(item, action)

        outcomes = side_by_side(here, ("A", first), ("B", second), meanwhile=meanwhile)
        if dies:
            assert isinstance(outcomes["A"], Killed)
            here.advance(here.cloud.ecs.timings.tags_visible)  # nobody can delete what no Describe shows yet
            outcomes["A"] = attempt(here, "again")
        deleted += len(here.calls("DeleteInstance"))
        where = f"A {first}, B {second}, stock {'comes' if comes else 'goes'} at launch {number}"
        wrong += [f"{where}: {problem}" for problem in (*disagreements(outcomes), *here.shortcomings())]
    assert wrong == []
    assert deleted, "no two calls launched: these interleavings test nothing"


def killer(here: Stage, number: int) -> BeforeCall:
    """A dies of its ``number``-th call, which the cloud carries out."""
    calls = Counter[str]()

    def meanwhile(item: Invocation | None, _: str) -> None:
        name = item.name if item else ""
        calls[name] += 1
        if name == "A" and calls["A"] == number:
            here.cloud.faults.add(Fault("*", "kill-after", call_number=len(here.cloud.calls) + 1))

    return meanwhile
