"""Interrupted in stop mode: drained and stopped under the lock; when it runs again it serves with its old weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from simulator import fleet, proof
from spotkeeper.errors import RescueFailed
from tests.rescue.reading import records
from tests.rescue.stage import SOURCE, event
from tests.state_change.stage import BOOTING, StateStage, reclaimed, stage, start_by_hand


def serves(here: StateStage, weight: int = 80) -> bool:
    """Whether the source runs and every group is as before its interruption."""
    return here.status == "Running" and here.weights() == [weight, weight]


def operator(here: StateStage) -> None:
    """Somebody starts it; the platform's event tells."""
    start_by_hand(here)
    here.finishes()


def sweep_sees_it_run(here: StateStage) -> None:
    """It was started, and the event of that got lost."""
    start_by_hand(here)
    assert here.sweep()["handed_back"] == [f"{SOURCE}/running-{max(episodes(here))}"]


def episodes(here: StateStage) -> list[int]:
    """The numbers of the source's episodes."""
    return [number for number in range(1, 5) if records(here, number)]


WAYS: dict[str, Callable[[StateStage], object]] = {
    "the operator starts it": operator,
    "the event of its stop comes again": StateStage.finishes,
    "the sweep restarts it": StateStage.sweep,
    "the sweep sees it run": sweep_sees_it_run,
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


@each_way
def test_it_runs_again(way: Callable[[StateStage], object]) -> None:
    """However it is started: its old weights are back, the episode is closed, and a repeated event writes nothing."""
    here = reclaimed(BOOTING)
    way(here)
    assert serves(here)
    done = records(here)["done"]
    assert done["answer"]["outcome"] == "done"
    assert [member["weight"] for member in done["answer"]["memberships"]] == [80, 80]
    before = here.state
    repeated = here.deliver(here.event("Running", float(done["at"]) - 1))
    assert (repeated["outcome"], repeated["reason"]) == (
        "done",
        f"{done['answer']['reason']} (finished by an earlier call)",
    )
    here.sweep()
    here.advance(60)
    assert here.changed("Running")["outcome"] == "skipped"
    assert proof.untouched(before, here.state) == []


@each_way
def test_twice_in_a_row(way: Callable[[StateStage], object]) -> None:
    """A second interruption opens the second episode, with the weights of that time."""
    here = reclaimed()
    way(here)
    here.advance(7200)
    for balancer in here.cloud.slb.load_balancers.values():
        for group in balancer.groups:
            for member in group:
                member.weight = 55 if member.server_id == SOURCE else member.weight
    here.interrupt()
    assert here.weights() == [0, 0]
    here.advance(301)
    assert here.changed("Stopped")["outcome"] == "skipped"
    here.cloud.ecs.capacity_back(SOURCE)
    here.sent = here.event("Stopped")
    way(here)
    assert serves(here, 55)
    assert (episodes(here), "done" in records(here, 2)) == ([1, 2], True)
    assert [member["weight"] for member in records(here)["memberships"]["memberships"]] == [80, 80]


def test_left_alone_under_the_lock() -> None:
    """Stopped, or running until it is stopped: nothing is started or put back while the lock lasts.

    Where it runs, the sweep has its weights looked at.
    """
    here = reclaimed(returned=False)
    here.cloud.fc.register(
        "spotkeeper-interruption", lambda payload: here.invoke("interruption", payload, name="swept")
    )
    before = here.state
    assert "Recycling" in here.deliver()["reason"]
    here.sweep()
    here.runs()
    assert "Recycling" in here.changed("Running")["reason"]
    here.sweep()
    here.cloud.ecs.instances[SOURCE].status = "Stopped"
    assert proof.untouched({**before, "fc": 0}, {**here.state, "fc": 0}) == []
    assert here.handed_over == []


def test_not_put_back_before_it_was_stopped() -> None:
    """An old event of its launch comes while it is being drained: it is about to be stopped."""
    here = stage(spot_interruption_behavior="Stop")
    early = here.event("Running")
    here.advance(5)
    here.interrupt()
    here.cloud.ecs.instances[SOURCE].locks.clear()
    assert "notice is not over" in here.deliver(early)["reason"]
    here.sweep()
    assert here.handed_over == []
    assert here.weights() == [0, 0]
    assert "done" not in records(here)


def test_an_interruption_that_was_withdrawn() -> None:
    """The lock went and it was never stopped: after the notice the sweep has it put back."""
    here = stage(spot_interruption_behavior="Stop")
    here.interrupt()
    here.cloud.ecs.capacity_back(SOURCE)
    here.advance(301)
    start_by_hand(here)
    here.sweep()
    assert serves(here)


def test_without_the_restart_tag() -> None:
    """Only its operator starts it; its weights come back all the same."""
    here = reclaimed(tags=fleet.MANAGED_TAG)
    assert here.deliver()["outcome"] == "skipped"
    here.sweep()
    assert here.status == "Stopped"
    operator(here)
    assert serves(here)
    assert here.restarts() == {}


def test_places_that_somebody_has_removed() -> None:
    """It is added where it is missing; the neighbours stay as they are."""
    here = reclaimed()
    before = neighbours(here)
    for group in here.fleet.load_balancer.groups:
        group.drop_server(SOURCE)
    here.deliver()
    assert serves(here)
    assert neighbours(here) == before


def neighbours(here: StateStage) -> list[tuple[Any, ...]]:
    """The other members of the source's groups."""
    return [member for members in proof.memberships(here.state).values() for member in members if member[0] != SOURCE]


def test_a_group_that_was_deleted() -> None:
    """The rest is put back, and the answer names what could not be."""
    here = reclaimed()
    here.fleet.load_balancer.vserver_groups.clear()
    (warning,) = here.finishes()["warnings"]
    assert here.weights() == [80]
    assert "was deleted meanwhile" in warning


def test_behind_no_load_balancer() -> None:
    """There is nothing to put back, but the episode is closed."""
    here = stage(spot_interruption_behavior="Stop")
    for group in here.fleet.load_balancer.groups:
        group.drop_server(SOURCE)
    here.interrupt()
    here.advance(301)
    here.cloud.ecs.capacity_back(SOURCE)
    start_by_hand(here)
    here.finishes()
    assert "done" in records(here)


def test_a_write_that_never_shows() -> None:
    """The list is believed, not the answer: after a few tries it raises and says what to set by hand."""
    here = reclaimed()
    here.meanwhile("DescribeLoadBalancerAttribute", lambda: back_to_0(here))
    here.fails(RescueFailed, match="by hand to 80")
    here.cloud.faults.added.clear()
    here.finishes()
    assert serves(here)


def back_to_0(here: StateStage) -> None:
    """The source's weight in the default group falls back to 0."""
    for member in here.fleet.load_balancer.default_group:
        member.weight = 0 if member.server_id == SOURCE else member.weight


def test_a_dry_run() -> None:
    """The plan goes on to the groups; nothing is written."""
    here = reclaimed()
    before = here.state
    answer = here.deliver(SPOTKEEPER_DRY_RUN="true")
    assert [item.partition(" (")[0] for item in answer["plan"]] == [
        "start the instance",
        "wait until it is running",
        "record that it ran again",
        "return to the groups",
        "close the episode",
    ]
    start_by_hand(here)
    assert [item.partition(" (")[0] for item in here.deliver(SPOTKEEPER_DRY_RUN="true")["plan"]] == [
        "return to the groups",
        "close the episode",
    ]
    assert before["oss"] == here.state["oss"]
    assert before["slb"] == here.state["slb"]


def test_the_rescues_own_event_after_all() -> None:
    """A late duplicate of the interruption finds the episode closed and drains nothing again."""
    here = reclaimed()
    sent = here.event("Running", here.cloud.now() - here.fleet.spec.notice - 1)
    operator(here)
    late = event(eventTime=json.loads(sent)["eventTime"])
    with here.playing():
        assert here.invoke("interruption", late, name="late")["outcome"] == "skipped"
    assert serves(here)


def test_a_held_instance_that_runs_again() -> None:
    """The tag forbids changes: no call puts it back before the tag is gone, not even the sweep."""
    here = reclaimed()
    tags = here.cloud.ecs.instances[SOURCE].tags
    tags.set("spotkeeper:hold", "", here.cloud.now())
    start_by_hand(here)
    assert here.deliver()["outcome"] == "skipped"
    assert here.sweep()["handed_back"] == []
    assert serves(here, weight=0)
    tags.set("spotkeeper:hold", None, here.cloud.now())
    here.advance(60)
    sweep_sees_it_run(here)
    assert serves(here)


@pytest.mark.parametrize("tag", ["acs:autoscaling:scalingGroupId", "ack.aliyun.com"])
@pytest.mark.parametrize("kept", [True, False], ids=["still tagged", "recorded only"])
def test_left_to_its_maker(tag: str, *, kept: bool) -> None:
    """Auto Scaling and ACK put their instances back themselves: no group changes, and the rescue is closed."""
    here = reclaimed(tags={**fleet.MANAGED_TAG, tag: "made-it"})
    here.fleet.vserver_group.drop_server(SOURCE)
    if not kept:
        here.cloud.ecs.instances[SOURCE].tags.set(tag, None, here.cloud.now())
    before = here.state["slb"]
    start_by_hand(here)
    answer = here.deliver()
    assert (answer["outcome"], "its 2 memberships are left to" in answer["reason"]) == ("done", True)
    assert here.state["slb"] == before
    assert "done" in records(here)
