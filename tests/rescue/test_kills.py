"""The function dies at any of its API calls, before or after the cloud has acted, and the event comes again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import Enum
from itertools import product
from typing import Any

import pytest

from simulator import proof
from simulator.transport import Killed
from spotkeeper.errors import RescueIncomplete, RescueLost
from tests.rescue import reading
from tests.rescue.stage import SOURCE, Stage
from tests.rescue.walks import (
    SCENES,
    Outcome,
    Scene,
    attempt,
    describe,
    differences,
    disturb,
    killed,
    listed,
    reference,
    sample,
    spoiled,
)

EFFECTS = ("kill-before", "kill-after")
ALL = pytest.param(None, id="all", marks=pytest.mark.full)
"""Every kill point instead of a sample."""


def kill_points(scene: Scene, most: int | None) -> list[tuple[int, str]]:
    """Call number and effect. The flags are back but the episode is not closed at the last but one: always in."""
    every = list(product(range(1, len(reference(scene).calls) + 1), EFFECTS))
    return every if most is None else [every[-2], *sample(every[:-2], most - 1)]


def point(scene: Scene, number: int, effect: str) -> str:
    """A kill point in words."""
    call = reference(scene).calls[number - 1]
    return f"{effect} call {number} ({call.action})"


@pytest.mark.parametrize("most", [pytest.param(4, id="sample"), ALL])
@pytest.mark.parametrize("name", SCENES)
def test_redelivery_while_the_source_stands(name: str, most: int | None) -> None:
    """The end state is that of an undisturbed rescue, and a third delivery finds nothing to do."""
    scene, wrong = SCENES[name], {}
    for number, effect in kill_points(scene, most):
        here = killed(scene.stage(), number, effect)
        outcome = attempt(here)
        done = isinstance(outcome, dict) and outcome["outcome"] == "done"
        problems = [*([] if done else [describe(outcome)]), *differences(here, reference(scene).end)]
        problems += [] if name == "stop-mode" else spoiled(here, outcome)
        if problems:
            wrong[point(scene, number, effect)] = problems
    assert not wrong, listed(wrong)


class Reached(Enum):
    """How far the dead call came, as the cloud shows it; in order."""

    NOTHING_WRITTEN = "the journal has no record"
    OPENED = "the episode is open, the disks are as they were"
    RETAINED = "every disk would outlive the source"
    IMAGE = "an image was asked for while every disk would outlive the source"
    FLAGS_BACK = "an image with all its snapshots, and the flags as they were"
    PLANNED = "the launch spec is recorded, the memberships are not"
    REMEMBERED = "launch spec and memberships are recorded"


class End(Enum):
    """What a delivery after the release comes to."""

    NOT_BEGUN = "skipped; the disks went or stayed as the user had configured"
    LOST = "RescueLost; the disks went or stayed as the user had configured, and none that went is named"
    LOST_BUT_DISKS = "RescueLost names every disk, and every disk exists"
    SAVED = "done as ever, but the disks stay, as a flag cannot be put back any more; the answer names them"
    COMPLETE = "the end state of an undisturbed rescue"
    NOT_RETURNED = "RescueIncomplete: a replacement runs, and the load balancers that nobody had searched are named"


FROM_IMAGE = {
    Reached.NOTHING_WRITTEN: End.NOT_BEGUN,
    Reached.OPENED: End.LOST,
    Reached.RETAINED: End.LOST_BUT_DISKS,
    Reached.IMAGE: End.SAVED,
    Reached.FLAGS_BACK: End.COMPLETE,
}
AT_ONCE = {
    Reached.NOTHING_WRITTEN: End.NOT_BEGUN,
    Reached.OPENED: End.LOST,
    Reached.PLANNED: End.NOT_RETURNED,
    Reached.REMEMBERED: End.COMPLETE,
}
AFTER_THE_RELEASE = {name: AT_ONCE if name == "at-once" else FROM_IMAGE for name in SCENES if name != "stop-mode"}
"""Which end each kill point has where the redelivery comes after the release. In stop mode nothing is released."""


def reached(here: Stage, name: str) -> Reached:
    """How far the dead call came."""
    records, flags = reading.records(here), reading.source_disks(here)
    if not records:
        return Reached.NOTHING_WRITTEN
    if name == "at-once":
        planned = Reached.REMEMBERED if "memberships" in records else Reached.PLANNED
        return planned if "launch-spec" in records else Reached.OPENED
    if not any(flags.values()):
        return Reached.IMAGE if reading.images(here) else Reached.RETAINED
    return Reached.FLAGS_BACK if reading.images(here) else Reached.OPENED


@pytest.mark.parametrize("most", [pytest.param(4, id="sample"), ALL])
@pytest.mark.parametrize("name", AFTER_THE_RELEASE)
def test_redelivery_after_the_release(name: str, most: int | None) -> None:
    """The end state is the one in the table; no data is lost from the moment on when the disks are retained."""
    scene, table, wrong, seen = SCENES[name], AFTER_THE_RELEASE[name], {}, set()
    for number, effect in kill_points(scene, most):
        here = killed(scene.stage(), number, effect)
        far = reached(here, name)
        problems = data_lost(here, far)
        here.pass_notice()
        problems += data_lost(here, far)
        outcome = attempt(here)
        problems += [*CHECKS[table[far]](here, outcome, scene), *data_lost(here, far), *spoiled(here, outcome)]
        seen.add(far)
        if problems:
            wrong[f"{point(scene, number, effect)}: {far.value}"] = problems
    assert not wrong, listed(wrong)
    assert seen == set(table) if most is None else seen <= set(table)


def data_lost(here: Stage, far: Reached) -> list[str]:
    """The disks that may go although no complete image has their data, from the moment on when they were retained."""
    if far not in {Reached.RETAINED, Reached.IMAGE, Reached.FLAGS_BACK}:
        return []
    complete = {
        snapshot["SourceDiskId"] for snapshot in here.state["ecs"]["snapshots"] if snapshot["Status"] == "accomplished"
    }
    usable = any(image["Status"] == "Available" or image.get("Usable") for image in reading.images(here))
    staying = {disk_id for disk_id, flag in reading.source_disks(here).items() if not flag}
    safe = staying | (complete if usable else set())
    return [f"{disk['DiskId']} is not safe" for disk in proof.disks(here.before, SOURCE) if disk["DiskId"] not in safe]


def check_not_begun(here: Stage, outcome: Outcome, _: Scene) -> Iterator[str]:
    """Nothing of ours exists."""
    if not isinstance(outcome, dict) or outcome["outcome"] != "skipped":
        yield describe(outcome)
    yield from nothing_made(here)
    yield from not_as_configured(here)


def check_lost(here: Stage, outcome: Outcome, _: Scene) -> Iterator[str]:
    """An honest loss."""
    if not isinstance(outcome, RescueLost):
        yield describe(outcome)
    yield from (f"{disk} is gone, but named: {outcome}" for disk in reading.doomed_disks(here) if disk in str(outcome))
    yield from nothing_made(here)
    yield from not_as_configured(here)


def check_lost_but_disks(here: Stage, outcome: Outcome, _: Scene) -> Iterator[str]:
    """The disks are all there is, and the error says which."""
    if not isinstance(outcome, RescueLost):
        yield describe(outcome)
    yield from (f"{disk} is not named: {outcome}" for disk in reading.doomed_disks(here) if disk not in str(outcome))
    yield from nothing_made(here)


def check_saved(here: Stage, outcome: Outcome, scene: Scene) -> Iterator[str]:
    """Everything but the flags."""
    doomed = reading.doomed_disks(here)
    if not isinstance(outcome, dict) or outcome["outcome"] != "done":
        yield describe(outcome)
    elif outcome["retained_disks"] != doomed:
        yield f"retained_disks: {outcome['retained_disks']} instead of {doomed}"
    end = released_end(here, scene)
    flags = [f"DeleteWithInstance of {disk} is False" for disk in reading.source_disks(here) if disk in doomed]
    every = {disk["DiskId"]: False for disk in proof.disks(here.before, SOURCE)}
    yield from differences(here, {**end, "shortcomings": end["shortcomings"] + flags, "DeleteWithInstance": every})


def check_complete(here: Stage, outcome: Outcome, scene: Scene) -> Iterator[str]:
    """Everything."""
    if not isinstance(outcome, dict) or outcome["outcome"] != "done":
        yield describe(outcome)
    yield from differences(here, released_end(here, scene))


def check_not_returned(here: Stage, outcome: Outcome, scene: Scene) -> Iterator[str]:
    """A replacement in no group: without an image nothing else is worth waiting for, so it is launched first."""
    if not isinstance(outcome, RescueIncomplete) or "was not searched before" not in str(outcome):
        yield describe(outcome)
    end = released_end(here, scene)
    groups = {
        group: [member for member in members if member[0] != "replacement"] for group, members in end["groups"].items()
    }
    yield from differences(here, {**end, "groups": groups, "shortcomings": here.shortcomings()})


def released_end(here: Stage, scene: Scene) -> dict[str, Any]:
    """The end state of an undisturbed rescue, after the release."""
    end, doomed = reference(scene).end, reading.doomed_disks(here)
    return {
        **end,
        "instances": [instance for instance in end["instances"] if instance[0] != SOURCE],
        "DeleteWithInstance": {one: flag for one, flag in end["DeleteWithInstance"].items() if one not in doomed},
    }


def nothing_made(here: Stage) -> list[str]:
    """What a rescue has made although it could not."""
    made = [*reading.images(here), *reading.replacements(here), *here.state["ecs"]["snapshots"]]
    return [f"{item} was made" for item in made]


def not_as_configured(here: Stage) -> list[str]:
    """The disks that are there although they should have gone with the source, or the other way round."""
    left, doomed = reading.source_disks(here), reading.doomed_disks(here)
    return [
        f"{disk['DiskId']} {'exists' if disk['DiskId'] in left else 'is gone'}"
        for disk in proof.disks(here.before, SOURCE)
        if (disk["DiskId"] in left) == (disk["DiskId"] in doomed)
    ]


CHECKS: dict[End, Callable[[Stage, Outcome, Scene], Iterator[str]]] = {
    End.NOT_BEGUN: check_not_begun,
    End.LOST: check_lost,
    End.LOST_BUT_DISKS: check_lost_but_disks,
    End.SAVED: check_saved,
    End.COMPLETE: check_complete,
    End.NOT_RETURNED: check_not_returned,
}


@pytest.mark.parametrize("most", [pytest.param(12, id="sample"), pytest.param(600, id="many", marks=pytest.mark.full)])
def test_the_redelivery_dies_too(most: int) -> None:
    """Two deliveries die, at any pair of calls; the third one comes to the end state of an undisturbed rescue."""
    scene, wrong = SCENES["plain"], {}
    numbers = range(1, len(reference(scene).calls) + 1)
    for first, second, one, other in sample(product(numbers, numbers, EFFECTS, EFFECTS), most):
        here = killed(scene.stage(), first, one)
        disturb(here, second, other)
        attempt(here, "dies, or is finished before")
        reading.heal(here)
        outcome = attempt(here)
        problems = [
            *([] if isinstance(outcome, dict) else [describe(outcome)]),
            *differences(here, reference(scene).end),
        ]
        problems += spoiled(here, outcome)
        if problems:
            wrong[f"{point(scene, first, one)}, then {other} call {second}"] = problems
    assert not wrong, listed(wrong)


def test_the_replacement_of_a_dead_call_is_adopted() -> None:
    """Stock comes back on the first rung after a call died on the second: what it launched there stays."""
    settings = {"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": "ecs.g6.large"}
    here = Scene("sold out", settings=settings, changes={"sold_out": True}).stage()
    reading.fault(here, "RunInstances", "kill-after", skip=1)
    assert isinstance(attempt(here, "dies"), Killed)
    launched = [item["InstanceId"] for item in reading.replacements(here)]
    here.cloud.ecs.stock[here.fleet.spec.zone_id, here.fleet.spec.instance_type, "spot"] = None
    answer = here.deliver()
    assert launched == [answer["replacement_id"]]
    assert here.shortcomings() == []
    assert here.calls("DeleteInstance") == []
