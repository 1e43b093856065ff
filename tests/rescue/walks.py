"""Walks: the same rescue over and over, each time disturbed at another of its API calls."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from chaos.turns import Turns
from simulator import proof
from simulator.cloud import Call, Cloud
from simulator.ecs import Timings
from simulator.faults import Fault
from simulator.transport import BeforeCall, Invocation, Killed
from spotkeeper.errors import RescueIncomplete, RescueLost
from tests.rescue import reading
from tests.rescue.stage import SOURCE, Stage, stage

T = TypeVar("T")

SEED = 20190409
REALISTIC = Timings(image=90, usable=60, snapshot=75, boot=25, stop=10)
"""Of a small web server: the notice is long enough, but nothing is there at first look."""
LATE_TO_BE_SEEN = replace(REALISTIC, instance_visible=6, image_visible=6, snapshot_visible=6, tags_visible=8)
"""What was made does not show at once."""

Answer = dict[str, Any]


class Played(Protocol):
    """What a walk needs of a stage, whichever function it is of."""

    cloud: Cloud

    def deliver(self, event: bytes | None = None, *, name: str = "call", **settings: str) -> Answer:
        """One delivery."""

    def call(self, event: bytes | None = None, *, name: str = "call") -> Answer:
        """One call inside ``playing``."""

    def playing(self, before_call: BeforeCall | None = None) -> AbstractContextManager[None]:
        """The world of the function."""

    @property
    def state(self) -> dict[str, Any]:
        """The cloud as it is now."""

    def writes(self) -> list[str]:
        """The actions that changed anything."""


OneStage = TypeVar("OneStage", bound=Played)
Outcome = Answer | BaseException
"""What a delivery came to: the function's answer, or what it raised (``Killed`` where its process died)."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A rescue to be disturbed: how long things take, how the function is set up, and what the fleet is like."""

    name: str
    timings: Timings = field(default_factory=Timings)
    settings: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def stage(self) -> Stage:
        """A new stage of this scene."""
        return stage(self.timings, self.settings, **self.changes)


@dataclass(frozen=True)
class Reference:
    """The undisturbed rescue of a scene: what it calls, answers and leaves behind."""

    calls: tuple[Call, ...]
    answer: Answer
    end: dict[str, Any]


@functools.cache
def reference(scene: Scene) -> Reference:
    """Play the scene once without disturbance."""
    here = scene.stage()
    answer = here.deliver()
    return Reference(tuple(here.cloud.calls), answer, end_state(here))


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
        "surplus": [item["InstanceId"] for item in here.state["ecs"]["released"] if item["InstanceId"] != SOURCE],
    }


def differences(here: Stage, expected: Mapping[str, Any]) -> list[str]:
    """In what the stage's end state is another one."""
    found = end_state(here)
    return [f"{name}: {found[name]} instead of {expected[name]}" for name in expected if found[name] != expected[name]]


SCENES = {
    snapshot.name: snapshot
    for snapshot in (
        Scene("plain"),
        Scene("realistic", REALISTIC),
        Scene("slow-snapshots", replace(REALISTIC, snapshot=150)),
        Scene("late-to-be-seen", LATE_TO_BE_SEEN),
        Scene("at-once", settings={"SPOTKEEPER_RELAUNCH": "at-once"}),
        Scene("none", settings={"SPOTKEEPER_RELAUNCH": "none"}),
        Scene("stop-mode", changes={"spot_interruption_behavior": "Stop"}),
        Scene("before-image", REALISTIC, {"SPOTKEEPER_STOP_SOURCE": "before-image"}),
        Scene("before-relaunch", REALISTIC, {"SPOTKEEPER_STOP_SOURCE": "before-relaunch"}),
    )
}


def attempt(here: Played, name: str = "call") -> Outcome:
    """One delivery and what it came to."""
    try:
        return here.deliver(name=name)
    except (Exception, Killed) as error:  # noqa: BLE001 - the walk judges what was raised
        return error


def disturb(here: Played, number: int, effect: str) -> None:
    """Let the ``number``-th call from now on misbehave, whatever it is."""
    here.cloud.faults.add(Fault("*", effect, call_number=len(here.cloud.calls) + number))


def killed(here: OneStage, number: int, effect: str) -> OneStage:
    """A delivery whose process dies at the ``number``-th call from now on."""
    disturb(here, number, effect)
    outcome = attempt(here, "dies")
    assert isinstance(outcome, Killed), outcome
    return here


def spoiled(here: Played, again: Outcome) -> list[str]:
    """What one delivery more has done: all there was to do is done, so it writes nothing and says so.

    A loss is told again by every delivery, and so is what nobody searched in time: that rescue stays open.
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


def sample(cases: Iterable[T], size: int) -> list[T]:
    """Some of the cases, always the same ones."""
    every = list(cases)
    return every if len(every) <= size else random.Random(SEED).sample(every, size)


Turn = tuple[str, int]
"""Whose turn it is, and for how many API calls."""


def side_by_side(here: Played, *turns: Turn, meanwhile: BeforeCall | None = None) -> dict[str, Outcome]:
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
        try:
            outcomes[name] = here.call(name=name)
        except (Exception, Killed) as error:  # noqa: BLE001 - the walk judges what was raised
            outcomes[name] = error

    with here.playing(before_call):
        schedule.run(run)
    return outcomes


def listed(wrong: Mapping[str, Iterable[str]]) -> str:
    """Every walk that went wrong, with all that was wrong about it: one failure of many tells little."""
    return "\n".join(f"{walk}: {'; '.join(problems)}" for walk, problems in wrong.items())
