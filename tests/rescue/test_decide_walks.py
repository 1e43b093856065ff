"""Whole rescues in the words of their timelines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rescue.decide import decide, plan
from rescue.state import Image, Replacement, State
from rescue.steps import BY_GROUP, INDEPENDENT_STEPS, Step
from spotkeeper import loop
from spotkeeper.settings.interruption import InterruptionSettings
from tests.rescue.test_decide import (
    AT_ONCE,
    DEFAULTS,
    DONE,
    EARLY,
    LATE,
    LOADED,
    NONE,
    PLACE,
    START,
    STOP,
    refused,
    source,
)


def records(name: str) -> dict[str, Any]:
    """What a step that writes the journal changes."""
    return {"records": {name: {}}}


DONE_BY: dict[loop.Step, dict[str, Any]] = {
    Step.LOOK: {"source_seen": True},
    Step.LOAD: {"loaded": True},
    Step.OPEN: {"opened": True, **records("event")},
    Step.LOOK_FOR_IMAGE: {"image": Image.NONE},
    Step.RETAIN_DISKS: {"disks_retained": True, **records("disks")},
    Step.RECORD_LAUNCH_SPEC: {"spec_checked": True, **records("launch-spec")},
    Step.FIND_MEMBERSHIPS: {"memberships": (PLACE,)},
    Step.DRAIN: {"drained": True, "drained_at": 0.0},
    Step.WAIT_DRAIN: {"drain_waited": True},
    Step.REMOVE: {"removed": True},
    Step.STOP_SOURCE: {"source": source(Status="Stopped")},
    Step.MAKE_IMAGE: {"image": Image.CREATING},
    Step.WAIT_IMAGE: {"image": Image.USABLE, **records("usable")},
    Step.WAIT_SNAPSHOTS: {"snapshots_complete": True},
    Step.LAUNCH: {"replacement": Replacement.STARTING},
    Step.WAIT_RUNNING: {"replacement": Replacement.RUNNING},
    Step.ADD_REPLACEMENT: {"returned": True},
    Step.ASK_HEALTH: {"health_asked": True},
    Step.DELETE_DUPLICATES: {"duplicates_checked": True},
    Step.RESTORE_DISKS: {"disks_settled": True},
}
"""What each step changes when it succeeds."""
LAST = {Step.FAIL, Step.FINISH, Step.FINISH_STOP_MODE, Step.NO_JOURNAL, Step.ANSWER, Step.SKIP}


def walk(chosen: InterruptionSettings, facts: State, refusing: frozenset[Step] = frozenset()) -> Iterator[str]:
    """The timeline from ``facts`` on; the steps of ``refusing`` are refused for good each time."""
    while (step := decide(chosen, facts).step) not in LAST:
        yield step.value
        if step in refusing:
            what = PLACE.group_name if step in BY_GROUP else ""
            facts = facts.replace(refusals={**facts.refusals, **refused(step, what=what)["refusals"]})
        else:
            changes = DONE_BY[step]
            facts = facts.replace(**{**changes, "records": {**facts.records, **changes.get("records", {})}})
        if step is Step.MAKE_IMAGE:
            facts = facts.replace(refusals={})
    yield step.value


ARRIVED = START.replace(source=source())
MADE = {"source": source(tags={"spotkeeper:managed": "true", "ack.aliyun.com": "c"})}
LOOKED = "look at the source, read the journal, "
BEGINS = LOOKED + "open the episode, "
SAVED = BEGINS + "retain the disks, look for the image, record the launch spec, "
SAVED_AND_DRAINED = SAVED + "find the memberships, weight 0, let in-flight requests finish, "
IMAGED = SAVED_AND_DRAINED + "make the image, remove the source from the groups, wait for the image, "
SERVED = (
    "wait for the replacement, add the replacement to the groups, read the health status, "
    "look for duplicate replacements, "
)
RELAUNCHED = "launch the replacement, " + SERVED
SERVED_AT_ONCE = (
    "add the replacement to the groups, weight 0, let in-flight requests finish, remove the source from the groups, "
    "read the health status, look for duplicate replacements, close the episode"
)
STOPS = BEGINS + "find the memberships, weight 0, leave the rest to state_change"
FAILS = "end with the refused steps"
ENDED = f"restore the disk flags, {FAILS}"
CLOSED = "restore the disk flags, close the episode"
CANNOT_DRAIN = frozenset({Step.REMOVE, Step.DRAIN, Step.WAIT_DRAIN})

WALKS = [
    (DEFAULTS, ARRIVED, frozenset(), IMAGED + RELAUNCHED + CLOSED),
    (NONE, ARRIVED, frozenset(), IMAGED + CLOSED),
    (DEFAULTS, ARRIVED.replace(**MADE), frozenset(), IMAGED + CLOSED),
    (LATE, ARRIVED, frozenset(), IMAGED + "wait for the snapshots, stop the source, " + RELAUNCHED + CLOSED),
    (
        EARLY,
        ARRIVED,
        frozenset(),
        SAVED_AND_DRAINED
        + "remove the source from the groups, stop the source, make the image, wait for the image, "
        + RELAUNCHED
        + CLOSED,
    ),
    (
        AT_ONCE,
        ARRIVED,
        frozenset(),
        BEGINS
        + "record the launch spec, find the memberships, launch the replacement, wait for the replacement, "
        + SERVED_AT_ONCE,
    ),
    (AT_ONCE, ARRIVED.replace(**MADE), frozenset(), IMAGED + CLOSED),
    (DEFAULTS, ARRIVED.replace(**STOP), frozenset(), STOPS),
    (
        DEFAULTS,
        ARRIVED.replace(journal_reached=False),
        frozenset(),
        LOOKED + "retain the disks, look for the image, make the image, stop without the journal",
    ),
    (NONE, DONE, frozenset(), "give the recorded answer"),
    # what is refused for good holds up neither the image nor, where it can do without, the replacement
    (
        DEFAULTS,
        ARRIVED,
        INDEPENDENT_STEPS,
        SAVED
        + "find the memberships, make the image, retain the disks, record the launch spec, find the memberships, "
        + "wait for the image, end with the refused steps",
    ),
    (DEFAULTS, ARRIVED, frozenset({Step.REMOVE}), IMAGED + RELAUNCHED + ENDED),
    (DEFAULTS, ARRIVED, frozenset({Step.ADD_REPLACEMENT}), IMAGED + RELAUNCHED + ENDED),
    (NONE, ARRIVED, frozenset({Step.REMOVE}), IMAGED + ENDED),
    (
        EARLY,
        ARRIVED,
        CANNOT_DRAIN | {Step.STOP_SOURCE},
        SAVED
        + "find the memberships, weight 0, remove the source from the groups, stop the source, make the image, "
        + "weight 0, remove the source from the groups, wait for the image, "
        + RELAUNCHED
        + ENDED,
    ),
    # at-once and in stop mode too
    (
        AT_ONCE,
        ARRIVED,
        frozenset({Step.FIND_MEMBERSHIPS}),
        BEGINS
        + "record the launch spec, find the memberships, launch the replacement, wait for the replacement, "
        + "look for duplicate replacements, end with the refused steps",
    ),
    (
        DEFAULTS,
        ARRIVED.replace(**STOP),
        frozenset({Step.DRAIN}),
        STOPS.replace("leave the rest to state_change", FAILS),
    ),
]


@pytest.mark.parametrize(("chosen", "facts", "refused", "timeline"), WALKS)
def test_whole_rescues(chosen: InterruptionSettings, facts: State, refused: frozenset[Step], timeline: str) -> None:
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
        "look at the weights",
    }


def test_a_plan_gives_the_reasons_too() -> None:
    """The same words as on the day itself."""
    said = {decision.step: decision.reason for decision in plan(LATE, LOADED.replace(image=Image.UNKNOWN))}
    assert said[Step.OPEN] == "later calls need the record of this rescue"
    assert said[Step.WAIT_SNAPSHOTS] == "a stop would disturb a snapshot in creation"
    assert said[Step.FINISH] == "no other step is due"
