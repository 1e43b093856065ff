"""A rescue whose function died for good is finished by the sweep, and not before anybody else could still be at it."""

from __future__ import annotations

from typing import Any

import pytest

from spotkeeper.errors import BatchFailed, CloudError
from tests.rescue import reading
from tests.rescue.stage import READY, REALISTIC, SOURCE
from tests.rescue.walks import outcome_of
from tests.sweep.stage import DAY, MINUTE, PHASES, SweepStage, back_from_stop_mode, stage

LONG = 3600
"""A notice that outlives all four attempts and the deadline of the last."""
FLAG = "DeleteWithInstance of "

POINTS = [
    ("ModifyDiskAttribute", "kill-after", 4),
    ("CreateImage", "kill-before", 4),
    ("RunInstances", "kill-before", 4),
    ("RunInstances", "kill-after", 1),  # a second attempt adopts what the first launched
    ("AddVServerGroupBackendServers", "kill-before", 4),
    ("DescribeHealthStatus", "kill-after", 4),
]
"""Action, effect, and how many attempts Function Compute makes: each of them dies there."""
LATE = [point for point in POINTS if point[0][:3] in ("Run", "Add", "Des")]


def died(action: str, effect: str, attempts: int, **changes: Any) -> SweepStage:
    """The event arrived, and each attempt was killed at its first call of ``action``."""
    here = stage(**changes)
    here.dies_at(action, effect, attempts)
    return here


@pytest.mark.parametrize(("action", "effect", "attempts"), POINTS)
def test_while_the_source_stands(action: str, effect: str, attempts: int) -> None:
    """After the last attempt's deadline the sweep hands it over, once, and the rescue is complete."""
    here = died(action, effect, attempts, notice=LONG)
    assert [invocation.attempts for invocation in here.cloud.fc.finished] == [attempts]
    assert "done" not in reading.records(here)
    here.give_up()
    assert here.minutes(2)[0]["handed_over"] == [f"{SOURCE}/1"]
    assert reading.source_stands(here)
    assert here.shortcomings() == []
    assert here.handed_over == [SOURCE]


@pytest.mark.parametrize(("action", "effect", "attempts"), LATE)
def test_after_the_release(action: str, effect: str, attempts: int) -> None:
    """The image is all that is left of the source: it becomes the replacement, in the source's places."""
    here = died(action, effect, attempts)
    here.pass_notice()
    assert not reading.source_stands(here)
    here.give_up()
    here.minutes(2)
    # The flags cannot be put back on disks that were retained until the source was gone; the answer names them.
    assert [item for item in here.shortcomings() if not item.startswith(FLAG)] == []
    stays = [disk for disk in reading.doomed_disks(here) if disk in reading.source_disks(here)]
    assert reading.records(here)["done"]["answer"]["retained_disks"] == stays


@pytest.mark.parametrize(
    ("effect", "skip", "known"),
    [
        ("kill-before", 0, []),
        ("kill-after", 1, ["attempt-1"]),
        ("kill-after", 2, ["attempt-1", "event"]),
    ],
)
def test_a_death_at_the_first_records(effect: str, skip: int, known: list[str]) -> None:
    """Nothing but the lock tells of it, or nobody has left word of working on it: the next sweep hands it over."""
    here = stage()
    here.dies_at("PutObject", effect, skip=skip)
    assert list(reading.records(here)) == known
    here.minutes(1)
    assert here.shortcomings() == []


def test_a_rescue_that_never_began_of_an_instance_that_is_well() -> None:
    """Its only call died before the event, and the lock is gone: nobody is called, then or after a later release."""
    here = stage(notice=LONG)
    here.dies_at("PutObject", "kill-after", skip=1)
    here.fleet.source.locks.clear()
    here.minutes(12)
    assert (here.handed_over, here.hints("open")) == ([], [])
    here.cloud.ecs.instances.pop(SOURCE)
    here.minutes(3)
    assert here.handed_over == []


@pytest.mark.parametrize("silent", [1, 30, 45])
def test_while_a_call_may_run_it_is_left_alone(silent: int) -> None:
    """It left a sign of life less than 60 s ago: somebody may be working on it."""
    here = died("RunInstances", "kill-before", 1, notice=LONG)
    here.advance(silent)
    answer = here.sweep()
    assert answer["outcome"] == "skipped"
    assert answer["rescues"] == [f"{SOURCE}/1: leave (a call is working on it)"]
    assert here.handed_over == []


def test_the_latest_sign_counts() -> None:
    """Four attempts began; the last sign of the first is long ago, that of the fourth is not."""
    here = died("RunInstances", "kill-before", 4, notice=LONG)
    assert len(here.hints("alive")) == 4
    here.advance(50)
    assert here.sweep()["outcome"] == "skipped"
    here.advance(20)
    assert here.sweep()["outcome"] == "done"


@pytest.mark.parametrize("ending", ["", "human", "again"])
def test_a_sign_of_the_future(ending: str) -> None:
    """No call of ours has left it: it keeps nobody from the rescue, and is removed."""
    here = stage(REALISTIC)
    here.write(SOURCE, 1, "event", {"notice_end": here.cloud.now() + 300})
    here.sign(SOURCE, 1, 999_999_999_999, ending)
    assert here.sweep()["handed_over"] == [f"{SOURCE}/1"]
    assert here.hints("alive") == []


def test_a_hand_over_that_is_refused_does_not_count() -> None:
    """A rescue that was never handed over is not given up: each sweep tries, and fails loudly."""
    here = stage(REALISTIC)
    here.write(SOURCE, 1, "event", {"notice_end": here.cloud.now() + 300})
    here.sign(SOURCE, 1, here.cloud.now(), "human")
    reading.fault(here, "InvokeFunction", "code:AccessDenied", times=None)
    for _ in range(90):
        here.advance(MINUTE)
        outcome_of(here.sweep)
    assert isinstance(outcome_of(here.sweep), BatchFailed)
    here.cloud.faults.added.clear()
    assert here.sweep()["handed_over"] == [f"{SOURCE}/1"]


@pytest.mark.parametrize("phase", PHASES)
def test_a_death_before_the_disks_are_retained(phase: float) -> None:
    """At its first DescribeDisks, with no retry, and the timer goes off each minute: retained 150 s after the event."""
    here = stage()
    here.advance(phase)
    began = here.cloud.now()
    here.dies_at("DescribeDisks")
    here.minutes(4)
    asked = [call.at for call in here.calls("ModifyDiskAttribute") if call.status == 200]
    assert asked, "no disk was ever retained"
    assert asked[0] - began <= 150


@pytest.mark.parametrize("error", ["throttle", "code:Forbidden.RAM"])
def test_the_sweep_may_not_describe_instances(error: str) -> None:
    """Index and signs of life name the rescue: it is handed over in time, and the refusal is raised at the end."""
    here = died("DescribeDisks", "kill-before", 1)
    here.advance(70)
    reading.fault(here, "DescribeInstances", error, times=None)
    here.sweep_fails(CloudError, match="DescribeInstances on instances under the lock")
    reading.heal(here)
    here.run()
    assert here.handed_over == [SOURCE]
    assert here.shortcomings() == []


def test_an_unknown_instance_in_stop_mode() -> None:
    """DescribeInstances is refused: it is not handed back as released, and its rescue stays in the index."""
    here = back_from_stop_mode()
    reading.fault(here, "DescribeInstances", "code:Forbidden.RAM", times=None)
    with here.writes_nothing():
        here.sweep_fails(CloudError, match="DescribeInstances")
    assert here.hints("open") == [f"rescues/{SOURCE}/1"]


def test_an_unknown_instance_without_records() -> None:
    """A call may have died before its first record: the entry in the index stays until the instance is known."""
    here = stage(locked=False)
    here.put(f"open/rescues/{SOURCE}/1", {})
    reading.fault(here, "DescribeInstances", "code:Forbidden.RAM", times=1, skip=1)
    here.sweep_fails(BatchFailed, match="DescribeInstances")
    assert here.hints("open") == [f"rescues/{SOURCE}/1"]
    here.sweep()
    assert here.hints("open") == []


def test_the_retries_go_on_beside_the_sweep() -> None:
    """The timer goes off all the while: nothing is made twice, whoever finishes."""
    here = stage(notice=LONG)
    reading.fault(here, "RunInstances", "kill-before", times=2)
    here.deliver_asynchronously()
    here.run(here.cloud.fc.run_due)
    here.minutes(30)
    assert len(reading.replacements(here)) == len(reading.images(here)) == 1
    assert here.shortcomings() == []


def test_what_was_handed_over_dies_too() -> None:
    """The sweep's own invocation is killed four times: a later sweep hands it over again."""
    here = stage(notice=LONG)
    reading.fault(here, "AddVServerGroupBackendServers", "kill-before", times=4)
    here.minutes(1)
    here.run()
    assert [invocation.outcome for invocation in here.cloud.fc.finished] == ["Failed"]
    here.give_up()
    here.minutes(2)
    assert here.handed_over == [SOURCE, SOURCE]
    assert here.shortcomings() == []


def test_lost_for_good() -> None:
    """No image when the source is released: the hand-over writes down the loss, and that was the last hand-over."""
    here = died("CreateImage", "kill-before", 1)
    here.pass_notice()
    here.sweep()
    here.run()
    assert "lost" in reading.records(here)
    calls = len(here.calls("InvokeFunction"))
    with here.writes_nothing():
        here.advance(MINUTE)
        answer = here.minutes(3)[-1]
    assert answer["outcome"] == "skipped"
    assert [SOURCE in warning and "lost" in warning for warning in answer["warnings"]] == [True]
    assert len(here.calls("InvokeFunction")) == calls
    here.advance(DAY)
    assert here.sweep()["warnings"] == []
    assert here.sweep()["rescues"] == []


def test_no_stock_until_the_timeout() -> None:
    """Sold out for longer than four attempts last: the sweep goes on until there is stock again."""
    here = stage(READY, {"SPOTKEEPER_FALLBACK_ON_DEMAND": "false"}, notice=LONG, sold_out=True, timeout=120)
    here.deliver_asynchronously()
    here.run()
    assert here.cloud.fc.finished[0].error.startswith("NoCapacity")
    here.cloud.ecs.stock[here.fleet.spec.zone_id, here.fleet.spec.instance_type, "spot"] = None
    here.minutes(3)
    assert here.shortcomings() == []


@pytest.mark.parametrize("ended", [False, True], ids=["unfinished", "finished"])
def test_a_later_notice_of_an_instance_that_outlived_its_rescue(ended: bool) -> None:  # noqa: FBT001
    """The event of a reclaim is lost. An unfinished rescue is replaced; a lock after a finished rescue is reported.

    A lock that never ends must not launch a replacement each day.
    """
    here = stage(REALISTIC, {"SPOTKEEPER_RELAUNCH": "none"}, locked=False)
    here.finishes(None, name="test", SPOTKEEPER_REQUIRE_RECYCLING_LOCK="false")
    if not ended:
        here.move_away(f"rescues/{SOURCE}/1/done")
    here.advance(2 * DAY)
    here.cloud.ecs.reclaim(SOURCE)
    warnings = here.minutes(2)[0]["warnings"]
    assert any("if this is another notice" in text for text in warnings) is ended
    assert here.handed_over == [SOURCE] * (not ended)
    assert len(reading.images(here)) == (1 if ended else 2)
