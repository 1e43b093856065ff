"""What the judge excuses, and how little of it: each story here is excused as it is, and not once it is made worse."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos import world
from chaos.deeds.records import FORGED_PORT
from chaos.invariants import during, end_state, others, outcomes, told
from chaos.run import tell
from chaos.schedule import Deed, Delivery, FaultSpec, Schedule
from chaos.story import Story
from simulator.fleet import EVENT_TIME
from spotkeeper.errors import BrokenRecord, RescueIncomplete, SpotkeeperError

DIES = FaultSpec("*", "kill-before", call=3)
REFUSES = FaultSpec("slb:*", "code:InvalidParameter", times=None, on="api")
UNSEARCHED = FaultSpec("slb:DescribeVServerGroups", "code:InternalError", times=1)
LATE = Schedule("realistic", deeds=(Deed("types:attempt-1", at=20.0),))
"""The source has left its groups when somebody overwrites a record that nobody needs."""
Handler = Callable[[bytes, Any], dict[str, Any]]


def raises(error: Exception) -> Handler:
    """A function that does nothing else."""

    def handler(_: bytes, __: Any) -> dict[str, Any]:
        raise error

    return handler


def asleep(handler: Handler) -> Handler:
    """Nothing is swept for four minutes."""

    def sweep(event: bytes, context: Any) -> dict[str, Any]:
        late = time.time() > EVENT_TIME + 240
        return handler(event, context) if late else {"outcome": "skipped", "reason": "asleep"}

    return sweep


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule("realistic", faults=(DIES,), runs=1),
        Schedule("realistic", (Delivery(), Delivery(700.0)), (DIES,), runs=1),
        Schedule("neighbours", faults=(REFUSES, FaultSpec("ecs:ModifyDiskAttribute", "kill-before")), runs=1),
    ],
    ids=["once", "and much later", "while a load balancer refuses"],
)
def test_nobody_retains_the_disks_for_minutes(schedule: Schedule, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call dies and is never retried: the timer has to find it, and comes from the beginning."""
    assert list(others.disks_retained_soon(tell(schedule))) == []
    monkeypatch.setitem(world.HANDLERS, "sweep", asleep(world.HANDLERS["sweep"]))
    assert list(others.disks_retained_soon(tell(schedule)))


@pytest.mark.parametrize(
    ("deed", "error", "excused"),
    [
        (Deed("half:event"), None, True),
        (Deed("half:event"), BrokenRecord("spotkeeper/1/disks", "is odd"), False),
        (Deed("half:launch-spec"), BrokenRecord("spotkeeper/1/launch-spec", "is odd"), False),
        (Deed("half:attempt-1"), BrokenRecord("spotkeeper/1/attempt-1", "is odd"), False),
    ],
    ids=["a human's", "another record", "which Describe tells", "which nobody needs"],
)
def test_who_may_stop_because_of_a_record(
    deed: Deed, error: Exception | None, monkeypatch: pytest.MonkeyPatch, *, excused: bool
) -> None:
    """Only a record that a human has to move away is a reason to stop, and whoever stops names it."""
    if error is not None:
        monkeypatch.setitem(world.HANDLERS, "interruption", raises(error))
    assert (not list(outcomes.every_rescue_ends(tell(Schedule("plain", deeds=(deed,)))))) == excused


@pytest.mark.parametrize("deed", [Deed("half:launch-spec"), Deed("half:attempt-1")], ids=lambda deed: deed.what)
def test_a_refusal_beside_a_forged_record(deed: Deed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbour refuses, and somebody has written a record that the rescue does without: it does without both."""
    schedule = Schedule("neighbours", faults=(REFUSES,), deeds=(deed,))
    assert list(others.one_refusal_takes_nothing_hostage(tell(schedule))) == []
    broken = BrokenRecord(f"spotkeeper/1/{deed.what.partition(':')[2]}", "is odd")
    handler = world.HANDLERS["interruption"]

    def blames(event: bytes, context: Any) -> dict[str, Any]:
        with pytest.raises(SpotkeeperError):
            handler(event, context)
        raise broken

    monkeypatch.setitem(world.HANDLERS, "interruption", blames)
    assert list(others.one_refusal_takes_nothing_hostage(tell(schedule)))


def test_incomplete_needs_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rescue stays incomplete only where its last call names the load balancer that it is about."""
    schedule = Schedule("plain", faults=(UNSEARCHED,))
    assert list(outcomes.every_rescue_ends(tell(schedule))) == []
    handler = world.HANDLERS["interruption"]

    def incomplete(event: bytes, context: Any) -> dict[str, Any]:
        handler(event, context)
        raise RescueIncomplete("something was not searched")

    monkeypatch.setitem(world.HANDLERS, "interruption", incomplete)
    story = tell(schedule)
    record = story.first.pop("done")
    assert record
    story.calls[:] = [replace(one, code="Lost") if "/done" in str(one.parameters) else one for one in story.calls]
    assert list(outcomes.every_rescue_ends(story))


def worse(story: Story) -> Story:
    """The replacement is in no group."""
    new = story.replacements[0]["InstanceId"]
    for one in story.after["slb"]["LoadBalancers"]:
        one["BackendServers"] = [member for member in one["BackendServers"] if member["ServerId"] != new]
    return story


@pytest.mark.parametrize("schedule", [Schedule("plain"), LATE], ids=["nothing", "a record that nobody needs"])
def test_memberships_are_judged(schedule: Schedule) -> None:
    """Whatever somebody else has written, but for a port when no list shows it any more."""
    story = tell(schedule)
    assert list(end_state.memberships_as_they_were(story)) == []
    assert list(end_state.memberships_as_they_were(worse(story)))


@pytest.mark.parametrize("readable", [True, False], ids=["readable", "refused until the release"])
def test_a_launch_spec_that_nobody_could_compare(*, readable: bool) -> None:
    """A forged launch spec is excused only where no call could read the source's settings after it."""
    refuses = FaultSpec("ecs:DescribeUserData", "code:ServiceUnavailable", times=None, seconds=330.0)
    deed = Deed("forged-user-data", call=5 if readable else 52)
    story = tell(Schedule("stock", faults=() if readable else (refuses,), deeds=(deed,)))
    assert story.forged("launch-spec")
    assert told.never_compared(story) is not readable


def test_a_port_that_nobody_can_know() -> None:
    """A port forged when the source had left its groups is believed; one forged before that is not."""
    late = tell(Schedule("realistic", deeds=(Deed("forged-port", at=20.0),)))
    early = tell(Schedule("realistic", deeds=(Deed("forged-port"),)))
    for story in (late, early):
        assert list(others.nothing_forged_acted_upon(story)) == []
        call = next(one for one in story.calls if one.action == "AddVServerGroupBackendServers")
        members = call.parameters["BackendServers"].replace("8080", str(FORGED_PORT))
        story.calls[call.number - 1] = replace(call, parameters={**call.parameters, "BackendServers": members})
    assert list(others.nothing_forged_acted_upon(late)) == []
    assert list(others.nothing_forged_acted_upon(early))


@pytest.mark.parametrize(("seconds", "excused"), [(120.0, True), (20.0, False)], ids=["half a minute", "a moment"])
def test_a_port_that_no_list_contradicts(seconds: float, *, excused: bool) -> None:
    """A port forged between two calls is believed if the groups are refused to the second call for half a minute."""
    throttled = FaultSpec("slb:DescribeVServerGroupAttribute", "throttle", times=None, seconds=seconds)
    dies = FaultSpec("*", "kill-after", call=12)
    story = tell(Schedule("neighbours", (Delivery(),), (throttled, dies), deeds=(Deed("forged-port", call=12),)))
    assert list(others.nothing_forged_acted_upon(story)) == []
    call = next(one for one in story.calls if one.action == "AddVServerGroupBackendServers")
    members = call.parameters["BackendServers"].replace("8080", str(FORGED_PORT))
    story.calls[call.number - 1] = replace(call, parameters={**call.parameters, "BackendServers": members})
    assert bool(list(others.nothing_forged_acted_upon(story))) != excused


def test_who_leaves_a_rescue_to_a_human_says_so() -> None:
    """An open rescue is excused as long as the last sweep names the record that keeps it open."""
    dies = FaultSpec("*", "kill-after", call=141)
    story = tell(Schedule("slow-image", (), (dies,), deeds=(Deed("half:event", at=120.0),), runs=1))
    assert list(outcomes.every_rescue_ends(story)) == []
    last = story.runs_of("sweep")[-1]
    last.answer = {**(last.answer or {}), "warnings": []}
    assert list(outcomes.every_rescue_ends(story))


def test_unread_has_to_be_true() -> None:
    """Who answers that CLB was not searched was refused, and often enough."""
    story = tell(Schedule("plain"))
    story.runs[0].answer = {**(story.runs[0].answer or {}), "warnings": [end_state.UNREAD]}
    assert list(end_state.memberships_as_they_were(story))


def test_forged_stories_are_finished_untouched() -> None:
    """Who could read the journal leaves a finished rescue alone, whatever somebody else wrote that nobody needs."""
    story = tell(replace(LATE, deliveries=(Delivery(), Delivery(700.0))))
    assert list(during.finished_untouched(story)) == []
    last = story.calls[-1]
    story.calls[-1] = replace(last, action="ModifyDiskAttribute", product="ecs", parameters={})
    assert list(during.finished_untouched(story))


@pytest.mark.parametrize(
    ("deed", "record"),
    [("forged-role", "launch-spec"), ("forged-role", "memberships"), ("forged-port", "launch-request-1-1")],
)
def test_forged_stories_remember_first(deed: str, record: str) -> None:
    """A record that supersedes a forged one has to stand before anybody acts, too."""
    story = tell(Schedule("plain", deeds=(Deed(deed),)))
    assert list(during.remembered_first(story)) == []
    story.calls[:] = [replace(one, code="Lost") if f"/{record}" in str(one.parameters) else one for one in story.calls]
    assert list(during.remembered_first(story))
