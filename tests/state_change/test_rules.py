"""``decide_restart`` as a table: every combination of its inputs, with the decision and the sentence of its reason."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import pytest

from spotkeeper.restart_decision import RestartAction, RestartDecision, back_off, decide_next_try, decide_restart
from spotkeeper.restart_records import MOST_TRIES, History, Restart
from spotkeeper.settings.state_change import RestartRules
from spotkeeper.settings.types import TagFilter
from tests.tables import described

NOW = 1_554_783_600.0  # 2019-04-09T04:20:00Z
RULES = RestartRules(TagFilter("spotkeeper:auto-restart", "true"), limit=3, window=3600.0)
TAGGED = {"spotkeeper:auto-restart": "true"}

Case = tuple[Any, RestartAction | None, str]
"""A value of one input; the verdict that it leads to, or None where it does not stand in the way; the reason."""

UNTAGGED = "it does not carry the tag spotkeeper:auto-restart=true (SPOTKEEPER_RESTART_TAG)"
MANAGED = "{} manages it, and alone decides whether it runs"
RECLAIMED = "it is under the Recycling lock: only its rescue starts it"
LOCKED = "it is under the lock {}, which needs a human"
HELD = "the tag spotkeeper:hold forbids changes"
TAG: list[Case] = [
    ((RULES.tag, TAGGED), None, ""),
    ((None, TAGGED), RestartAction.LEAVE, "SPOTKEEPER_RESTART_TAG is empty: no instance is started again"),
    ((RULES.tag, {"spotkeeper:auto-restart": "no"}), RestartAction.LEAVE, UNTAGGED),
    ((RULES.tag, {}), RestartAction.LEAVE, UNTAGGED),
    (
        (RULES.tag, {**TAGGED, "acs:autoscaling:scalingGroupId": "asg-1"}),
        RestartAction.LEAVE,
        MANAGED.format("Auto Scaling"),
    ),
    ((RULES.tag, {**TAGGED, "ack.aliyun.com": "c"}), RestartAction.LEAVE, MANAGED.format("ACK")),
]
STATUS: list[Case] = [
    ("Stopped", None, ""),
    ("Running", RestartAction.LEAVE, "it is Running, not Stopped"),
    ("Starting", RestartAction.LEAVE, "it is Starting, not Stopped"),
    ("Stopping", RestartAction.LEAVE, "it is Stopping, not Stopped"),
]
LOCKS: list[Case] = [
    ([], None, ""),
    (["Recycling"], RestartAction.LEAVE, RECLAIMED),
    (["recycling", "security"], RestartAction.LEAVE, RECLAIMED),
    (["financial"], RestartAction.LEAVE, LOCKED.format("financial")),
    (["security"], RestartAction.LEAVE, LOCKED.format("security")),
    (["dedicatedhostfinancial", "refund"], RestartAction.LEAVE, LOCKED.format("dedicatedhostfinancial, refund")),
]
EXPIRY: list[Case] = [
    ("2099-12-31T15:59Z", None, ""),
    (None, None, ""),
    ("2019-04-09T04:20Z", RestartAction.LEAVE, "it expired at 2019-04-09T04:20Z: renew it"),
    ("2019-04-09T04:21Z", None, ""),
]
HOLD: list[Case] = [
    (None, None, ""),
    ("", RestartAction.LEAVE, HELD),
    ("until I say so", RestartAction.LEAVE, HELD),
    ("2019-04-09T12:00:00Z", RestartAction.LATER, f"{HELD} until 2019-04-09T12:00:00.000Z"),
    ("2019-04-09T06:21:00+0200", RestartAction.LATER, f"{HELD} until 2019-04-09T04:21:00.000Z"),
    ("2019-04-09T04:20:00Z", None, ""),
]
RESCUE: list[Case] = [
    ("", None, ""),
    ("its rescue i-1/1 is finished", RestartAction.LEAVE, "its rescue i-1/1 is finished"),
]


def restarts(*ago: float, **last: Any) -> History:
    """Restarts that were started so many seconds ago; the last has other records where ``last`` says so."""
    made = [{"asked-1": {"at": NOW - item}, "accepted": {"at": NOW - item}, "running": {}} for item in ago]
    if last:
        made[-1] = {name: {"at": NOW - ago[-1]} for name in last["names"]}
    return History(tuple(Restart(number, records) for number, records in enumerate(made, start=1)))


def start(place: int) -> tuple[RestartAction, str]:
    """The verdict on an instance that nothing keeps from its start."""
    return RestartAction.START, f"it is stopped: restart {place} of at most 3 in 3600 s"


def later(place: int, pause: int, until: str) -> tuple[RestartAction, str]:
    """The verdict on an instance whose back-off is not over."""
    waits = f"restart {place} of the window waits for {pause} s after the restart before"
    return RestartAction.LATER, f"{waits}: until 2019-04-09T{until}.000Z"


def limit(until: str) -> tuple[RestartAction, str]:
    """The verdict on an instance that was started three times in the window."""
    times = "it was started again 3 times in the last 3600 s and stopped again each time"
    return RestartAction.LIMIT, f"{times} (SPOTKEEPER_RESTART_LIMIT): it is left alone until 2019-04-09T{until}.000Z"


WAIT = (RestartAction.WAIT, "restart 1 was accepted a moment ago")
HISTORY: list[tuple[History, tuple[RestartAction, str]]] = [
    (History(), start(1)),
    # the back-off counts from the last start
    (restarts(59), later(2, 60, "04:20:01")),
    (restarts(60), start(2)),
    (restarts(500, 119), later(3, 120, "04:20:01")),
    (restarts(500, 120), start(3)),
    # the window
    (restarts(3599, 1000, 500), limit("04:20:01")),
    (restarts(3600, 1000, 500), start(3)),
    (restarts(3000, 1000, 10), limit("04:30:00")),
    (restarts(9000, 8000, 7000, 3600), start(1)),
    (restarts(9000, 8000, 7000, 59), later(2, 60, "04:20:01")),
    # this stop's own restart: begun, refused, unanswered, accepted
    (restarts(5, names=("asked-1",)), start(1)),
    (restarts(5, names=("asked-1", "refused-1")), start(1)),
    (restarts(5, names=("asked-1", "refused-1", "asked-2")), start(1)),
    (restarts(59, names=("asked-1", "accepted")), WAIT),
    (restarts(59, names=("asked-1", "refused-1", "accepted")), WAIT),
    (restarts(60, names=("asked-1", "accepted")), start(2)),
    (restarts(500, 400, 61, names=("asked-1", "accepted")), limit("05:11:40")),
    # earlier ones: died before it could say, refused and then started by somebody else
    (restarts(50, names=("asked-1", "running")), later(2, 60, "04:20:10")),
    (restarts(50, names=("asked-1", "refused-1", "running")), start(1)),
    (restarts(50, names=("asked-1", "refused-1", "asked-2", "running")), later(2, 60, "04:20:10")),
    (restarts(50, names=("asked-1", "refused-1", "accepted", "running")), later(2, 60, "04:20:10")),
]
REFUSED: list[tuple[int, int, str]] = [
    (1, 60, "04:21:00"),
    (2, 120, "04:22:00"),
    (3, 240, "04:24:00"),
    (4, 480, "04:28:00"),
    (5, 900, "04:35:00"),
    (999, 900, "04:35:00"),
]
"""Starts that were refused in a row; for how many seconds the sweep waits; the end of that, if the last was now."""
INPUTS = [TAG, STATUS, LOCKS, EXPIRY, HOLD, RESCUE]
"""In the order in which they decide."""


def instance(
    tags: dict[str, str], status: str = "Stopped", locks: Iterable[str] = (), expiry: str | None = None
) -> dict[str, Any]:
    """An instance as DescribeInstances shows it."""
    return described(tags, *locks, Status=status, ExpiredTime=expiry)


def judged(inputs: tuple[Any, ...], history: History) -> RestartDecision:
    """The decision on an instance with these inputs."""
    (tag, tags), status, locks, expiry, hold, belongs = inputs
    held = {} if hold is None else {"spotkeeper:hold": hold}
    shown = instance({**tags, **held}, status, locks, expiry)
    return decide_restart(RestartRules(tag, RULES.limit, RULES.window), shown, history, NOW, belongs=belongs)


def test_every_combination() -> None:
    """The first input that stands in the way decides; where none does, the history does."""
    for cases in itertools.product(*INPUTS):
        against = next(((verdict, reason) for _, verdict, reason in cases if verdict), None)
        for history, expected in HISTORY if against is None else HISTORY[::6]:
            found = judged(tuple(value for value, _, _ in cases), history)
            assert (found.action, found.reason) == (against or expected), (cases, history)


def test_a_limit_of_none() -> None:
    """Then nothing is ever started, and nothing is due later."""
    found = decide_restart(RestartRules(TagFilter("x"), 0, 3600.0), instance({"x": ""}), History(), NOW)
    assert found == RestartDecision(RestartAction.LEAVE, "SPOTKEEPER_RESTART_LIMIT is 0: no instance is started again")


@pytest.mark.parametrize(("restarts_before", "pause"), [(0, 0), (1, 60), (2, 120), (3, 240), (4, 480)])
def test_back_off(restarts_before: int, pause: float) -> None:
    """It doubles."""
    assert back_off(restarts_before) == pause


def test_a_back_off_never_outlasts_the_window() -> None:
    """A hundred restarts in a window do not make a moment that no clock can show."""
    rules = RestartRules(RULES.tag, 200, 3600.0)
    history = restarts(*(3000 - 25 * number for number in range(100)))
    found = decide_restart(rules, instance(TAGGED), history, NOW)
    assert found.due_at == history.restarts[-1].at + 3600


def tried(number: int, ago: float, *more: str) -> tuple[dict[str, Any], History]:
    """A tagged stopped instance of which so many starts were refused, the last so many seconds ago."""
    names = [f"{verb}-{item}" for verb in ("asked", "refused") for item in range(1, number + 1)]
    return instance(TAGGED), History((Restart(7, {name: {"at": NOW - ago} for name in (*names, *more)}),))


@pytest.mark.parametrize(("number", "pause", "until"), REFUSED)
def test_refused(number: int, pause: int, until: str) -> None:
    """The sweep waits ever longer; an event never."""
    reason = f"starts refused in a row: {number}; the next is due at 2019-04-09T{until}.000Z"
    assert decide_next_try(RULES, *tried(number, 0), NOW) == RestartDecision(RestartAction.LATER, reason, NOW + pause)
    assert decide_next_try(RULES, *tried(number, pause - 1), NOW).action is RestartAction.LATER
    for ago in (pause, pause + 1):
        assert decide_next_try(RULES, *tried(number, ago), NOW).action is RestartAction.START
    assert decide_restart(RULES, *tried(number, 0), NOW).action is RestartAction.START


@pytest.mark.parametrize("more", ["asked-4", "running", "accepted"])
def test_not_refused_any_more(more: str) -> None:
    """A start without an answer, or an accepted start, ends the row."""
    assert decide_next_try(RULES, *tried(3, 100, more), NOW) == decide_restart(RULES, *tried(3, 100, more), NOW)


def test_refused_for_ever() -> None:
    """After ten days of refusals a human is asked for."""
    reason = f"{MOST_TRIES} starts in a row were refused: start it by hand"
    assert decide_next_try(RULES, *tried(MOST_TRIES, 10_000), NOW) == RestartDecision(RestartAction.GIVE_UP, reason)
