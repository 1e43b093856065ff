"""The truth table of a sweep's decisions: which rescue is handed over, left or reported, and which comes first."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from spotkeeper.hints import AGAIN, HUMAN, Sign
from spotkeeper.instances import in_stop_mode, iso
from spotkeeper.settings import SweepSettings
from sweeping.decide import OLD_SECONDS, Action, Decision, chosen, decide, quota_warnings, urgency
from sweeping.facts import Rescue

NOW = 1_554_783_600.0
OPEN, DRAINED, DONE, LOST = "event", "drained", "done", "lost"
SETTINGS = SweepSettings.from_env({"SPOTKEEPER_JOURNAL": "oss://bucket/journal"})
HAND_OVER, LEAVE, REPORT = Action.HAND_OVER, Action.LEAVE, Action.REPORT


def instance(*, stop: bool = False, held: bool = False, until: str = "") -> dict[str, Any]:
    """An instance as far as the decision looks at it."""
    tags = [{"TagKey": "spotkeeper:hold", "TagValue": until}] if held else []
    return {"SpotInterruptionBehavior": "Stop" if stop else "Terminate", "Tags": {"Tag": tags}}


def rescue(*records: str, **fields: Any) -> Rescue:
    """A rescue whose episode has these records."""
    return Rescue("i-1", 1, records=frozenset(records), **fields)


def sign(age: float, ending: str = "", attempt: int = 1) -> Sign:
    """A sign of life that a call left so many seconds ago."""
    return Sign(("i-1", 1), attempt, int(NOW - age), ending)


ALIVE, SILENT = (sign(80), sign(20)), (sign(80), sign(61))
LOCKED = {"locked": True, "instance": instance()}
STOPPING = {"locked": True, "instance": instance(stop=True)}
STOPPED_GONE = {"event": {"SpotInterruptionBehavior": "Stop"}}

BROKEN = "journal record i-1/1/event is not a JSON object"

TABLE: dict[str, tuple[Rescue, Action]] = {
    # no episode
    "locked, unknown to the journal": (rescue(**LOCKED), HAND_OVER),
    "locked in stop mode, unknown": (rescue(**STOPPING), HAND_OVER),
    "locked and held": (rescue(locked=True, instance=instance(held=True)), LEAVE),
    "locked, the hold ends now": (rescue(locked=True, instance=instance(held=True, until=iso(NOW))), HAND_OVER),
    "neither lock nor episode": (rescue(instance=instance()), LEAVE),
    # open
    "open and nobody ever worked on it": (rescue(OPEN, **LOCKED), HAND_OVER),
    "open, the source gone": (rescue(OPEN), HAND_OVER),
    "open, the lock not to be seen": (rescue(OPEN, instance=instance()), HAND_OVER),
    "open and worked on": (rescue(OPEN, signs=ALIVE, **LOCKED), LEAVE),
    "open, silent for 60 s": (rescue(OPEN, signs=(sign(60),), **LOCKED), LEAVE),
    "open, silent for longer": (rescue(OPEN, signs=(sign(61),), **LOCKED), HAND_OVER),
    "open, one of two calls works": (rescue(OPEN, signs=(sign(90), sign(30, attempt=2)), **LOCKED), LEAVE),
    "open, its call has ended": (rescue(OPEN, signs=(sign(1, AGAIN),), **LOCKED), HAND_OVER),
    "open, one call has ended, another works": (
        rescue(OPEN, signs=(sign(30, attempt=2), sign(1, AGAIN)), **LOCKED),
        LEAVE,
    ),
    "after the notice, silent for 180 s": (rescue(OPEN, signs=(sign(180),), notice_end=NOW - 1), LEAVE),
    "after the notice, silent for longer": (rescue(OPEN, signs=(sign(181),), notice_end=NOW - 1), HAND_OVER),
    "after the notice, just ended": (rescue(OPEN, signs=(sign(180, AGAIN),), notice_end=NOW - 1), LEAVE),
    "after the notice, ended a while ago": (rescue(OPEN, signs=(sign(181, AGAIN),), notice_end=NOW - 1), HAND_OVER),
    "a human's error, 59 s ago": (rescue(OPEN, signs=(sign(59, HUMAN),), **LOCKED), LEAVE),
    "a human's error, 60 s ago": (rescue(OPEN, signs=(sign(60, HUMAN),), **LOCKED), HAND_OVER),
    "a human's error, handed over once": (rescue(OPEN, handed=1, signs=(sign(299, HUMAN),), **LOCKED), LEAVE),
    "a human's error, 5 minutes": (rescue(OPEN, handed=1, signs=(sign(300, HUMAN),), **LOCKED), HAND_OVER),
    "a human's error, 15 minutes": (rescue(OPEN, handed=2, signs=(sign(900, HUMAN),), **LOCKED), HAND_OVER),
    "a human's error, 60 minutes": (rescue(OPEN, handed=3, signs=(sign(3600, HUMAN),), **LOCKED), HAND_OVER),
    "a human's error, four times": (rescue(OPEN, handed=4, signs=(sign(9999, HUMAN),), **LOCKED), REPORT),
    "a human's error, then one that passes": (
        rescue(OPEN, handed=4, signs=(sign(900, HUMAN), sign(2, AGAIN, 2)), **LOCKED),
        HAND_OVER,
    ),
    "lost a day ago": (rescue(OPEN, LOST, end={"at": NOW - OLD_SECONDS, "reason": "gone"}), REPORT),
    "lost longer ago": (rescue(OPEN, LOST, end={"at": NOW - OLD_SECONDS - 1, "reason": "gone"}), LEAVE),
    "open and held": (rescue(OPEN, locked=True, instance=instance(held=True)), LEAVE),
    "open and its image held": (rescue(OPEN, image_held=True, **LOCKED), LEAVE),
    "open for 24 hours": (rescue(OPEN, opened_at=NOW - OLD_SECONDS, **LOCKED), HAND_OVER),
    "open for longer": (rescue(OPEN, opened_at=NOW - OLD_SECONDS - 1, **LOCKED), REPORT),
    "open for longer, the source gone": (rescue(OPEN, opened_at=NOW - OLD_SECONDS - 1), REPORT),
    "open for longer and worked on": (rescue(OPEN, opened_at=NOW - OLD_SECONDS - 1, signs=ALIVE), REPORT),
    "open for longer and held": (rescue(OPEN, opened_at=NOW - OLD_SECONDS - 1, image_held=True), LEAVE),
    "drained, to be released": (rescue(OPEN, DRAINED, **LOCKED), HAND_OVER),
    "open, not to be read": (rescue(OPEN, unreadable=BROKEN), REPORT),
    "open, not to be read, still locked": (rescue(OPEN, unreadable=BROKEN, **LOCKED), HAND_OVER),
    "open, not to be read, held": (rescue(OPEN, unreadable=BROKEN, image_held=True), LEAVE),
    # open in stop mode
    "stop mode, not drained": (rescue(OPEN, **STOPPING), HAND_OVER),
    "stop mode, drained": (rescue(OPEN, DRAINED, **STOPPING), LEAVE),
    "stop mode, drained, not described": (rescue(OPEN, DRAINED, **STOPPED_GONE), LEAVE),
    # ended
    "done, still locked": (rescue(OPEN, DONE, **LOCKED), LEAVE),
    "lost, still locked": (rescue(OPEN, LOST, **LOCKED), LEAVE),
    "done, gone": (rescue(OPEN, DONE), LEAVE),
    "lost, gone": (rescue(OPEN, LOST), LEAVE),
    "done and old": (rescue(OPEN, DONE, opened_at=NOW - 30 * OLD_SECONDS, **LOCKED), LEAVE),
    "stop mode, done, locked again": (rescue(OPEN, DRAINED, DONE, **STOPPING), HAND_OVER),
    "stop mode, lost, locked again": (rescue(OPEN, LOST, **STOPPING), HAND_OVER),
    "stop mode, done, running": (rescue(OPEN, DRAINED, DONE, instance=instance(stop=True)), LEAVE),
    "stop mode, done, locked, held": (rescue(OPEN, DONE, locked=True, instance=instance(stop=True, held=True)), LEAVE),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_table(case: str) -> None:
    """What to do, with a reason in words."""
    given, action = TABLE[case]
    decision = decide(given, NOW)
    assert (decision.rescue, decision.action) == (given, action)
    assert decision.reason.strip()


EVERY = [
    replace(
        rescue(*records, locked=locked, signs=signs, opened_at=opened, image_held=image_held),
        instance=None if stop is None else instance(stop=stop, held=held),
        event={"SpotInterruptionBehavior": "Stop"} if OPEN in records and stop else {},
    )
    for records, locked, stop, held, image_held, signs, opened in product(
        [(), (OPEN,), (OPEN, DRAINED), (OPEN, DONE), (OPEN, LOST), (OPEN, DRAINED, DONE)],
        [False, True],
        [None, False, True],
        [False, True],
        [False, True],
        [(), SILENT, ALIVE],
        [None, NOW - 10, NOW - OLD_SECONDS - 10],
    )
    if stop is not None or not (locked or held)
]


def acts(one: Rescue) -> bool:
    """Whether it is handed over."""
    return decide(one, NOW).action is HAND_OVER


def test_hold_wins_over_everything() -> None:
    """Whatever else is true, the tag on instance or image keeps the sweep away."""
    held = [one for one in EVERY if one.image_held or "spotkeeper:hold" in str(one.instance)]
    assert held
    assert {decide(one, NOW).action for one in held} == {LEAVE}


def test_ended_is_ended() -> None:
    """But for a new lock in stop mode."""
    ended = [one for one in EVERY if one.records & {DONE, LOST} and acts(one)]
    assert ended
    assert all(one.locked and (one.instance or {})["SpotInterruptionBehavior"] == "Stop" for one in ended)


def test_nobody_is_disturbed() -> None:
    """An open rescue with a deadline ahead is never handed over."""
    assert not any(acts(one) for one in EVERY if one.open and one.signs == ALIVE)


def test_only_what_is_locked_or_open() -> None:
    """What is handed over is one or the other."""
    assert all(one.locked or one.open for one in EVERY if acts(one))


def test_reported_are_the_old_open_ones() -> None:
    """All of them but the held, and those in stop mode that wait for their instance, and none else."""
    reported = [one for one in EVERY if decide(one, NOW).action is REPORT]
    waiting = [one for one in EVERY if "drained" in one.records and in_stop_mode(one.instance or one.event)]
    old = [one for one in EVERY if one.open and (one.opened_at or NOW) < NOW - OLD_SECONDS and one not in waiting]
    assert reported == [one for one in old if not one.image_held and "spotkeeper:hold" not in str(one.instance)]


def wanting(name: str, notice_end: float | None) -> Decision:
    """A hand-over."""
    return Decision(Rescue(name, 1, notice_end=notice_end), HAND_OVER, "because")


ENDS = {"unknown": None, "tight": NOW + 30, "wide": NOW + 280, "over": NOW - 5, "long over": NOW - 900}


@pytest.mark.parametrize("names", [list(ENDS), list(ENDS)[::-1]])
def test_the_least_time_left_comes_first(names: list[str]) -> None:
    """An unknown notice counts as fairly new; one that is over is not urgent any more."""
    due, later = chosen([wanting(name, ENDS[name]) for name in names], SETTINGS, NOW)
    assert [one.rescue.instance_id for one in due][:3] == ["tight", "unknown", "wide"]
    assert {one.rescue.instance_id for one in due[3:]} == {"over", "long over"}
    assert later == []


@pytest.mark.parametrize("limit", [0, 1, 3, 5, 9])
def test_the_limit(limit: int) -> None:
    """So many are due, the others wait; nobody is forgotten and nobody is there twice."""
    decisions = [wanting(name, end) for name, end in ENDS.items()]
    due, later = chosen(decisions, replace(SETTINGS, limit=limit), NOW)
    assert len(due) == min(limit, 5)
    assert sorted(map(repr, due + later)) == sorted(map(repr, decisions))
    assert max([urgency(one, NOW) for one in due], default=(False, 0.0)) <= min(
        [urgency(one, NOW) for one in later], default=(True, 0.0)
    )


def test_only_hand_overs_are_chosen() -> None:
    """What is left or reported takes no place."""
    others = [replace(wanting("a", None), action=LEAVE), replace(wanting("b", None), action=REPORT)]
    assert chosen(others, SETTINGS, NOW) == ([], [])


@pytest.mark.parametrize(("used", "quota", "warned"), [(79, 100, 0), (80, 100, 1), (7, 10, 0), (8, 10, 1), (12, 10, 1)])
def test_quota_warnings(used: int, quota: int, warned: int) -> None:
    """From 80 % on, with both numbers and the setting's name."""
    warnings = quota_warnings([object()] * used, replace(SETTINGS, image_quota=quota))
    assert len(warnings) == warned
    assert all(f"{used} of {quota}" in one and "SPOTKEEPER_IMAGE_QUOTA" in one for one in warnings)
