"""The function dies at any of its API calls, and the event comes again only after the release.

Deaths after which somebody comes while the source stands are played by chaos, at every call.
"""

from __future__ import annotations

from collections.abc import Callable
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
    SAMPLE_OR_ALL,
    SCENES,
    Outcome,
    Scene,
    attempt,
    describe,
    differences,
    disturb,
    reference,
    sample,
    spoiled,
)

EFFECTS = ("kill-before", "kill-after")


def kill_points(scene: Scene, most: int | None) -> list[tuple[int, str]]:
    """Call number and effect. The flags are back but the episode is not closed at the last but one: always in."""
    every = list(product(range(1, len(reference(scene).calls) + 1), EFFECTS))
    return every if most is None else [every[-2], *sample(every[:-2], most - 1)]


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


@pytest.mark.parametrize("most", SAMPLE_OR_ALL)
@pytest.mark.parametrize("name", AFTER_THE_RELEASE)
def test_redelivery_after_the_release(name: str, most: int | None) -> None:
    """The end state is that of the table; no data is lost from the moment on when the disks are retained."""
    scene, table, wrong, seen = SCENES[name], AFTER_THE_RELEASE[name], [], set()
    for number, effect in kill_points(scene, most):
        here = scene()
        disturb(here, number, effect)
        assert isinstance(attempt(here, "dies"), Killed)
        far = reached(here, name)
        problems = data_lost(here, far)
        here.pass_notice()
        problems += data_lost(here, far)
        outcome = attempt(here)
        problems += [*wrong_with(table[far], here, outcome, scene), *data_lost(here, far), *spoiled(here, outcome)]
        seen.add(far)
        where = f"{effect} call {number} ({reference(scene).calls[number - 1].action}): {far.value}"
        wrong += [f"{where}: {problem}" for problem in problems]
    assert wrong == []
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


def nothing_made(here: Stage) -> list[str]:
    """Resources that a rescue has made although it could not."""
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


def answered(word: str) -> Callable[[Outcome], bool]:
    """Whether a delivery came to an answer with this outcome."""
    return lambda outcome: isinstance(outcome, dict) and outcome["outcome"] == word


def lost(outcome: Outcome) -> bool:
    """Whether it came to a loss."""
    return isinstance(outcome, RescueLost)


RIGHT: dict[End, Callable[[Outcome], bool]] = {
    End.NOT_BEGUN: answered("skipped"),
    End.LOST: lost,
    End.LOST_BUT_DISKS: lost,
    End.SAVED: answered("done"),
    End.COMPLETE: answered("done"),
    End.NOT_RETURNED: lambda it: isinstance(it, RescueIncomplete) and "was not searched before" in str(it),
}
"""What a delivery comes to at each end."""


def wrong_with(end: End, here: Stage, outcome: Outcome, scene: Scene) -> list[str]:
    """The differences of the cloud and of the delivery's outcome from that end."""
    told = [] if RIGHT[end](outcome) else [describe(outcome)]
    doomed = reading.doomed_disks(here)
    if end in (End.NOT_BEGUN, End.LOST):
        named = [f"{disk} is gone, but named: {outcome}" for disk in doomed if disk in str(outcome)]
        return [*told, *named, *nothing_made(here), *not_as_configured(here)]
    if end is End.LOST_BUT_DISKS:
        named = [f"{disk} is not named: {outcome}" for disk in doomed if disk not in str(outcome)]
        return [*told, *named, *nothing_made(here)]
    if end is End.SAVED and isinstance(outcome, dict) and outcome["retained_disks"] != doomed:
        told.append(f"retained_disks: {outcome['retained_disks']} instead of {doomed}")
    return [*told, *differences(here, released_end(end, here, scene))]


def released_end(end: End, here: Stage, scene: Scene) -> dict[str, Any]:
    """The end state of an undisturbed rescue, after the release, but for what this end lacks."""
    whole, doomed = reference(scene).end, reading.doomed_disks(here)
    expected = {
        **whole,
        "instances": [instance for instance in whole["instances"] if instance[0] != SOURCE],
        "DeleteWithInstance": {one: flag for one, flag in whole["DeleteWithInstance"].items() if one not in doomed},
    }
    if end is End.SAVED:
        flags = [f"DeleteWithInstance of {disk} is False" for disk in reading.source_disks(here) if disk in doomed]
        expected["shortcomings"] = whole["shortcomings"] + flags
        expected["DeleteWithInstance"] = {disk["DiskId"]: False for disk in proof.disks(here.before, SOURCE)}
    if end is End.NOT_RETURNED:  # a replacement in no group: it is launched first where no image is waited for
        groups = whole["groups"].items()
        expected["groups"] = {name: [one for one in members if one[0] != "replacement"] for name, members in groups}
        expected["shortcomings"] = here.shortcomings()
    return expected
