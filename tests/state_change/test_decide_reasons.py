"""What an operator reads of a state change: every step with its reason, word for word."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from restarting.decide import STEPS, WRITES, Decision, Step, decide
from restarting.facts import Facts
from spotkeeper.instances import Described
from spotkeeper.restart_rules import Judgement, Verdict, judge
from spotkeeper.restarts import History, Restart
from spotkeeper.settings import RestartRules, StateChangeSettings
from tests.state_change.test_decide import (
    CLOSED,
    EARLY,
    NEW,
    NO_TAG,
    NOW,
    OPEN,
    PLAIN,
    RELEASED,
    SETTINGS,
    STOP,
    TIMELESS,
    event,
    instance,
    loaded,
    seen,
)

RULES = SETTINGS.restart
TEAM = StateChangeSettings.from_env({"SPOTKEEPER_JOURNAL": "file:///journal", "SPOTKEEPER_RESTART_TAG": "team"})
NEVER = StateChangeSettings.from_env({"SPOTKEEPER_JOURNAL": "file:///journal", "SPOTKEEPER_RESTART_LIMIT": "0"})


def answered(text: str) -> str:
    """Equal to ``text`` but not the same object, as everything in an API's answer."""
    return "".join(list(text))


def restarts(*ago: float, **last: Any) -> History:
    """Restarts 7, 8, … that were accepted so many seconds ago, all seen running but the ``last``, if it says so."""
    made = [{name: {"at": NOW - one} for name in ("asked-1", "accepted", "running")} for one in ago]
    if last:
        made[-1] = {name: {"at": NOW - ago[-1]} for name in last["names"]}
    return History(tuple(Restart(number, records) for number, records in enumerate(made, start=7)))


def held(value: str) -> dict[str, Any]:
    """An instance with the restart tag and ``spotkeeper:hold``."""
    return {"tags": {"spotkeeper:auto-restart": "true", "spotkeeper:hold": value}}


STARTED, ASKED = restarts(30, names=("asked-1", "accepted")), restarts(30, names=("asked-1",))
RAN, REFUSED = restarts(30), restarts(30, names=("asked-1", "refused-1"))
BACK: Facts = loaded(answered("Running"), answered("Running"), **STOP)
WAS: Facts = loaded(answered("Running"), "Stopped")
DOWN: Facts = loaded("Stopped", "Stopped")
LOCKED: Facts = loaded("Running", "Running", **STOP, lock="Recycling")
UNDER_ITS_NOTICE: Facts = BACK.but(rescue=NEW)

HELD: Facts = loaded("Running", "Running", **STOP, tags={"spotkeeper:hold": ""})
HANDS_OFF = "the tag spotkeeper:hold says hands off"

TRUE_NOW = "what is true now decides, not the event"
GONE = "the instance does not exist (any more)"
ASKED_FOR = "the start was asked for; it is done once the instance runs"
UNCONCERNED = "it is Running, and neither a restart nor a rescue in stop mode waits for that"
MAY_WAIT = "a restart or a rescue in stop mode may wait for it to run"
OVER = "restart 7 is over: the next stop is another one"
LOCK = "it is under the Recycling lock: its rescue is not over"
ABOUT_TO_BE = "its notice is not over and nobody has seen it stopped: it is about to be"
RUNS_AGAIN = "it runs again, so it gets the weights that it had before the interruption"
NOTHING_WAITS = "it is Running and nothing waits for that"
FINISHED = "the journal says that this rescue is finished"
REBOOTED = "the event knows more than Describe, or it is being rebooted"
BY_NOW = "it is Stopped by now: the event of that decides"
NOT_OURS = "it is starting already, and no restart of ours"
EARLIER_CALL = "it may be starting because an earlier call has started it"
SOMEBODY_ELSE = "somebody else is starting it"
UNTIL = "it is left alone until 1970-01-01T0"
TIMES = "it was started again {} times in the last 3600 s and stopped again each time (SPOTKEEPER_RESTART_LIMIT)"
FIRST = "it is stopped: restart 1 of at most 3 in 3600 s"
SECOND = "it is stopped: restart 2 of at most 3 in 3600 s"
PAUSE = "restart {} of the window waits for {} s after the one before: until 1970-01-01T02:4{}.000Z"

REASONS = [
    # the event alone
    *((SETTINGS, event(state), Step.LOOK, TRUE_NOW) for state in ("Created", "Pending", "Running", "Stopped")),
    *((SETTINGS, seen(state, "Pending"), Step.SKIP, "the instance is new") for state in ("Created", "Pending")),
    (SETTINGS, event("Starting"), Step.SKIP, "it is starting: its next event tells how that ended"),
    (SETTINGS, event("Stopping"), Step.SKIP, "it is stopping or restarting: its next event tells how that ended"),
    (SETTINGS, event("Deleted"), Step.LOAD, "a rescue in stop mode may wait for it to run"),
    (SETTINGS, RELEASED, Step.SKIP, "the instance is released"),
    (SETTINGS, RELEASED.but(rescue=OPEN), Step.LOOK, TRUE_NOW),
    (SETTINGS, RELEASED.but(rescue=OPEN, looked=True), Step.FINISH, "nobody can put back what is released"),
    (
        SETTINGS,
        RELEASED.but(rescue=OPEN, looked=True, instance=instance("Stopped")),
        Step.SKIP,
        "it is Stopped, whatever the event says",
    ),
    (SETTINGS, RELEASED.but(rescue=CLOSED, closed=True), Step.DONE, "it is released"),
    (SETTINGS, event("é"), Step.SKIP, r"'\xe9' is no state that anything is known about"),
    *((SETTINGS, event(state).but(looked=True), Step.SKIP, GONE) for state in ("Running", "Stopped")),
    # this call has asked for the start
    *((SETTINGS, loaded(state, "Stopped").but(asked_at=0.0), Step.WAIT, ASKED_FOR) for state in ("Running", "Stopped")),
    # it runs
    (NO_TAG, seen("Stopped", "Running"), Step.SKIP, UNCONCERNED),
    (SETTINGS, seen("Running", "Running", **PLAIN), Step.SKIP, UNCONCERNED),
    (NO_TAG, seen("Running", "Running", **STOP), Step.LOAD, MAY_WAIT),
    (SETTINGS, seen("Stopped", "Running"), Step.LOAD, MAY_WAIT),
    (
        SETTINGS,
        BACK.but(history=STARTED),
        Step.LOOK,
        "it may have been stopped and restarted since it was looked at",
    ),
    (SETTINGS, BACK.but(history=STARTED, looked_since_loaded=True), Step.RECORD_RUN, OVER),
    (SETTINGS, BACK.but(rescue=OPEN, serves=True), Step.FINISH, "its rescue ends where it began"),
    (SETTINGS, LOCKED.but(rescue=OPEN), Step.SKIP, LOCK),
    (SETTINGS, HELD.but(rescue=OPEN), Step.SKIP, HANDS_OFF),
    (SETTINGS, HELD.but(rescue=OPEN, ran=True), Step.DONE, HANDS_OFF),
    (SETTINGS, LOCKED.but(rescue=OPEN, ran=True), Step.DONE, LOCK),
    (SETTINGS, UNDER_ITS_NOTICE, Step.SKIP, ABOUT_TO_BE),
    (SETTINGS, UNDER_ITS_NOTICE.but(ran=True), Step.DONE, ABOUT_TO_BE),
    (SETTINGS, BACK.but(rescue=EARLY), Step.SERVE, RUNS_AGAIN),
    (SETTINGS, BACK.but(ran=True), Step.DONE, "it runs"),
    (SETTINGS, BACK.but(rescue=CLOSED, serves=True), Step.DONE, "it runs"),
    (SETTINGS, BACK.but(rescue=CLOSED), Step.ANSWER, FINISHED),
    (SETTINGS, BACK.but(rescue={**CLOSED, "done": {"at": NOW - 1}}), Step.ANSWER, FINISHED),
    (SETTINGS, BACK.but(rescue={**CLOSED, "done": {"at": NOW - 1.5}}), Step.SKIP, NOTHING_WAITS),
    (SETTINGS, TIMELESS.but(instance=instance("Running"), rescue=CLOSED), Step.SKIP, NOTHING_WAITS),
    (SETTINGS, loaded("Stopped", "Running", **STOP).but(rescue=CLOSED), Step.SKIP, NOTHING_WAITS),
    (SETTINGS, BACK, Step.SKIP, NOTHING_WAITS),
    # it ran
    *((NO_TAG, seen("Running", status), Step.SKIP, f"it is {status} by now") for status in ("Stopped", "Starting")),
    *(
        (SETTINGS, loaded("Running", status), Step.SKIP, f"it is {status}, and nothing waits for it to run")
        for status in ("Starting", "Pending")
    ),
    *(
        (SETTINGS, loaded("Running", status).but(history=STARTED), Step.WAIT, REBOOTED)
        for status in ("Starting", "Pending")
    ),
    (SETTINGS, seen("Running", "Stopped"), Step.LOAD, "a restart may wait for it to run"),
    (SETTINGS, WAS.but(history=STARTED), Step.RECORD_RUN, OVER),
    *((SETTINGS, WAS.but(history=restarts(ago, names=("asked-1", "accepted"))), Step.SKIP, BY_NOW) for ago in (1, 0)),
    (SETTINGS, TIMELESS.but(instance=instance("Stopped"), history=STARTED), Step.SKIP, BY_NOW),
    (SETTINGS, WAS.but(history=RAN), Step.SKIP, BY_NOW),
    # it is being started
    (NO_TAG, seen("Stopped", "Starting"), Step.SKIP, NOT_OURS),
    (SETTINGS, seen("Stopped", "Pending", **PLAIN), Step.SKIP, NOT_OURS),
    *((SETTINGS, seen("Stopped", status), Step.LOAD, EARLIER_CALL) for status in ("Starting", "Pending")),
    *(
        (SETTINGS, loaded("Stopped", "Starting").but(history=one), Step.WAIT, "restart 7 is under way")
        for one in (STARTED, ASKED)
    ),
    *(
        (SETTINGS, loaded("Stopped", "Starting").but(history=one), Step.SKIP, SOMEBODY_ELSE)
        for one in (History(), RAN, REFUSED)
    ),
    # it is stopped
    (SETTINGS, seen("Stopped", "Stopped"), Step.LOAD, "how often was it started?"),
    (SETTINGS, loaded("Stopped", answered("Stopped")), Step.START, FIRST),
    (SETTINGS, loaded("Stopped", "Stopped", ExpiredTime="1970-01-01T02:47Z"), Step.START, FIRST),
    (SETTINGS, loaded("Stopped", "Stopped", **held("1970-01-01T00:00:00Z")), Step.START, FIRST),
    (SETTINGS, DOWN.but(belongs=None), Step.LOAD, "how often was it started?"),
    (SETTINGS, DOWN.but(belongs="its rescue i-1/1 is finished"), Step.SKIP, "its rescue i-1/1 is finished"),
    (SETTINGS, DOWN.but(history=STARTED), Step.WAIT, "restart 7 was accepted a moment ago"),
    (NEVER, DOWN, Step.SKIP, "SPOTKEEPER_RESTART_LIMIT is 0: no instance is started again"),
    (SETTINGS, DOWN.but(history=REFUSED), Step.START, FIRST),
    (SETTINGS, DOWN.but(history=restarts(3_600)), Step.START, FIRST),
    (SETTINGS, DOWN.but(history=restarts(60)), Step.START, SECOND),
    (SETTINGS, DOWN.but(history=restarts(59)), Step.SKIP, PAUSE.format(2, 60, "6:41")),
    (SETTINGS, DOWN.but(history=restarts(500, 119)), Step.SKIP, PAUSE.format(3, 120, "6:41")),
    (SETTINGS, DOWN.but(history=restarts(3_599, 900, 500)), Step.REPORT, f"{TIMES.format(3)}: {UNTIL}2:46:41.000Z"),
    (
        SETTINGS,
        DOWN.but(history=restarts(3_000, 2_000, 900, 500)),
        Step.REPORT,
        f"{TIMES.format(4)}: {UNTIL}3:13:20.000Z",
    ),
    (
        SETTINGS,
        DOWN.but(history=restarts(3_000, 900, 500).but(9, "reported", {})),
        Step.SKIP,
        f"{TIMES.format(3)}: {UNTIL}2:56:40.000Z",
    ),
]


@pytest.mark.parametrize(("settings", "facts", "step", "reason"), REASONS)
def test_the_reason(settings: StateChangeSettings, facts: Facts, step: Step, reason: str) -> None:
    """Word for word."""
    assert decide(settings, facts) == Decision(step, reason)


AGAINST = [
    (NO_TAG, instance("Stopped"), "SPOTKEEPER_RESTART_TAG is empty: no instance is started again"),
    (
        SETTINGS,
        instance("Stopped", **PLAIN),
        "it does not carry the tag spotkeeper:auto-restart=true (SPOTKEEPER_RESTART_TAG)",
    ),
    (TEAM, instance("Stopped"), "it does not carry the tag team (SPOTKEEPER_RESTART_TAG)"),
    (SETTINGS, instance("Stopping"), "it is Stopping, not Stopped"),
    (
        SETTINGS,
        instance("Stopped", lock="Recycling"),
        "it is under the Recycling lock: until that is gone it belongs to the rescue",
    ),
    (
        SETTINGS,
        instance("Stopped", lock="financial"),
        "it is under the lock financial: that is for a human to settle",
    ),
    *(
        (SETTINGS, instance("Stopped", ExpiredTime=then), f"it expired at {then}: renew it")
        for then in ("1970-01-01T02:46Z", "1970-01-01T00:00Z")
    ),
    (SETTINGS, instance("Stopped", **held("")), "the tag spotkeeper:hold says hands off"),
    (
        SETTINGS,
        instance("Stopped", **held("1970-01-01T03:00:00Z")),
        "the tag spotkeeper:hold says hands off until 1970-01-01T03:00:00.000Z",
    ),
]


@pytest.mark.parametrize(("settings", "shown", "reason"), AGAINST)
def test_what_the_instance_itself_says_against_it(settings: StateChangeSettings, shown: Described, reason: str) -> None:
    """Word for word, whatever is in the journal, which need not be read for it."""
    facts = event("Stopped").but(looked=True, instance=shown)
    assert decide(settings, facts) == Decision(Step.SKIP, reason)
    known = facts.but(loaded=True, history=STARTED, belongs="it belongs to a rescue")
    assert decide(settings, known) == Decision(Step.SKIP, reason)


def test_every_step_has_its_reason_here() -> None:
    """No step is decided on for a reason that no row has."""
    assert {step for _, _, step, _ in REASONS} == set(Step)


def test_the_steps_in_words() -> None:
    """As the audit records them; those that write are not taken in a dry run."""
    assert {step.value: step in WRITES for step in Step} == {
        "look at the instance": False,
        "skip": False,
        "read the journal": False,
        "report that the limit is reached": True,
        "start the instance": True,
        "wait until it is running": False,
        "record that it ran again": True,
        "return to the groups": True,
        "close the episode": True,
        "answer what the journal says": False,
        "done": False,
    }


def test_the_verdicts_in_words() -> None:
    """Each of them leads to a step."""
    assert {verdict.value: step for verdict, step in STEPS.items()} == {
        "start it": Step.START,
        "wait for a start that is under way": Step.WAIT,
        "start it later": Step.SKIP,
        "leave it alone until the window is over": Step.SKIP,
        "leave it alone": Step.SKIP,
        "leave it to a human": Step.SKIP,
    }
    assert set(STEPS) == set(Verdict)


@pytest.mark.parametrize(
    ("rules", "history", "due_at"),
    [
        (RULES, History(), None),
        (RULES, restarts(59), NOW + 1),
        (RULES, restarts(3_000, 900, 500), NOW + 600),
        (RULES, restarts(3_000, 2_000, 900, 500), NOW + 1_600),
        (replace(RULES, limit=1), restarts(3_000, 900), NOW + 2_700),
        (replace(RULES, window=30.0), restarts(20), NOW + 10),
    ],
)
def test_when_a_start_is_due(rules: RestartRules, history: History, due_at: float | None) -> None:
    """When the back-off or the window is over, whichever comes first; no moment where nothing is due."""
    assert judge(rules, instance("Stopped"), history, NOW).due_at == due_at


def test_a_decision_stands() -> None:
    """Nobody edits it on its way to the audit."""
    with pytest.raises(FrozenInstanceError):
        decide(SETTINGS, DOWN).reason = "another"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        Judgement(Verdict.LEAVE, "because").reason = "another"  # type: ignore[misc]
