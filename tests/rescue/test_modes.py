"""Each kind of rescue: plain, Auto Scaling and ACK members, stop mode, relaunch, stopping the source, user data."""

from __future__ import annotations

from dataclasses import replace

import pytest

from simulator import proof
from simulator.ecs import Timings
from tests.rescue.reading import fault, images, places, records, replacements, source_stands
from tests.rescue.stage import REALISTIC, SOURCE, Stage, event, stage

MADE = (
    {"acs:autoscaling:scalingGroupId": "asg-bp1"},
    {"ack.aliyun.com": "c1"},
)


def test_plain_rescue() -> None:
    """One delivery: image, replacement, memberships, flags; in at most 32 API calls."""
    here = stage()
    here.rescues()
    assert len(here.calls()) <= 32


def test_three_deliveries() -> None:
    """The same event three times in a row: as once, and the repeats write nothing."""
    here = stage()
    first = here.rescues()
    with here.writes_nothing():
        for _ in range(2):
            assert here.finishes()["replacement_id"] == first["replacement_id"]


@pytest.mark.parametrize("tags", MADE)
@pytest.mark.parametrize("relaunch", ["from-image", "at-once", "none"])
def test_what_others_made(tags: dict[str, str], relaunch: str) -> None:
    """Drained, imaged, out of the groups, and never relaunched: its maker does that."""
    here = stage(REALISTIC, {"SPOTKEEPER_RELAUNCH": relaunch}, tags={"spotkeeper:managed": "true", **tags})
    answer = here.finishes()
    assert "replacement_id" not in answer
    assert answer["image_id"] == images(here)[0]["ImageId"]
    assert replacements(here) == []
    assert places(here, SOURCE) == 0
    assert proof.flags_not_restored(here.before, here.state, SOURCE) == []
    here.pass_notice()
    with here.writes_nothing():
        here.finishes()


def test_stop_mode_is_drained_and_remembered() -> None:
    """Weight 0 everywhere, memberships in the journal, no image, no relaunch, no flag changed, nothing removed."""
    here = stage(spot_interruption_behavior="Stop")
    answer = here.finishes()
    assert len(answer["memberships"]) == 2
    assert {member["weight"] for member in answer["memberships"]} == {80}
    weights = [
        member[2] for members in proof.memberships(here.state).values() for member in members if member[0] == SOURCE
    ]
    assert weights == [0, 0]
    assert [member["weight"] for member in records(here)["memberships"]["memberships"]] == [80, 80]
    assert images(here) == replacements(here) == []
    assert here.state["ecs"] == here.before["ecs"]
    assert here.calls("ModifyDiskAttribute") == []


def test_stop_mode_and_a_second_interruption() -> None:
    """A repeated event, or a later one before the first episode is closed, does not take the weights 0 for the real."""
    here = stage(spot_interruption_behavior="Stop")
    here.deliver()
    clouds = {part: here.state[part] for part in ("ecs", "slb")}
    here.finishes()
    assert {part: here.state[part] for part in ("ecs", "slb")} == clouds
    here.pass_notice()
    here.deliver(event(eventTime="20190409T150000.000+0800", id="another"))
    assert records(here, 2) == {}
    assert [member["weight"] for member in records(here)["memberships"]["memberships"]] == [80, 80]


def test_relaunch_none() -> None:
    """Drained, imaged and out of the groups: done without a replacement, with the memberships for somebody else."""
    here = stage(REALISTIC, {"SPOTKEEPER_RELAUNCH": "none"})
    answer = here.finishes()
    assert "replacement_id" not in answer
    assert [member["weight"] for member in answer["memberships"]] == [80, 80]
    assert replacements(here) == []
    assert len(images(here)) == 1
    assert places(here, SOURCE) == 0
    assert proof.flags_not_restored(here.before, here.state, SOURCE) == []


def test_relaunch_at_once() -> None:
    """No image and no flags: the replacement runs the source's own image and serves before the drain begins."""
    here = stage(REALISTIC, {"SPOTKEEPER_RELAUNCH": "at-once"})
    answer = here.deliver()
    new = replacements(here)[0]
    assert answer["outcome"] == "done"
    assert "image_id" not in answer
    assert images(here) == []
    assert new["ImageId"] == here.fleet.source.image_id
    assert here.calls("ModifyDiskAttribute") == []
    assert proof.memberships_wrong(here.before, here.state, SOURCE, new["InstanceId"]) == []
    assert proof.not_like_source(here.before, here.state, SOURCE, new) == []
    added, drained = here.calls("AddVServerGroupBackendServers")[0], here.calls("SetBackendServers")[0]
    assert added.number < drained.number
    assert answer["margin_seconds"] == pytest.approx(here.before["now"] - 1 + 300 - added.at, abs=0.001)


def test_relaunch_at_once_of_a_source_that_is_gone() -> None:
    """The records in the journal are enough to finish after the release."""
    here = stage(Timings(boot=100), {"SPOTKEEPER_RELAUNCH": "at-once"}, timeout=30)
    here.fails(Exception, match="next goes on")
    here.pass_notice()
    here.timeout = 900
    here.finishes()
    assert [places(here, item["InstanceId"]) for item in replacements(here)] == [2]


def watch(here: Stage) -> list[tuple[float, str, list[str]]]:
    """At each call: the time, the source's status, and those of the replacements."""
    seen: list[tuple[float, str, list[str]]] = []

    def look(_: object, __: str) -> None:
        here.cloud.progress()
        source = here.cloud.ecs.instances.get(SOURCE)
        known = proof.ids(here.before)
        others = [one.status for name, one in here.cloud.ecs.instances.items() if name not in known]
        seen.append((here.cloud.now(), source.status if source else "gone", others))

    with here.playing(look):
        here.call()
    look(None, "")
    return seen


@pytest.mark.parametrize("setting", ["before-image", "before-relaunch"])
def test_a_stopped_source_never_runs_beside_its_replacement(setting: str) -> None:
    """Over the whole rescue the two are never up at once, and the end state is the same as without."""
    here = stage(REALISTIC, {"SPOTKEEPER_STOP_SOURCE": setting})
    seen = watch(here)
    assert any(others for _, _, others in seen)
    assert [item for item in seen if item[1] in {"Running", "Stopping"} and item[2]] == []
    assert here.shortcomings() == []


def test_before_image_the_image_is_of_a_stopped_source() -> None:
    """CreateImage comes once the instance is Stopped: consistent file systems."""
    here = stage(REALISTIC, {"SPOTKEEPER_STOP_SOURCE": "before-image"})
    seen = watch(here)
    number = next(index for index, one in enumerate(here.cloud.calls) if one.action == "CreateImage")
    assert seen[number][1] == "Stopped"
    assert places(here, SOURCE) == 0


def test_before_relaunch_the_snapshots_come_first() -> None:
    """Stopping disturbs a snapshot in creation: StopInstance comes when all of them are accomplished."""
    here = stage(REALISTIC, {"SPOTKEEPER_STOP_SOURCE": "before-relaunch"})
    answer = here.deliver()
    stop, image = here.calls("StopInstance")[0].at, here.calls("CreateImage")[0].at
    assert stop - image >= REALISTIC.snapshot
    assert answer["overlap_seconds"] == 0


def test_slow_snapshots_of_a_source_that_is_not_released_are_not_polled_each_second() -> None:
    """Many rescues share the account's quota of Describe calls."""
    settings = {"SPOTKEEPER_STOP_SOURCE": "before-relaunch", "SPOTKEEPER_REQUIRE_RECYCLING_LOCK": "false"}
    here = stage(replace(REALISTIC, snapshot=1200), settings, timeout=1800, locked=False)
    here.finishes()
    assert here.cloud.now() - here.before["now"] < 1200 + 70
    assert len(here.calls("DescribeSnapshots")) <= 150
    assert len(here.calls("DescribeInstances")) <= 150


def test_never_both_run_and_the_overlap_is_told() -> None:
    """Without stopping, ``overlap_seconds`` is how long both have run so far."""
    here = stage(REALISTIC)
    answer = here.deliver()
    assert here.calls("StopInstance") == []
    running = records(here)["running"]["at"]
    assert answer["overlap_seconds"] == pytest.approx(records(here)["done"]["at"] - running, abs=0.01)
    assert source_stands(here)


def test_user_data_drop() -> None:
    """SPOTKEEPER_USER_DATA=drop launches without it; everything else is the same."""
    here = stage(settings={"SPOTKEEPER_USER_DATA": "drop"})
    here.deliver()
    assert replacements(here)[0]["UserData"] == ""
    assert [text for text in here.shortcomings() if not text.startswith("UserData")] == []


def test_weight_0_of_an_instance_in_stop_mode_that_serves_again() -> None:
    """A group refuses until after the instance is back: its weight is left alone."""
    here = stage(spot_interruption_behavior="Stop", timeout=1800)
    group = here.fleet.vserver_group
    start = here.before["now"]
    fault(here, "SetVServerGroupAttribute", "code:ServiceIsConfiguring", times=None, until=start + 600.0)

    def comes_back() -> None:
        if here.cloud.now() > start + 420.0:
            here.cloud.progress()
            here.cloud.ecs.capacity_back(SOURCE)
            here.cloud.ecs.instances[SOURCE].status = "Running"

    here.meanwhile("*", comes_back)
    assert here.deliver()["outcome"] == "skipped"
    assert next(member.weight for member in group.members if member.server_id == SOURCE) > 0
