"""A sweep's decisions as a table: which rescue is handed over, left or reported, why, and which comes first."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from itertools import product
from typing import Any

import pytest

from spotkeeper.instances import in_stop_mode, iso
from spotkeeper.settings.sweep import SweepSettings
from spotkeeper.signs_of_life import AGAIN, HUMAN, Sign
from sweeping.decide import (
    LOCKED_LATER,
    OLD_SECONDS,
    Item,
    RescueAction,
    RescueDecision,
    chosen,
    decide,
    quota_warnings,
    urgency,
)
from sweeping.state import RescueState
from tests.tables import cases

NOW = 1_554_783_600.0
OPEN, DRAINED, DONE, LOST = "event", "drained", "done", "lost"
SETTINGS = SweepSettings.from_env({"SPOTKEEPER_JOURNAL": "oss://bucket/journal"})
HAND_OVER, LEAVE, REPORT = RescueAction.INVOKE, RescueAction.LEAVE, RescueAction.REPORT


def instance(*, stop: bool = False, held: bool = False, until: str = "") -> dict[str, Any]:
    """An instance as far as the decision looks at it."""
    tags = [{"TagKey": "spotkeeper:hold", "TagValue": until}] if held else []
    return {"SpotInterruptionBehavior": "Stop" if stop else "Terminate", "Tags": {"Tag": tags}}


def rescue(*records: str, **fields: Any) -> RescueState:
    """A rescue whose episode has these records."""
    return RescueState("i-1", 1, records=frozenset(records), **fields)


def sign(age: float, ending: str = "", attempt: int = 1) -> Sign:
    """A sign of life that a call left so many seconds ago."""
    return Sign(("i-1", 1), attempt, int(NOW - age), ending)


ALIVE, SILENT = (sign(80), sign(20)), (sign(80), sign(61))
LOCKED = {"locked": True, "instance": instance()}
STOPPING = {"locked": True, "instance": instance(stop=True)}
STOPPED_GONE = {"event": {"SpotInterruptionBehavior": "Stop"}}

HELD = "the tag spotkeeper:hold forbids changes"
GIVEN_UP = (
    "invoked 4 times since a call ended with an error that does not pass by itself: "
    "look at its last error and settle it"
)
BROKEN = "journal record i-1/1/event is not a JSON object"

DECISIONS: list[tuple[RescueAction, str, list[Any] | dict[str, Any]]] = [
    (HAND_OVER, "it is under the Recycling lock and no call has begun its rescue", {
        "locked, unknown to the journal": rescue(**LOCKED),
        "locked in stop mode, unknown": rescue(**STOPPING),
        "locked, the hold ends now": rescue(locked=True, instance=instance(held=True, until=iso(NOW))),
        "stop mode, done, locked again": rescue(OPEN, DRAINED, DONE, **STOPPING),
        "locked, an episode's time without the episode": rescue(opened_at=NOW - 30 * OLD_SECONDS, **LOCKED),
        "drained in stop mode, not open": rescue(DRAINED, **STOPPING),
        "stop mode, done without a drain, locked again": rescue(OPEN, DONE, **STOPPING),
    }),
    (LEAVE, HELD, {
        "locked and held": rescue(locked=True, instance=instance(held=True)),
        "open and held": rescue(OPEN, locked=True, instance=instance(held=True)),
        "open and its image held": rescue(OPEN, image_held=True, **LOCKED),
        "open for longer and held": rescue(OPEN, opened_at=NOW - OLD_SECONDS - 1, image_held=True),
        "open, not to be read, held": rescue(OPEN, unreadable=BROKEN, image_held=True),
        "stop mode, done, locked, held": rescue(OPEN, DONE, locked=True, instance=instance(stop=True, held=True)),
    }),
    (LEAVE, "there is neither a lock nor an open rescue", {"neither lock nor episode": rescue(instance=instance())}),
    (HAND_OVER, "no call is working on this open rescue", {
        "open and nobody ever worked on it": rescue(OPEN, **LOCKED),
        "open, the source gone": rescue(OPEN),
        "open, the lock not to be seen": rescue(OPEN, instance=instance()),
        "open, silent for longer": rescue(OPEN, signs=(sign(61),), **LOCKED),
        "open, its call has ended": rescue(OPEN, signs=(sign(1, AGAIN),), **LOCKED),
        "after the notice, silent for longer": rescue(OPEN, signs=(sign(181),), notice_end=NOW - 1),
        "after the notice, ended a while ago": rescue(OPEN, signs=(sign(181, AGAIN),), notice_end=NOW - 1),
        "a human's error, 60 s ago": rescue(OPEN, signs=(sign(60, HUMAN),), **LOCKED),
        "a human's error, 5 minutes": rescue(OPEN, invocations=1, signs=(sign(300, HUMAN),), **LOCKED),
        "a human's error, 15 minutes": rescue(OPEN, invocations=2, signs=(sign(900, HUMAN),), **LOCKED),
        "a human's error, 60 minutes": rescue(OPEN, invocations=3, signs=(sign(3600, HUMAN),), **LOCKED),
        "a human's error, then one that passes": rescue(
            OPEN, invocations=4, signs=(sign(900, HUMAN), sign(2, AGAIN, 2)), **LOCKED
        ),
        "open for 24 hours": rescue(OPEN, opened_at=NOW - OLD_SECONDS),
        "open for longer, under the lock": rescue(OPEN, opened_at=NOW - OLD_SECONDS - 1, **LOCKED),
        "given up, a new lock": rescue(OPEN, invocations=4, newly_locked=True, signs=(sign(999, HUMAN),), **LOCKED),
        "not due, a new lock": rescue(OPEN, invocations=3, newly_locked=True, signs=(sign(999, HUMAN),), **LOCKED),
        "drained, to be released": rescue(OPEN, DRAINED, **LOCKED),
        "open, not to be read, still locked": rescue(OPEN, unreadable=BROKEN, **LOCKED),
        "stop mode, not drained": rescue(OPEN, **STOPPING),
        "drained in stop mode, runs under a later lock": rescue(
            OPEN, DRAINED, locked=True, instance={**instance(stop=True), "Status": "Running"}, notice_end=NOW - 1
        ),
        "stop mode, not drained, the notice ends now": rescue(OPEN, notice_end=NOW, **STOPPED_GONE),
        "stop mode, not drained, without a notice": rescue(OPEN, **STOPPED_GONE),
        "stop mode, not drained, still locked": rescue(OPEN, notice_end=NOW - 1, **STOPPING, **STOPPED_GONE),
        "stop mode, not drained, unknown": rescue(OPEN, notice_end=NOW - 1, unknown=True, **STOPPED_GONE),
        "released, not in stop mode": rescue(OPEN, notice_end=NOW - 1),
        "open for a day without a lock": rescue(OPEN, opened_at=NOW - OLD_SECONDS),
        "open for almost a day": rescue(OPEN, opened_at=NOW - OLD_SECONDS + 0.5),
    }),
    (LEAVE, "a call is working on it", {
        "open and worked on": rescue(OPEN, signs=ALIVE, **LOCKED),
        "open, silent for 60 s": rescue(OPEN, signs=(sign(60),), **LOCKED),
        "open, one of two calls works": rescue(OPEN, signs=(sign(90), sign(30, attempt=2)), **LOCKED),
        "open, one call has ended, another works": rescue(OPEN, signs=(sign(30, attempt=2), sign(1, AGAIN)), **LOCKED),
        "after the notice, silent for 180 s": rescue(OPEN, signs=(sign(180),), notice_end=NOW - 1),
    }),
    (LEAVE, "its last call ended a moment ago: Function Compute tries it again", {
        "after the notice, just ended": rescue(OPEN, signs=(sign(180, AGAIN),), notice_end=NOW - 1),
        "after the notice, ended 9 s ago": rescue(OPEN, signs=(sign(9, AGAIN),), notice_end=NOW),
    }),
    (LEAVE, "its last error needs a human: the next invocation is due at 2019-04-09T04:20:01.000Z", {
        "a human's error, 59 s ago": rescue(OPEN, signs=(sign(59, HUMAN),), **LOCKED),
        "a human's error, handed over once": rescue(OPEN, invocations=1, signs=(sign(299, HUMAN),), **LOCKED),
    }),
    (REPORT, GIVEN_UP, {
        "a human's error, four times": rescue(OPEN, invocations=4, signs=(sign(9999, HUMAN),), **LOCKED),
    }),
    (REPORT, "it was lost: gone", {
        "lost a day ago": rescue(OPEN, LOST, end={"at": NOW - OLD_SECONDS, "reason": "gone"}),
        "lost now": rescue(OPEN, LOST, end={"at": NOW, "reason": "gone"}),
    }),
    (HAND_OVER, "it is under the Recycling lock, although its rescue is recorded as lost", {
        "lost, still locked": rescue(OPEN, LOST, **LOCKED),
        "lost a moment ago, still locked": rescue(OPEN, LOST, end={"at": NOW, "reason": "gone"}, **LOCKED),
        "stop mode, lost, locked again": rescue(OPEN, LOST, **STOPPING),
    }),
    (LEAVE, "its rescue was lost", {
        "lost longer ago": rescue(OPEN, LOST, end={"at": NOW - OLD_SECONDS - 1, "reason": "gone"}),
        "lost, gone": rescue(OPEN, LOST),
    }),
    (REPORT, "open for more than 24 hours: look at its last error and finish it by hand", {
        "open for longer": rescue(OPEN, opened_at=NOW - OLD_SECONDS - 1, instance=instance()),
        "open for longer, the source gone": rescue(OPEN, opened_at=NOW - OLD_SECONDS - 1),
        "open for longer and worked on": rescue(OPEN, opened_at=NOW - OLD_SECONDS - 1, signs=ALIVE),
        "open for half a second longer": rescue(OPEN, opened_at=NOW - OLD_SECONDS - 0.5),
        "open since the epoch": rescue(OPEN, opened_at=0.0),
    }),
    (REPORT, BROKEN, {
        "open, not to be read": rescue(OPEN, unreadable=BROKEN),
        "open since the epoch, not to be read": rescue(OPEN, unreadable=BROKEN, opened_at=0.0),
    }),
    (LEAVE, "it is drained; state_change restores its memberships when it runs again", {
        "stop mode, drained": rescue(OPEN, DRAINED, **STOPPING),
        "stop mode, drained, not described": rescue(OPEN, DRAINED, **STOPPED_GONE),
        "stop mode, drained, old and worked on": rescue(OPEN, DRAINED, opened_at=0.0, signs=ALIVE, **STOPPING),
    }),
    (LEAVE, "its notice is over: state_change ends it once it runs again", {
        "stop mode, not drained, runs again": rescue(
            OPEN, notice_end=NOW - 1, instance=instance(stop=True), **STOPPED_GONE
        ),
        "stop mode, not drained, released": rescue(OPEN, notice_end=NOW - 1, **STOPPED_GONE),
        "stop mode, not drained, old": rescue(OPEN, notice_end=NOW - 1, opened_at=0.0, **STOPPED_GONE),
    }),
    (REPORT, LOCKED_LATER, {"done, long under the lock": rescue(OPEN, DONE, locked_later=True, **LOCKED)}),
    (LEAVE, "its rescue is finished", {
        "done, still locked": rescue(OPEN, DONE, **LOCKED),
        "stop mode, done, the notice over": rescue(OPEN, DONE, notice_end=NOW - 1, **STOPPED_GONE),
        "done, gone": rescue(OPEN, DONE),
        "done and old": rescue(OPEN, DONE, opened_at=NOW - 30 * OLD_SECONDS, **LOCKED),
        "stop mode, done, running": rescue(OPEN, DRAINED, DONE, instance=instance(stop=True)),
        "done and lost": rescue(OPEN, DONE, LOST),
    }),
]  # fmt: skip


@pytest.mark.parametrize(("action", "reason", "given"), cases(DECISIONS))
def test_decide(action: RescueAction, reason: str, given: RescueState) -> None:
    """The action, and the reason word for word."""
    assert decide(given, NOW) == RescueDecision(given, action, reason)


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


def acts(item: RescueState) -> bool:
    """Whether it is handed over."""
    return decide(item, NOW).action is HAND_OVER


def test_hold_wins_over_everything() -> None:
    """Whatever else is true, the tag on instance or image keeps the sweep away."""
    held = [rescue for rescue in EVERY if rescue.image_held or "spotkeeper:hold" in str(rescue.instance)]
    assert held
    assert {decide(item, NOW).action for item in held} == {LEAVE}


def test_ended_is_ended() -> None:
    """But for a new lock in stop mode, and for a lost instance that stands under the lock."""
    ended = [rescue for rescue in EVERY if rescue.records & {DONE, LOST} and acts(rescue)]
    assert ended
    assert all(item.locked and (in_stop_mode(item.instance) or LOST in item.records) for item in ended)


def test_nobody_is_disturbed() -> None:
    """An open rescue with a deadline ahead is never handed over."""
    assert not any(acts(rescue) for rescue in EVERY if rescue.open and rescue.signs == ALIVE)


def test_only_what_is_locked_or_open() -> None:
    """Each rescue that is handed over is locked or open."""
    assert all(rescue.locked or rescue.open for rescue in EVERY if acts(rescue))


def test_reported_are_the_old_open_ones() -> None:
    """All without a lock but the held, and those in stop mode that wait for their instance, and none else."""
    reported = [rescue for rescue in EVERY if decide(rescue, NOW).action is REPORT]
    waiting = [
        rescue for rescue in EVERY if "drained" in rescue.records and in_stop_mode(rescue.instance or rescue.event)
    ]
    old = [
        rescue
        for rescue in EVERY
        if rescue.open and not rescue.locked and (rescue.opened_at or NOW) < NOW - OLD_SECONDS and rescue not in waiting
    ]
    assert reported == [item for item in old if not item.image_held and "spotkeeper:hold" not in str(item.instance)]


def wanting(name: str, notice_end: float | None) -> RescueDecision:
    """A hand-over."""
    return RescueDecision(RescueState(name, 1, notice_end=notice_end), HAND_OVER, "because")


ENDS = {"unknown": None, "tight": NOW + 30, "wide": NOW + 280, "over": NOW - 5, "long over": NOW - 900}


def item(name: str, end: float | None, *, due: bool = True) -> Item:
    """What is decided about a rescue whose notice ends then."""
    return Item(name, "", due, lambda: None, urgency=urgency(wanting(name, end), NOW))


@pytest.mark.parametrize("names", [list(ENDS), list(ENDS)[::-1]], ids=["in order", "reversed"])
def test_the_least_time_left_comes_first(names: list[str]) -> None:
    """An unknown notice counts as fairly new; a notice that is over comes last; the others wait for the next sweep."""
    due, later = chosen([item(name, ENDS[name]) for name in names], 3)
    assert [one.name for one in due] == ["tight", "unknown", "wide"]
    assert [one.name for one in later] == ["long over", "over"]


@pytest.mark.parametrize("limit", [0, 1, 3, 5, 9])
def test_the_limit(limit: int) -> None:
    """So many are due, the others wait; nobody is forgotten and nobody is there twice."""
    items = [item(name, end) for name, end in ENDS.items()]
    due, later = chosen(items, limit)
    assert len(due) == min(limit, 5)
    assert {one.name for one in due + later} == set(ENDS)
    assert max([one.urgency for one in due], default=(False, 0.0)) <= min(
        [one.urgency for one in later], default=(True, 0.0)
    )


def test_only_what_is_due_is_chosen() -> None:
    """A rescue that is left or reported takes no place."""
    assert chosen([item("a", None, due=False), item("b", None, due=False)], 50) == ([], [])


def test_the_actions_in_words() -> None:
    """As the audit records them."""
    assert [action.value for action in RescueAction] == ["invoke interruption", "leave", "report"]


@pytest.mark.parametrize(
    ("notice_end", "sorts_as"),
    [
        (None, (False, 240.0)),
        (NOW + 30.5, (False, 30.5)),
        (NOW + 0.5, (False, 0.5)),
        (NOW, (True, 0.0)),
        (NOW - 5, (True, -5.0)),
    ],
)
def test_urgency(notice_end: float | None, sorts_as: tuple[bool, float]) -> None:
    """The seconds left, and last of all what has none."""
    assert urgency(wanting("i-1", notice_end), NOW) == sorts_as


@pytest.mark.parametrize(("used", "quota", "warned"), [(79, 100, 0), (80, 100, 1), (7, 10, 0), (8, 10, 1), (12, 10, 1)])
def test_quota_warnings(used: int, quota: int, warned: int) -> None:
    """From 80 % on, word for word."""
    warning = (
        f"{used} of {quota} custom images are used (SPOTKEEPER_IMAGE_QUOTA): "
        "delete some or raise the quota, or the next rescue makes no image"
    )
    assert quota_warnings([object()] * used, replace(SETTINGS, image_quota=quota)) == [warning] * warned


def test_a_decision_stands() -> None:
    """No field is set after it was made."""
    with pytest.raises(FrozenInstanceError):
        decide(rescue(OPEN), NOW).reason = "another"  # type: ignore[misc]
