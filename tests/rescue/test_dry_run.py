"""SPOTKEEPER_DRY_RUN: everything is read, nothing is written, and the plan is exact."""

from __future__ import annotations

from typing import Any

import pytest

from simulator import proof
from simulator.ecs import Timings
from spotkeeper.errors import DeadlineReached
from tests.rescue.stage import Stage, stage

OPEN = "open the episode (later calls need the record of this rescue)"
RETAIN = "retain the disks (a retained disk outlives the instance)"
REMEMBER = "record the launch spec (the launch spec can be read only while the source exists)"
DRAIN = "weight 0: default group of {lb}, {group} (the source must get no new requests)"
WAIT_DRAIN = "let in-flight requests finish (in-flight requests need time to finish)"
IMAGE = "make the image (an image saves the data of all disks)"
REMOVE = "remove the source from the groups: default group of {lb}, {group} (the source must be in no group)"
WAIT_IMAGE = "wait for the image (only a usable image can start an instance)"
STOP_EARLY = "stop the source (SPOTKEEPER_STOP_SOURCE requires it)"
SNAPSHOTS = "wait for the snapshots (a stop would disturb a snapshot in creation)"
STOP_LATE = "stop the source (SPOTKEEPER_STOP_SOURCE requires it)"
LAUNCH = (
    "launch the replacement: spot ecs.g7.large in vsw-bp1fleet000000000000h, then on-demand ecs.g7.large in "
    "vsw-bp1fleet000000000000h (the source needs a replacement)"
)
WAIT_RUNNING = "wait for the replacement (only a running instance can join a group)"
RETURN = (
    "add the replacement to the groups: default group of {lb}, {group} (the replacement takes over the memberships)"
)
HEALTH = "read the health status (the answer reports the health of the replacement)"
STRAYS = "look for duplicate replacements (only one replacement may stay)"
RESTORE = "restore the disk flags (the disk flags are restored once every snapshot is complete)"
CLOSE = "close the episode (no other step is due)"
LEAVE = "leave the rest to state_change (no other step is due)"

SAVE = [OPEN, RETAIN, REMEMBER, DRAIN, WAIT_DRAIN]
RELAUNCH = [LAUNCH, WAIT_RUNNING, RETURN, HEALTH, STRAYS]
PLANS: dict[str, tuple[dict[str, str], dict[str, Any], list[str]]] = {
    "from-image": ({}, {}, [*SAVE, IMAGE, REMOVE, WAIT_IMAGE, *RELAUNCH, RESTORE, CLOSE]),
    "at-once": (
        {"SPOTKEEPER_RELAUNCH": "at-once"},
        {},
        [OPEN, REMEMBER, LAUNCH, WAIT_RUNNING, RETURN, DRAIN, WAIT_DRAIN, REMOVE, HEALTH, STRAYS, CLOSE],
    ),
    "none": ({"SPOTKEEPER_RELAUNCH": "none"}, {}, [*SAVE, IMAGE, REMOVE, WAIT_IMAGE, RESTORE, CLOSE]),
    "before-image": (
        {"SPOTKEEPER_STOP_SOURCE": "before-image"},
        {},
        [*SAVE, REMOVE, STOP_EARLY, IMAGE, WAIT_IMAGE, *RELAUNCH, RESTORE, CLOSE],
    ),
    "before-relaunch": (
        {"SPOTKEEPER_STOP_SOURCE": "before-relaunch"},
        {},
        [*SAVE, IMAGE, REMOVE, WAIT_IMAGE, SNAPSHOTS, STOP_LATE, *RELAUNCH, RESTORE, CLOSE],
    ),
    "retain never": (
        {"SPOTKEEPER_RETAIN_DISKS": "never"},
        {},
        [OPEN, REMEMBER, DRAIN, WAIT_DRAIN, IMAGE, REMOVE, WAIT_IMAGE, *RELAUNCH, CLOSE],
    ),
    "stop mode": ({}, {"spot_interruption_behavior": "Stop"}, [OPEN, DRAIN, LEAVE]),
    "Auto Scaling": (
        {},
        {"tags": {"spotkeeper:managed": "true", "acs:autoscaling:scalingGroupId": "asg-1"}},
        [*SAVE, IMAGE, REMOVE, WAIT_IMAGE, RESTORE, CLOSE],
    ),
}


def filled(here: Stage, lines: list[str]) -> list[str]:
    """The lines with this stage's ids."""
    lb, group = here.fleet.load_balancer.id, here.fleet.vserver_group.id
    return [line.format(lb=lb, group=group) for line in lines]


def dry(here: Stage) -> dict[str, Any]:
    """Run dry; the answer, once it is sure that nothing was written, the journal included."""
    written = here.writes()
    here.settings["SPOTKEEPER_DRY_RUN"] = "true"
    answer = here.deliver()
    del here.settings["SPOTKEEPER_DRY_RUN"]
    assert answer["outcome"] == "skipped"
    assert here.writes() == written
    assert proof.untouched(here.before, here.state) == []
    return answer


@pytest.mark.parametrize("mode", PLANS)
def test_the_plan_word_for_word(mode: str) -> None:
    """The steps of each kind of rescue, in order, with their reasons and what they would touch."""
    settings, changes, plan = PLANS[mode]
    here = stage(settings=settings, **changes)
    assert dry(here)["plan"] == filled(here, plan)


def test_the_plan_comes_true() -> None:
    """A rescue that follows takes exactly the planned steps, apart from those that only read."""
    here = stage()
    planned = [line.partition(" (")[0].partition(":")[0] for line in dry(here)["plan"]]
    taken = [entry["step"] for entry in here.deliver()["timeline"]]
    assert [step for step in taken if step in planned] == planned
    assert set(taken) - set(planned) == {"look at the source", "read the journal", "find the memberships"}


@pytest.mark.parametrize(("locked", "words"), [(True, "is under"), (False, "is not under")])
def test_the_lock_is_reported_not_demanded(locked: bool, words: str) -> None:  # noqa: FBT001 - a row of a table
    """A dry run of a healthy instance shows its plan at once and says how the lock stands."""
    here = stage(locked=locked)
    answer = dry(here)
    assert words in answer["reason"]
    assert answer["plan"]
    assert here.cloud.now() == here.before["now"]


def test_the_options_in_the_plan() -> None:
    """Every option is listed in its order."""
    here = stage(
        settings={"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": "ecs.c7.large", "SPOTKEEPER_FALLBACK_ON_DEMAND": "false"}
    )
    launch = next(line for line in dry(here)["plan"] if line.startswith("launch"))
    assert "spot ecs.g7.large in vsw-bp1fleet000000000000h, then spot ecs.c7.large in" in launch
    assert "on-demand" not in launch


def test_guarded_like_a_real_one() -> None:
    """What a real run would skip has no plan."""
    assert "plan" not in dry(stage(spot=False))
    assert "plan" not in dry(stage(tags={}))


def test_a_dry_run_in_the_middle_of_a_rescue() -> None:
    """What an earlier call has done is not planned again."""
    here = stage(Timings(boot=300), timeout=60)
    with pytest.raises(DeadlineReached):
        here.deliver()
    here.before = here.cloud.state()
    plan = dry(here)["plan"]
    assert plan
    assert not any(line.startswith(("launch", "make the image", "retain", "record")) for line in plan)
