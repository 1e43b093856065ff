"""SPOTKEEPER_DRY_RUN: everything is read, nothing is written, and the plan is exact."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.ecs import Timings
from spotkeeper.errors import CloudError, DeadlineReached
from tests.rescue.reading import fault, skipped
from tests.rescue.stage import REALISTIC, Stage, stage

PLAN = [
    "open the episode (later calls need the record of this rescue)",
    "retain the disks (a retained disk outlives the instance)",
    "record the launch spec (the launch spec can be read only while the source exists)",
    "weight 0: default group of {lb}, {group} (the source must get no new requests)",
    "let in-flight requests finish (in-flight requests need time to finish)",
    "make the image (an image saves the data of all disks)",
    "remove the source from the groups: default group of {lb}, {group} (the source must be in no group)",
    "wait for the image (only a usable image can start an instance)",
    "launch the replacement: spot {kind} in {place}, then on-demand {kind} in {place} (the source needs a replacement)",
    "wait for the replacement (only a running instance can join a group)",
    "add the replacement to the groups: default group of {lb}, {group} (the replacement takes over the memberships)",
    "read the health status (the answer reports the health of the replacement)",
    "look for duplicate replacements (only one replacement may stay)",
    "restore the disk flags (the disk flags are restored once every snapshot is complete)",
    "close the episode (no other step is due)",
]
"""Of a rescue from an image, word for word."""
MODES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "from-image": ({}, {}),
    "at-once": ({"SPOTKEEPER_RELAUNCH": "at-once"}, {}),
    "none": ({"SPOTKEEPER_RELAUNCH": "none"}, {}),
    "before-image": ({"SPOTKEEPER_STOP_SOURCE": "before-image"}, {}),
    "before-relaunch": ({"SPOTKEEPER_STOP_SOURCE": "before-relaunch"}, {}),
    "retain never": ({"SPOTKEEPER_RETAIN_DISKS": "never"}, {}),
    "stop mode": ({}, {"spot_interruption_behavior": "Stop"}),
    "Auto Scaling": ({}, {"tags": {"spotkeeper:managed": "true", "acs:autoscaling:scalingGroupId": "asg-1"}}),
}
LOOKS = {"look at the source", "read the journal", "look for the image", "find the memberships"}
LEFT = "leave the rest to state_change"
"""Stop mode ends with it; the timeline has no entry of its own for that."""


def dry(here: Stage) -> dict[str, Any]:
    """The answer of a dry run, once it is sure that nothing was written, the journal included."""
    return skipped(here, SPOTKEEPER_DRY_RUN="true")


def test_the_plan_word_for_word() -> None:
    """The steps in order, with their reasons and what they would touch."""
    here = stage()
    groups = {"lb": here.fleet.load_balancer.id, "group": here.fleet.vserver_group.id}
    option = {"kind": here.fleet.spec.instance_type, "place": here.fleet.spec.vswitch_id}
    assert dry(here)["plan"] == [line.format(**groups, **option) for line in PLAN]


@pytest.mark.parametrize("mode", MODES)
def test_the_plan_comes_true(mode: str) -> None:
    """A rescue that follows takes exactly the planned steps, apart from those that only look."""
    settings, changes = MODES[mode]
    here = stage(settings=settings, **changes)
    planned = [line.partition(" (")[0].partition(":")[0] for line in dry(here)["plan"]]
    taken = [entry["step"] for entry in here.deliver()["timeline"]]
    assert [step for step in taken if step not in LOOKS] == [step for step in planned if step != LEFT]


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


def test_the_memberships_of_the_plan_are_those_of_the_rescue() -> None:
    """With the same fields, so that one program can read both answers."""
    here = stage()
    planned = dry(here)["memberships"]
    assert len(planned) == 2
    assert here.rescues()["memberships"] == planned


def test_load_balancers_that_the_role_may_not_read() -> None:
    """A warning, as in a rescue."""
    here = stage()
    fault(here, "DescribeLoadBalancers", "code:Forbidden.RAM", times=None)
    answer = dry(here)
    assert any("CLB was not searched for memberships" in warning for warning in answer["warnings"])
    assert (answer["memberships"], any(line.startswith("launch") for line in answer["plan"])) == ([], True)


def test_a_dry_run_that_is_refused_in_the_middle_of_a_rescue() -> None:
    """It raises, and the sweep does not wait for it: nothing is written."""
    here = stage(REALISTIC, {"SPOTKEEPER_RELAUNCH": "none"}, timeout=60)
    here.fails(DeadlineReached)
    here.pass_notice()
    before = here.cloud.state()["oss"]
    fault(here, "DescribeImages", "code:Forbidden.RAM")
    here.fails(CloudError, match="Forbidden.RAM", SPOTKEEPER_DRY_RUN="true")
    assert here.cloud.state()["oss"] == before


def test_a_dry_run_in_the_middle_of_a_rescue() -> None:
    """What an earlier call has done is not planned again."""
    here = stage(Timings(boot=300), timeout=60)
    here.fails(DeadlineReached)
    plan = dry(here)["plan"]
    assert plan
    assert not any(line.startswith(("launch", "make the image", "retain", "record")) for line in plan)


@pytest.mark.parametrize("mode", ["from-image", "stop mode"])
def test_a_dry_run_of_a_finished_rescue(mode: str) -> None:
    """It is skipped like every dry run, with the answer of the rescue, and nothing is left to do."""
    settings, changes = MODES[mode]
    here = stage(settings=settings, **changes)
    done = here.deliver()
    answer = dry(here)
    assert answer["plan"] == []
    assert done["reason"] in answer["reason"]
    assert answer["memberships"] == done["memberships"]
