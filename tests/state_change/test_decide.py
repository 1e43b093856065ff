"""``decide`` as a table: the next step and its reason, word for word, from the settings, the event and the state."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from restarting.decide import STEPS, decide
from restarting.state import State
from restarting.steps import Step
from spotkeeper.events.kinds import StateChange
from spotkeeper.loop import Decision
from spotkeeper.restart_decision import RestartAction, RestartDecision, decide_restart
from spotkeeper.restart_records import History, Restart
from spotkeeper.settings.state_change import RestartRules, StateChangeSettings
from tests.tables import answered, cases, described

JOURNAL = {"SPOTKEEPER_JOURNAL": "file:///journal"}
SETTINGS = StateChangeSettings.from_env(JOURNAL)
NO_TAG = StateChangeSettings.from_env({**JOURNAL, "SPOTKEEPER_RESTART_TAG": ""})
TEAM = StateChangeSettings.from_env({**JOURNAL, "SPOTKEEPER_RESTART_TAG": "team"})
NEVER = StateChangeSettings.from_env({**JOURNAL, "SPOTKEEPER_RESTART_LIMIT": "0"})
RULES = SETTINGS.restart
NOW = 10_000.0


def instance(status: str, **changes: Any) -> dict[str, Any]:
    """An instance with the restart tag, as DescribeInstances shows it; ``tags`` and ``lock`` are short forms."""
    tags, lock = changes.pop("tags", {"spotkeeper:auto-restart": "true"}), changes.pop("lock", "")
    usual = {"Status": status, "SpotStrategy": "SpotAsPriceGo", "StartTime": "1970-01-01T01:00Z"}
    return described(tags, lock, **{**usual, **changes})


def event(told: str, time: float | None = NOW - 1) -> State:
    """What a call knows when it has read its event."""
    return State(NOW, StateChange("id", "Instance:StateChange", "cn-hangzhou", "1", time, "i-1", told))


def seen(state: str, status: str, **changes: Any) -> State:
    """And has looked at the instance."""
    return event(state).replace(looked=True, instance=instance(status, **changes), stopped_here=status == "Stopped")


def loaded(state: str, status: str, **changes: Any) -> State:
    """And has read the journal."""
    return seen(state, status, **changes).replace(loaded=True, belongs="" if status == "Stopped" else None)


def restarts(*ago: float, **last: Any) -> History:
    """Restarts 7, 8, … that were accepted so many seconds ago, all seen running but the ``last``, if it says so."""
    made = [{name: {"at": NOW - seconds} for name in ("asked-1", "accepted", "running")} for seconds in ago]
    if last:
        made[-1] = {name: {"at": NOW - ago[-1]} for name in last["names"]}
    return History(tuple(Restart(number, records) for number, records in enumerate(made, start=7)))


def held(value: str) -> dict[str, Any]:
    """An instance with the restart tag and ``spotkeeper:hold``."""
    return {"tags": {"spotkeeper:auto-restart": "true", "spotkeeper:hold": value}}


STOP: dict[str, Any] = {"SpotInterruptionBehavior": "Stop"}
PLAIN: dict[str, Any] = {"tags": {}}
OPEN: dict[str, Any] = {
    "event": {**STOP, "notice_end": NOW - 100},
    "memberships": {"memberships": []},
    "drained": {"at": NOW - 300},
}
EARLY: dict[str, Any] = {"event": {**STOP, "notice_end": NOW + 100}, "drained": {"at": NOW - 50}}
NEW: dict[str, Any] = {"event": EARLY["event"]}
CLOSED: dict[str, Any] = {**OPEN, "done": {"at": NOW, "answer": {}}}
STARTED, ASKED = restarts(30, names=("asked-1", "accepted")), restarts(30, names=("asked-1",))
RAN, REFUSED = restarts(30), restarts(30, names=("asked-1", "refused-1"))
RELEASED = event("Deleted").replace(loaded=True)
TIMELESS = event("Running", None).replace(looked=True, loaded=True)
BACK: State = loaded(answered("Running"), answered("Running"), **STOP)
SERVES: State = BACK.replace(rescue=OPEN, serves=True, looked_since_served=True)
RUNS: State = loaded("Running", "Running")
WAS: State = loaded(answered("Running"), "Stopped")
DOWN: State = loaded("Stopped", "Stopped")
STARTING: State = loaded("Stopped", "Starting")
REBOOTS: State = loaded("Running", "Starting")
LOCKED: State = loaded("Running", "Running", **STOP, lock="Recycling")
HELD: State = loaded("Running", "Running", **STOP, tags={"spotkeeper:hold": ""})

HELD_REASON = "the tag spotkeeper:hold forbids changes"
LOCK = "it is under the Recycling lock: its rescue is not over"
ABOUT_TO_BE = "its notice is not over and it was not stopped yet: it is about to be stopped"
TIMES = (
    "it was started again {} times in the last 3600 s and stopped again each time (SPOTKEEPER_RESTART_LIMIT): "
    "it is left alone until 1970-01-01T0{}.000Z"
)

DECISIONS: list[tuple[Step, str, list[Any]]] = [
    # the event alone
    (Step.LOOK, "the current state of the instance decides, not the event", [
        *map(event, ("Created", "Pending", "Running", "Stopped")), RELEASED.replace(rescue=OPEN),
    ]),
    (Step.SKIP, "the instance is new", [
        *(seen(state, status) for state in ("Created", "Pending") for status in ("Pending", "Stopped")),
    ]),
    (Step.SKIP, "it is starting: its next event shows the result", [event("Starting")]),
    (Step.SKIP, "it is stopping or restarting: its next event shows the result", [event("Stopping")]),
    (Step.SKIP, r"'\xe9' is an unknown state", [event("é")]),
    (Step.SKIP, "'stopped' is an unknown state", [event("stopped")]),
    (Step.SKIP, "the instance does not exist", [
        *(event(state).replace(looked=True) for state in ("Running", "Stopped")),
    ]),
    # released
    (Step.LOAD, "a rescue in stop mode may be waiting for it to run", [event("Deleted")]),
    (Step.SKIP, "the instance is released", [
        RELEASED, RELEASED.replace(rescue={"event": {"notice_end": NOW}}), RELEASED.replace(rescue=CLOSED),
    ]),
    (Step.SKIP, "it is Stopped although the event says Deleted", [
        *(RELEASED.replace(rescue=OPEN, looked=True, instance=instance("Stopped", **mode)) for mode in ({}, STOP)),
    ]),
    (Step.FINISH, "a released instance cannot return to its groups", [RELEASED.replace(rescue=OPEN, looked=True)]),
    (Step.DONE, "it is released", [
        RELEASED.replace(rescue=CLOSED, closed=True), RELEASED.replace(rescue=CLOSED, looked=True, closed=True),
    ]),
    # this call has asked for the start
    (Step.WAIT, "the start was requested; the restart ends once the instance is running", [
        WAS.replace(asked_at=0.0), DOWN.replace(asked_at=0.0),
        DOWN.replace(asked_at=NOW), STARTING.replace(asked_at=NOW),
    ]),
    # it runs
    (Step.SKIP, "it is Running, and neither a restart nor a rescue in stop mode is waiting for that", [
        *((NO_TAG, seen(state, "Running")) for state in ("Stopped", "Running")),
        *(seen(state, "Running", **PLAIN) for state in ("Stopped", "Running")),
        seen("Running", "Running", **PLAIN, **STOP, SpotStrategy="NoSpot"),
    ]),
    (Step.LOAD, "a restart or a rescue in stop mode may be waiting for it to run", [
        *(seen(state, "Running") for state in ("Stopped", "Running")),
        seen("Running", "Running", **PLAIN, **STOP), (NO_TAG, seen("Running", "Running", **STOP)),
    ]),
    (Step.LOOK, "it may have been stopped and started again since the last look", [
        BACK.replace(history=STARTED), RUNS.replace(history=STARTED), RUNS.replace(history=ASKED),
    ]),
    (Step.RECORD_RUN, "restart 7 has ended: the next stop counts anew", [
        BACK.replace(history=STARTED, looked_since_loaded=True), WAS.replace(history=STARTED),
        *(RUNS.replace(history=history, looked_since_loaded=True) for history in (STARTED, REFUSED)),
    ]),
    (Step.RECORD_START, "the instance was started after restart 7 was requested", [
        *(RUNS.replace(history=ASKED, looked_since_loaded=True, instance=instance("Running", StartTime=minute))
          for minute in ("1970-01-01T01:00Z", "1970-01-01T02:46Z", "")),
        *(loaded(told, "Stopped", StartTime=minute).replace(history=ASKED)
          for told in ("Running", "Stopped") for minute in ("1970-01-01T02:45Z", "1970-01-01T02:46Z", "")),
    ]),
    (Step.FINISH, "the instance is back in its groups", [SERVES]),
    (Step.LOOK, "it may have been interrupted again while its weights were restored", [
        SERVES.replace(looked_since_served=False),
    ]),
    (Step.SKIP, LOCK, [LOCKED.replace(rescue=OPEN), SERVES.replace(instance=LOCKED.instance)]),
    (Step.DONE, LOCK, [LOCKED.replace(rescue=OPEN, ran=True)]),
    (Step.SKIP, HELD_REASON, [HELD.replace(rescue=OPEN)]),
    (Step.DONE, HELD_REASON, [HELD.replace(rescue=OPEN, ran=True)]),
    (Step.SKIP, ABOUT_TO_BE, [
        BACK.replace(rescue=NEW), BACK.replace(rescue={**EARLY, "drained": {"at": NOW - 1}}),
        TIMELESS.replace(instance=instance("Running", **STOP), rescue=EARLY),
    ]),
    (Step.DONE, ABOUT_TO_BE, [BACK.replace(rescue=NEW, ran=True)]),
    (Step.INCOMPLETE, "the search for its memberships was not finished", [
        SERVES.replace(rescue={**OPEN, "memberships": {"memberships": [], "complete": False}}),
        SERVES.replace(rescue={"event": OPEN["event"]}),
        loaded("Running", "Running", **STOP, tags={"ack.aliyun.com": "x"}).replace(rescue={"event": OPEN["event"]}),
    ]),
    *((Step.FINISH, f"{manager} manages it and restores its memberships itself", [
        loaded("Running", "Running", **STOP, tags={key: "x"}).replace(rescue=OPEN),
        BACK.replace(rescue={**OPEN, "event": {**OPEN["event"], "managed_by": manager}}),
    ]) for manager, key in (("Auto Scaling", "acs:autoscaling:scalingGroupId"), ("ACK", "ack.aliyun.com"))),
    (Step.SERVE, "it is running again and gets the weights from before the interruption", [
        BACK.replace(rescue=EARLY), BACK.replace(rescue=OPEN), BACK.replace(rescue=NEW, stopped_here=True),
    ]),
    (Step.DONE, "it runs", [
        BACK.replace(ran=True), SERVES.replace(rescue=CLOSED, closed=True), RUNS.replace(history=RAN, ran=True),
    ]),
    (Step.ANSWER, "the journal says that this rescue is finished", [
        BACK.replace(rescue=CLOSED), BACK.replace(rescue={**CLOSED, "done": {"at": NOW - 1}}),
    ]),
    (Step.SKIP, "it is Running and nothing is waiting for that", [
        BACK, RUNS, RUNS.replace(history=RAN), BACK.replace(rescue={**OPEN, "lost": {"at": NOW}}),
        *(BACK.replace(rescue={**CLOSED, "done": {"at": NOW - ago}}) for ago in (1.5, 5)),
        TIMELESS.replace(instance=instance("Running"), rescue=CLOSED),
        loaded("Stopped", "Running", **STOP).replace(rescue=CLOSED),
    ]),
    # it ran
    (Step.SKIP, "it is Stopped by now", [
        (NO_TAG, seen("Running", "Stopped")), seen("Running", "Stopped", **PLAIN),
    ]),
    (Step.SKIP, "it is Starting by now", [(NO_TAG, seen("Running", "Starting"))]),
    (Step.SKIP, "it is Starting, and nothing is waiting for it to run", [
        REBOOTS, REBOOTS.replace(history=RAN), loaded("Running", "Starting", **STOP).replace(rescue=CLOSED),
    ]),
    (Step.SKIP, "it is Pending, and nothing is waiting for it to run", [loaded("Running", "Pending")]),
    (Step.WAIT, "the event is newer than Describe, or the instance is rebooting", [
        REBOOTS.replace(history=STARTED), loaded("Running", "Pending").replace(history=STARTED),
        loaded("Running", "Starting", **STOP).replace(rescue=OPEN),
    ]),
    (Step.LOAD, "a restart may be waiting for it to run", [seen("Running", "Stopped"), seen("Running", "Starting")]),
    (Step.SKIP, "it is Stopped by now: the event about that state decides", [
        *(WAS.replace(history=restarts(ago, names=("asked-1", "accepted"))) for ago in (1, 0)),
        WAS, WAS.replace(history=RAN), WAS.replace(history=restarts(1, names=("asked-1",))),
        TIMELESS.replace(instance=instance("Stopped"), history=STARTED),
    ]),
    # it is being started
    (Step.SKIP, "it is starting already, and this is not a restart by Spotkeeper", [
        (NO_TAG, seen("Stopped", "Starting")),
        *(seen("Stopped", status, **PLAIN) for status in ("Pending", "Starting")),
    ]),
    (Step.LOAD, "an earlier call may have started it", [
        seen("Stopped", "Starting"), seen("Stopped", "Pending"),
    ]),
    (Step.WAIT, "restart 7 is under way", [*(STARTING.replace(history=history) for history in (STARTED, ASKED))]),
    (Step.SKIP, "it was not started by Spotkeeper", [
        *(STARTING.replace(history=history) for history in (History(), RAN, REFUSED)),
    ]),
    # it is stopped
    (Step.LOAD, "the limit of restarts counts earlier ones", [seen("Stopped", "Stopped"), DOWN.replace(belongs=None)]),
    (Step.START, "it is stopped: restart 1 of at most 3 in 3600 s", [
        loaded("Stopped", answered("Stopped")), DOWN.replace(history=REFUSED), DOWN.replace(history=restarts(3_600)),
        *(DOWN.replace(history=restarts(ago, names=("asked-1",)), instance=instance("Stopped", StartTime=minute))
          for ago, minute in ((30, "1970-01-01T02:44Z"), (40, "1970-01-01T02:44Z"), (1, "1970-01-01T01:00Z"))),
        loaded("Stopped", "Stopped", ExpiredTime="1970-01-01T02:47Z"),
        loaded("Stopped", "Stopped", **held("1970-01-01T00:00:00Z")),
    ]),
    (Step.START, "it is stopped: restart 2 of at most 3 in 3600 s", [
        DOWN.replace(history=restarts(60)), DOWN.replace(history=restarts(61, names=("asked-1", "running"))),
    ]),
    (Step.SKIP, "its rescue i-1/1 is finished", [DOWN.replace(belongs="its rescue i-1/1 is finished")]),
    (Step.WAIT, "restart 7 was accepted a moment ago", [DOWN.replace(history=STARTED)]),
    (Step.SKIP, "SPOTKEEPER_RESTART_LIMIT is 0: no instance is started again", [(NEVER, DOWN)]),
    (Step.SKIP, "restart 2 of the window waits for 60 s after the restart before: until 1970-01-01T02:46:41.000Z", [
        DOWN.replace(history=restarts(59)),
    ]),
    (Step.SKIP, "restart 2 of the window waits for 60 s after the restart before: until 1970-01-01T02:47:10.000Z", [
        DOWN.replace(history=RAN),
    ]),
    (Step.SKIP, "restart 3 of the window waits for 120 s after the restart before: until 1970-01-01T02:46:41.000Z", [
        DOWN.replace(history=restarts(500, 119)),
    ]),
    (Step.REPORT, TIMES.format(3, "2:46:41"), [DOWN.replace(history=restarts(3_599, 900, 500))]),
    (Step.REPORT, TIMES.format(4, "3:13:20"), [DOWN.replace(history=restarts(3_000, 2_000, 900, 500))]),
    (Step.SKIP, TIMES.format(3, "2:56:40"), [
        DOWN.replace(history=restarts(3_000, 900, 500).with_record(9, "reported", {})),
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("step", "reason", "case"), cases(DECISIONS))
def test_decide(step: Step, reason: str, case: Any) -> None:
    """The step, and the reason word for word."""
    settings, state = case if isinstance(case, tuple) else (SETTINGS, case)
    assert decide(settings, state) == Decision(step, reason)


def test_every_step_is_reached() -> None:
    """The table has all of them."""
    assert {step for step, _, _ in DECISIONS} == set(Step)


AGAINST: list[tuple[StateChangeSettings, dict[str, Any], str]] = [
    (NO_TAG, {}, "SPOTKEEPER_RESTART_TAG is empty: no instance is started again"),
    (SETTINGS, PLAIN, "it does not carry the tag spotkeeper:auto-restart=true (SPOTKEEPER_RESTART_TAG)"),
    (TEAM, {}, "it does not carry the tag team (SPOTKEEPER_RESTART_TAG)"),
    (SETTINGS, {"status": "Stopping"}, "it is Stopping, not Stopped"),
    (SETTINGS, {"lock": "Recycling"}, "it is under the Recycling lock: only its rescue starts it"),
    (SETTINGS, {"ExpiredTime": "1970-01-01T00:00Z"}, "it expired at 1970-01-01T00:00Z: renew it"),
    (SETTINGS, held(""), HELD_REASON),
    (SETTINGS, held("1970-01-01T03:00:00Z"), f"{HELD_REASON} until 1970-01-01T03:00:00.000Z"),
]


@pytest.mark.parametrize(("settings", "changes", "reason"), AGAINST, ids=[reason for *_, reason in AGAINST])
def test_what_the_instance_itself_says_against_a_start(
    settings: StateChangeSettings, changes: dict[str, Any], reason: str
) -> None:
    """It is skipped, whatever is in the journal, which need not be read for it."""
    state = event("Stopped").replace(looked=True, instance=instance(**{"status": "Stopped", **changes}))
    assert decide(settings, state) == Decision(Step.SKIP, reason)
    known = state.replace(loaded=True, history=STARTED, belongs="it belongs to a rescue")
    assert decide(settings, known) == Decision(Step.SKIP, reason)


def test_the_steps_in_words() -> None:
    """As the audit records them; those that write are not taken in a dry run."""
    assert {step.value: step.writes for step in Step} == {
        "look at the instance": False,
        "skip": False,
        "read the journal": False,
        "report that the limit is reached": True,
        "record that a start was accepted": True,
        "start the instance": True,
        "wait until it is running": False,
        "record that it ran again": True,
        "return to the groups": True,
        "close the episode": True,
        "end with an incomplete search": False,
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
    assert set(STEPS) == set(RestartAction)


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
    assert decide_restart(rules, instance("Stopped"), history, NOW).due_at == due_at


def test_a_decision_stands() -> None:
    """Nobody edits it on its way to the audit."""
    with pytest.raises(FrozenInstanceError):
        decide(SETTINGS, DOWN).reason = "another"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        RestartDecision(RestartAction.LEAVE, "because").reason = "another"  # type: ignore[misc]
