"""Walks: the same rescue over and over, each time disturbed at another of its API calls."""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import pytest

from chaos.turns import Turns
from simulator import proof
from simulator.cloud import Call
from simulator.faults import Fault
from simulator.transport import BeforeCall, Invocation, Killed
from spotkeeper.errors import RescueIncomplete, RescueLost
from tests.function_stage import FunctionStage
from tests.rescue import reading
from tests.rescue.stage import REALISTIC, SOURCE, STOPPED_FIRST, Stage, stage

T = TypeVar("T")

SEED = 20190409
SAMPLE_OR_ALL = [pytest.param(5, id="sample"), pytest.param(None, id="all", marks=pytest.mark.full)]
"""How many cases of a walk are played."""
LATE_TO_BE_SEEN = replace(REALISTIC, instance_visible=6, image_visible=6, snapshot_visible=6, tags_visible=8)
"""What was made does not show at once."""

OneStage = TypeVar("OneStage", bound=FunctionStage)
Outcome = dict[str, Any] | BaseException
"""What a delivery came to: the function's answer, or what it raised (``Killed`` where its process died)."""
Scene = Callable[[], Stage]
"""Makes a new stage of a rescue that is to be disturbed."""


@dataclass(frozen=True)
class Reference:
    """The undisturbed rescue of a scene: what it calls and leaves behind."""

    calls: tuple[Call, ...]
    end: dict[str, Any]


@functools.cache
def reference(scene: Scene) -> Reference:
    """Play the scene once without disturbance."""
    here = scene()
    here.deliver()
    return Reference(tuple(here.cloud.calls), end_state(here))


def end_state(here: Stage) -> dict[str, Any]:
    """What a rescue leaves behind, the same for every two rescues that came to the same end."""
    roles = {item["InstanceId"]: "replacement" for item in reading.replacements(here)}
    groups = {
        group: sorted(((roles.get(member[0], member[0]), *member[1:]) for member in members), key=repr)
        for group, members in proof.memberships(here.state).items()
    }
    return {
        "shortcomings": here.shortcomings(),
        "instances": sorted(
            (roles.get(instance["InstanceId"], instance["InstanceId"]), instance["Status"])
            for instance in here.state["ecs"]["instances"]
        ),
        "DeleteWithInstance": reading.source_disks(here),
        "groups": groups,
        "images": len(reading.images(here)),
        "snapshots": len(here.state["ecs"]["snapshots"]),
        "duplicates": [item["InstanceId"] for item in here.state["ecs"]["released"] if item["InstanceId"] != SOURCE],
    }


def differences(here: Stage, expected: Mapping[str, Any]) -> list[str]:
    """In what the end state of a rescue differs from the expected one."""
    return unlike(end_state(here), expected)


def unlike(found: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    """In what an end state differs from the expected one, a line each."""
    return [f"{name}: {found[name]} instead of {expected[name]}" for name in expected if found[name] != expected[name]]


SCENES: dict[str, Scene] = {
    "plain": stage,
    "realistic": partial(stage, REALISTIC),
    "slow-snapshots": partial(stage, replace(REALISTIC, snapshot=150)),
    "late-to-be-seen": partial(stage, LATE_TO_BE_SEEN),
    "at-once": partial(stage, settings={"SPOTKEEPER_RELAUNCH": "at-once"}),
    "none": partial(stage, settings={"SPOTKEEPER_RELAUNCH": "none"}),
    "stop-mode": partial(stage, spot_interruption_behavior="Stop"),
    "before-image": partial(stage, REALISTIC, STOPPED_FIRST),
    "before-relaunch": partial(stage, REALISTIC, {"SPOTKEEPER_STOP_SOURCE": "before-relaunch"}),
}


def attempt(here: FunctionStage, name: str = "call", event: bytes | None = None) -> Outcome:
    """One delivery and what it came to."""
    return outcome_of(lambda: here.deliver(event, name=name))


def outcome_of(act: Callable[[], dict[str, Any]]) -> Outcome:
    """What a call came to."""
    try:
        return act()
    except (Exception, Killed) as error:  # noqa: BLE001 - the test judges what was raised
        return error


def disturb(here: FunctionStage, number: int, effect: str) -> None:
    """Let the ``number``-th call from now on misbehave, whatever it is."""
    here.cloud.faults.add(Fault("*", effect, call_number=len(here.cloud.calls) + number))


def spoiled(here: FunctionStage, again: Outcome) -> list[str]:
    """The changes that one more delivery has made: the rescue is over, so it writes nothing and says so.

    Every delivery tells a loss again, and load balancers that were not searched in time: that rescue stays open.
    """
    before, writes = here.state, here.writes()
    answer = attempt(here, "once more")
    if isinstance(again, RescueIncomplete) and isinstance(answer, RescueIncomplete):
        return []
    right = RescueLost if isinstance(again, RescueLost) else dict
    return [
        *([] if isinstance(answer, right) else [f"the delivery after {describe(again)} comes to {describe(answer)}"]),
        *proof.untouched(before, here.state),
        *([] if here.writes() == writes else [f"it calls {here.writes()[len(writes) :]}"]),
    ]


def describe(outcome: Outcome) -> str:
    """An outcome in a few words."""
    if isinstance(outcome, dict):
        return f"{outcome['outcome']}: {outcome['reason']}"
    return f"{type(outcome).__name__}: {outcome}"


def sample(cases: Iterable[T], size: int | None) -> list[T]:
    """Some of the cases, always the same ones; None: all of them."""
    every = list(cases)
    return every if size is None or len(every) <= size else random.Random(SEED).sample(every, size)


Turn = tuple[str, int]
"""The name of a call, and for how many API calls it has its turn."""


def side_by_side(here: FunctionStage, *turns: Turn, meanwhile: BeforeCall | None = None) -> dict[str, Outcome]:
    """Deliveries of the same event at the same time, taking turns; their outcomes by name.

    ``meanwhile`` is called before each call, once it is its turn: what else goes on in the world.
    """
    schedule = Turns(turns)

    def before_call(item: Invocation | None, action: str) -> None:
        assert item is not None, f"{action} belongs to no invocation"
        schedule.before_call(item.name)
        if meanwhile:
            meanwhile(item, action)

    outcomes: dict[str, Outcome] = {}

    def run(name: str) -> None:
        outcomes[name] = outcome_of(lambda: here.call(name=name))

    with here.playing(before_call):
        schedule.run(run)
    return outcomes


def beside(
    scene: Callable[[], OneStage],
    points: Iterable[tuple[int, int]],
    judge: Callable[[OneStage, dict[str, Outcome]], list[str]],
) -> list[str]:
    """The mistakes, a line each, where A makes i calls, then B j, then A all the others, and then B.

    A call that raises is wrong, and so is what ``judge`` finds.
    """
    wrong = []
    for first, second in points:
        here = scene()
        outcomes = side_by_side(here, ("A", first), ("B", second))
        problems = [f"{name} came to {describe(one)}" for name, one in outcomes.items() if not isinstance(one, dict)]
        wrong += [f"A {first}, B {second}: {text}" for text in (*problems, *judge(here, outcomes))]
    return wrong
