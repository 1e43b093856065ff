"""What an operator reads: every reason word for word, and whole rescues in the words of their timelines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from rescue.decide import decide, plan
from rescue.facts import Facts, Image, Replacement
from rescue.tracks import BY_GROUP, SIDE_BY_SIDE, Step
from spotkeeper import loop
from spotkeeper.settings import InterruptionSettings
from tests.rescue.test_decide import (
    ALL,
    ASKED,
    AT_ONCE,
    BEGUN,
    BOTH,
    CHECKED,
    DEFAULTS,
    DOWN,
    DRAINED,
    EARLY,
    FOUND,
    GONE,
    IMAGING,
    KEEP_NOTHING,
    LATE,
    LAUNCHED,
    LOADED,
    NONE,
    OPENED,
    PLACE,
    QUIET,
    REMEMBERED,
    REMOVED,
    RETAINED,
    RETURNED,
    RUNNING,
    SEEN,
    SETTLED,
    START,
    STOP,
    USABLE,
    refused,
    settings,
    source,
)

DRY = settings(DRY_RUN="true")
UNLOCKED = SEEN.but(source=source(lock=""), entered=1_000.0, now=1_000.0, notice_end=1_300.0)
DONE = SETTLED.but(records={**ALL, "done": {}})
SURPLUS = DONE.but(strays_checked=False)
STOPPED = OPENED.but(**STOP, memberships=(PLACE,))
LOST = GONE.but(records={**BEGUN, "lost": {"reason": "no stock"}})

ALL_ELSE: dict[str, Any] = {"health_asked": True, "strays_checked": True, "disks_settled": True}

IT_ENDED = "the notice has ended since anybody looked"
FINISHED = "the journal says that this rescue is finished"
DRAINED_ALREADY = "it is drained and remembered already"
NO_IMAGE = "the source is released and there is no usable image of it"
NO_SPEC = "the source is released and its launch spec was never recorded"
UNTAGGED = "the instance does not carry the tag {} (SPOTKEEPER_MANAGED_TAG)"
MANAGED = {"spotkeeper:managed": "true"}
HELD = "the tag spotkeeper:hold says hands off"
NOT_YET = "the instance is not under the Recycling lock yet"
HEALTHY = (
    "the instance is healthy: no Recycling lock within 60 s (SPOTKEEPER_REQUIRE_RECYCLING_LOCK=false acts without it)"
)

REASONS = [
    (DEFAULTS, START, "what is true now decides, not the event"),
    # the notice has ended
    (DEFAULTS, CHECKED.but(source_seen_at=100.0, now=300.1), IT_ENDED),
    (DEFAULTS, CHECKED.but(source_seen_at=CHECKED.notice_end, now=300.1), IT_ENDED),
    (DEFAULTS, DONE.but(source_seen_at=100.0, now=CHECKED.notice_end), FINISHED),
    (DEFAULTS, DONE.but(source_seen_at=300.1, now=300.2), FINISHED),
    (DEFAULTS, LOST.but(source_seen_at=100.0, now=300.1), "this rescue ended in a loss: no stock"),
    # the guard
    (DEFAULTS, SEEN.but(source=source(SpotStrategy="NoSpot")), "the instance is not a spot instance"),
    (DEFAULTS, SEEN.but(source=source(tags={})), UNTAGGED.format("spotkeeper:managed=true")),
    (settings(MANAGED_TAG="team"), SEEN, UNTAGGED.format("team")),
    (DEFAULTS, SEEN.but(source=source(tags={**MANAGED, "spotkeeper:hold": ""})), HELD),
    (DEFAULTS, UNLOCKED.but(source=source(lock="", tags={**MANAGED, "spotkeeper:hold": "x"}), now=1_060.0), HELD),
    (DEFAULTS, UNLOCKED, NOT_YET),
    (DEFAULTS, UNLOCKED.but(now=1_059.9), NOT_YET),
    (DEFAULTS, UNLOCKED.but(now=1_060.0), "an earlier call may have begun under the lock"),
    (DEFAULTS, UNLOCKED.but(now=1_060.0, loaded=True), HEALTHY),
    (DEFAULTS, UNLOCKED.but(now=1_061.0, loaded=True, records={**BEGUN, "done": {}}), HEALTHY),
    (DEFAULTS, UNLOCKED.but(now=1_061.0, loaded=True, records={**BEGUN, "lost": {}}), HEALTHY),
    (
        DEFAULTS,
        UNLOCKED.but(now=1_060.0, loaded=True, records=BEGUN),
        "an earlier call has begun under the lock, and the lock is gone",
    ),
    (DEFAULTS, UNLOCKED.but(lock_seen=True), "an earlier call may have begun, or finished"),
    (DEFAULTS, SEEN, "an earlier call may have begun, or finished"),
    (DRY, LOADED, "every later call must find what this one begins"),
    (DRY, LOADED.but(journal_reached=False), "a dry run is there to find what does not work"),
    # it has ended before
    (DEFAULTS, DONE, FINISHED),
    (DEFAULTS, SURPLUS, "a call that died may have left a surplus replacement of this rescue"),
    (DEFAULTS, SURPLUS.but(replacement_id=""), FINISHED),
    (DRY, SURPLUS, FINISHED),
    (DEFAULTS, STOPPED.but(drained=True), DRAINED_ALREADY),
    (DEFAULTS, STOPPED.but(memberships=(), drained=True), DRAINED_ALREADY),
    (DEFAULTS, STOPPED.but(memberships=()), "no new requests for an instance that goes"),
    (DEFAULTS, STOPPED.but(drained=True, records={}, opened=False), "every later call must find what this one begins"),
    (DEFAULTS, LOST, "this rescue ended in a loss: no stock"),
    # the source is gone
    (DEFAULTS, GONE.but(image=Image.UNKNOWN), "a call that had no journal may have made an image"),
    (DEFAULTS, GONE.but(image=Image.FAILED), "the instance does not exist (any more) and no rescue of it was begun"),
    (DEFAULTS, GONE.but(image=Image.CREATING), NO_SPEC),
    (DEFAULTS, GONE, "the instance does not exist (any more) and no rescue of it was begun"),
    (
        DEFAULTS,
        GONE.but(journal_reached=False),
        "the instance is gone and only the journal knows whether a rescue of it was begun",
    ),
    (
        DEFAULTS,
        GONE.but(records={"event": {"SpotInterruptionBehavior": "Stop"}}),
        "the instance was drained and stopped, and has been released since: nothing is left to put back",
    ),
    (DEFAULTS, GONE.but(records=BEGUN), NO_IMAGE),
    (DEFAULTS, GONE.but(records={**BEGUN, "plan": {}}), NO_IMAGE),
    (DEFAULTS, GONE.but(records={**BEGUN, "plan": {}}, image=Image.FAILED), NO_IMAGE),
    (AT_ONCE, GONE.but(records=BEGUN), NO_SPEC),
    (DEFAULTS, GONE.but(records=BEGUN, image=Image.USABLE), NO_SPEC),
    (AT_ONCE, GONE.but(records={**BEGUN, "plan": {}}, opened=True, memberships=()), "somebody has to do the work"),
    # the journal is down
    (AT_ONCE, DOWN, "nothing is left that could be done"),
    # a rescue, step by step
    (DEFAULTS, LOADED, "every later call must find what this one begins"),
    (DEFAULTS, RETAINED.but(image=Image.UNKNOWN), "an earlier call may have made it"),
    (DEFAULTS, OPENED, "a disk that is not released with the instance cannot be lost"),
    (DEFAULTS, OPENED.but(records={**BEGUN, "disks": {}, "usable": {}}), "a released instance cannot be asked"),
    (DEFAULTS, RETAINED, "a released instance cannot be asked"),
    (DEFAULTS, REMEMBERED, "the weights are gone once they are 0, the memberships once it is released"),
    (DEFAULTS, FOUND, "no new requests for an instance that goes"),
    (DEFAULTS, DRAINED, "requests that it has get their answer"),
    (DEFAULTS, QUIET, "the data of all disks, bootable"),
    (DEFAULTS, IMAGING, "a rescue ends with the source in no group"),
    (DEFAULTS, REMOVED, "only a usable image can start an instance"),
    (EARLY, QUIET.but(removed=True), "SPOTKEEPER_STOP_SOURCE is before-image"),
    (
        EARLY,
        QUIET.but(removed=True, **refused(Step.STOP_SOURCE)),
        "the data of all disks, bootable",
    ),
    (LATE, USABLE, "stopping disturbs a snapshot in creation"),
    (LATE, USABLE.but(snapshots_complete=True), "SPOTKEEPER_STOP_SOURCE is before-relaunch"),
    (DEFAULTS, USABLE, "somebody has to do the work"),
    (DEFAULTS, LAUNCHED, "only a running instance can join a group"),
    (DEFAULTS, RUNNING, "traffic goes where it went before"),
    (DEFAULTS, RETURNED, "does the load balancer reach it?"),
    (DEFAULTS, ASKED, "at most one replacement may stay"),
    (DEFAULTS, CHECKED, "the flags go back as they were, once every snapshot is complete"),
    (DEFAULTS, CHECKED.but(records={**BEGUN, "plan": {}, "usable": {}}), "nothing is left that could be done"),
    (KEEP_NOTHING, CHECKED, "nothing is left that could be done"),
    (DEFAULTS, SETTLED, "nothing is left that could be done"),
    # refused
    (
        DEFAULTS,
        REMEMBERED.but(**refused(Step.FIND_MEMBERSHIPS, again_at=1.5)),
        "the next try of 'find the memberships' is due in 1.5 s",
    ),
    (DEFAULTS, RUNNING.but(**refused(Step.RETURN, what=PLACE.group_name), **ALL_ELSE), "refused: return to the groups"),
    (DEFAULTS, QUIET.but(**BOTH, now=40.0), "the disks are tried again before the image is"),
]


@pytest.mark.parametrize(("chosen", "facts", "reason"), REASONS)
def test_the_reason(chosen: InterruptionSettings, facts: Facts, reason: str) -> None:
    """Word for word."""
    assert decide(chosen, facts).reason == reason


def test_every_step_has_its_reason_here() -> None:
    """No step is decided on for a reason that no row has."""
    assert {decide(chosen, facts).step for chosen, facts, _ in REASONS} == set(Step)


def test_a_decision_stands() -> None:
    """Nobody edits it on its way to the timeline."""
    with pytest.raises(FrozenInstanceError):
        decide(DEFAULTS, START).reason = "another"  # type: ignore[misc]


def records(name: str) -> dict[str, Any]:
    """What a step that writes the journal changes."""
    return {"records": {name: {}}}


DONE_BY: dict[loop.Step, dict[str, Any]] = {
    Step.LOOK: {"source_seen": True},
    Step.LOAD: {"loaded": True},
    Step.OPEN: {"opened": True, **records("event")},
    Step.LOOK_FOR_IMAGE: {"image": Image.NONE},
    Step.RETAIN_DISKS: {"disks_retained": True, **records("disks")},
    Step.REMEMBER: {"spec_checked": True, **records("plan")},
    Step.FIND_MEMBERSHIPS: {"memberships": (PLACE,)},
    Step.DRAIN: {"drained": True},
    Step.WAIT_DRAIN: {"drain_waited": True},
    Step.REMOVE: {"removed": True},
    Step.STOP_SOURCE: {"source": source(Status="Stopped")},
    Step.MAKE_IMAGE: {"image": Image.CREATING},
    Step.WAIT_IMAGE: {"image": Image.USABLE, **records("usable")},
    Step.WAIT_SNAPSHOTS: {"snapshots_complete": True},
    Step.LAUNCH: {"replacement": Replacement.STARTING},
    Step.WAIT_RUNNING: {"replacement": Replacement.RUNNING},
    Step.RETURN: {"returned": True},
    Step.ASK_HEALTH: {"health_asked": True},
    Step.CHECK_STRAYS: {"strays_checked": True},
    Step.RESTORE_DISKS: {"disks_settled": True},
}
"""What each step changes when it succeeds."""
LAST = {Step.FAIL, Step.FINISH, Step.FINISH_STOP_MODE, Step.NO_JOURNAL, Step.ANSWER, Step.SKIP}


def walk(chosen: InterruptionSettings, facts: Facts, refusing: frozenset[Step] = frozenset()) -> Iterator[str]:
    """The timeline from ``facts`` on; the steps of ``refusing`` are refused for good each time."""
    while (step := decide(chosen, facts).step) not in LAST:
        yield step.value
        if step in refusing:
            what = PLACE.group_name if step in BY_GROUP else ""
            facts = facts.but(refusals={**facts.refusals, **refused(step, what=what)["refusals"]})
        else:
            changes = DONE_BY[step]
            facts = facts.but(**{**changes, "records": {**facts.records, **changes.get("records", {})}})
        if step is Step.MAKE_IMAGE:
            facts = facts.but(refusals={})
    yield step.value


ARRIVED = START.but(source=source())
MADE = {"source": source(tags={"spotkeeper:managed": "true", "ack.aliyun.com": "c"})}
LOOKED = "look at the source, read the journal, "
BEGINS = LOOKED + "open the episode, "
SAVED = BEGINS + "retain the disks, look for the image, remember the launch spec, "
SAVED_AND_DRAINED = SAVED + "find the memberships, weight 0, let in-flight requests finish, "
IMAGED = SAVED_AND_DRAINED + "make the image, remove from the groups, wait for the image, "
SERVED = "wait for the replacement, return to the groups, ask the health status, look for surplus replacements, "
RELAUNCHED = "launch the replacement, " + SERVED
SERVED_AT_ONCE = (
    "return to the groups, weight 0, let in-flight requests finish, remove from the groups, "
    "ask the health status, look for surplus replacements, close the episode"
)
STOPS = BEGINS + "find the memberships, weight 0, leave the rest to state_change"
FAILS = "end with what was refused"
ENDED = f"put the disk flags back, {FAILS}"
CLOSED = "put the disk flags back, close the episode"
CANNOT_DRAIN = frozenset({Step.REMOVE, Step.DRAIN, Step.WAIT_DRAIN})

WALKS = [
    (DEFAULTS, ARRIVED, frozenset(), IMAGED + RELAUNCHED + CLOSED),
    (NONE, ARRIVED, frozenset(), IMAGED + CLOSED),
    (DEFAULTS, ARRIVED.but(**MADE), frozenset(), IMAGED + CLOSED),
    (LATE, ARRIVED, frozenset(), IMAGED + "wait for the snapshots, stop the source, " + RELAUNCHED + CLOSED),
    (
        EARLY,
        ARRIVED,
        frozenset(),
        SAVED_AND_DRAINED
        + "remove from the groups, stop the source, make the image, wait for the image, "
        + RELAUNCHED
        + CLOSED,
    ),
    (
        AT_ONCE,
        ARRIVED,
        frozenset(),
        BEGINS
        + "remember the launch spec, find the memberships, launch the replacement, wait for the replacement, "
        + SERVED_AT_ONCE,
    ),
    (AT_ONCE, ARRIVED.but(**MADE), frozenset(), IMAGED + CLOSED),
    (DEFAULTS, ARRIVED.but(**STOP), frozenset(), STOPS),
    (
        DEFAULTS,
        ARRIVED.but(journal_reached=False),
        frozenset(),
        LOOKED + "retain the disks, look for the image, make the image, stop before something is lost",
    ),
    (NONE, DONE, frozenset(), "answer what the journal says"),
    # what is refused for good holds up neither the image nor, where it can do without, the replacement
    (
        DEFAULTS,
        ARRIVED,
        SIDE_BY_SIDE,
        SAVED
        + "find the memberships, make the image, retain the disks, remember the launch spec, find the memberships, "
        + "wait for the image, end with what was refused",
    ),
    (DEFAULTS, ARRIVED, frozenset({Step.REMOVE}), IMAGED + RELAUNCHED + ENDED),
    (DEFAULTS, ARRIVED, frozenset({Step.RETURN}), IMAGED + RELAUNCHED + ENDED),
    (NONE, ARRIVED, frozenset({Step.REMOVE}), IMAGED + ENDED),
    (
        EARLY,
        ARRIVED,
        CANNOT_DRAIN | {Step.STOP_SOURCE},
        SAVED
        + "find the memberships, weight 0, remove from the groups, stop the source, make the image, weight 0, "
        + "remove from the groups, wait for the image, "
        + RELAUNCHED
        + ENDED,
    ),
    # at-once and in stop mode too
    (
        AT_ONCE,
        ARRIVED,
        frozenset({Step.FIND_MEMBERSHIPS}),
        BEGINS
        + "remember the launch spec, find the memberships, launch the replacement, wait for the replacement, "
        + "look for surplus replacements, end with what was refused",
    ),
    (DEFAULTS, ARRIVED.but(**STOP), frozenset({Step.DRAIN}), STOPS.replace("leave the rest to state_change", FAILS)),
]


@pytest.mark.parametrize(("chosen", "facts", "refused", "timeline"), WALKS)
def test_whole_rescues(chosen: InterruptionSettings, facts: Facts, refused: frozenset[Step], timeline: str) -> None:
    """Every kind of rescue, from its first step to its last, in order and in words."""
    assert list(walk(chosen, facts, refused)) == timeline.split(", ")


def test_the_other_steps_in_words() -> None:
    """Those that no whole rescue has."""
    walked = {step for *_, timeline in WALKS for step in timeline.split(", ")}
    assert {step.value for step in Step} - walked == {
        "skip",
        "wait for the Recycling lock",
        "stop because the lock is gone",
        "record the loss",
        "wait for the next try",
    }


def test_a_plan_gives_the_reasons_too() -> None:
    """The same words as on the day itself."""
    said = {decision.step: decision.reason for decision in plan(LATE, LOADED.but(image=Image.UNKNOWN))}
    assert said[Step.OPEN] == "every later call must find what this one begins"
    assert said[Step.WAIT_SNAPSHOTS] == "stopping disturbs a snapshot in creation"
    assert said[Step.FINISH] == "nothing is left that could be done"
