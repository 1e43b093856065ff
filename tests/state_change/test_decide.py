"""``decide`` as a table: what is next, given the settings, the event and what the call knows."""

from __future__ import annotations

from typing import Any

import pytest

from restarting.decide import Step, decide
from restarting.facts import Facts
from spotkeeper.events import StateChange
from spotkeeper.restarts import History, Restart
from spotkeeper.settings import StateChangeSettings

SETTINGS = StateChangeSettings.from_env({"SPOTKEEPER_JOURNAL": "file:///journal"})
NO_TAG = StateChangeSettings.from_env({"SPOTKEEPER_JOURNAL": "file:///journal", "SPOTKEEPER_RESTART_TAG": ""})
NOW = 10_000.0


def instance(status: str, **changes: Any) -> dict[str, Any]:
    """An instance with the restart tag, as DescribeInstances shows it; ``tags`` and ``lock`` are short forms."""
    tags, lock = changes.pop("tags", {"spotkeeper:auto-restart": "true"}), changes.pop("lock", "")
    return {
        "InstanceId": "i-1",
        "Status": status,
        "SpotStrategy": "SpotAsPriceGo",
        "OperationLocks": {"LockReason": [{"LockReason": lock}] if lock else []},
        "Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]},
        **changes,
    }


def event(state: str, time: float | None = NOW - 1) -> Facts:
    """What a call knows when it has read its event."""
    return Facts(StateChange("id", "Instance:StateChange", "i-1", "cn-hangzhou", "1", time, state), NOW)


def seen(state: str, status: str, **changes: Any) -> Facts:
    """And has looked at the instance."""
    return event(state).but(looked=True, instance=instance(status, **changes), stopped_here=status == "Stopped")


def loaded(state: str, status: str, **changes: Any) -> Facts:
    """And has read the journal."""
    return seen(state, status, **changes).but(loaded=True, belongs="" if status == "Stopped" else None)


def restart(*names: str, ago: float = 30.0) -> History:
    """One restart with these records."""
    return History((Restart(1, {name: {"at": NOW - ago} for name in names}),))


STOP: dict[str, Any] = {"SpotInterruptionBehavior": "Stop"}
PLAIN: dict[str, Any] = {"tags": {}}
OPEN: dict[str, Any] = {"event": {**STOP, "notice_end": NOW - 100}, "drained": {"at": NOW - 300}}
EARLY: dict[str, Any] = {"event": {**STOP, "notice_end": NOW + 100}, "drained": {"at": NOW - 50}}
NEW: dict[str, Any] = {"event": EARLY["event"]}
CLOSED: dict[str, Any] = {**OPEN, "done": {"at": NOW, "answer": {}}}
STARTED, RAN = restart("asked-1", "accepted"), restart("asked-1", "accepted", "running")
REFUSED = restart("asked-1", "refused-1")
RELEASED = event("Deleted").but(loaded=True)
TIMELESS = event("Running", None).but(looked=True, loaded=True)

TABLE = [
    *((SETTINGS, event(state), Step.LOOK) for state in ("Created", "Pending", "Running", "Stopped")),
    *((SETTINGS, event(state), Step.SKIP) for state in ("Starting", "Stopping", "stopped", "?")),
    *((SETTINGS, seen(state, "Stopped"), Step.SKIP) for state in ("Created", "Pending")),
    *((SETTINGS, event(state).but(looked=True), Step.SKIP) for state in ("Running", "Stopped")),
    # Stopped
    (SETTINGS, seen("Stopped", "Stopped"), Step.LOAD),
    (SETTINGS, seen("Stopped", "Stopped", **PLAIN), Step.SKIP),
    (NO_TAG, seen("Stopped", "Stopped"), Step.SKIP),
    (SETTINGS, seen("Stopped", "Stopped", lock="Recycling"), Step.SKIP),
    (SETTINGS, seen("Stopped", "Stopping"), Step.SKIP),
    (SETTINGS, loaded("Stopped", "Stopped"), Step.START),
    (SETTINGS, loaded("Stopped", "Stopped").but(belongs="it belongs to a rescue"), Step.SKIP),
    (SETTINGS, loaded("Stopped", "Stopped").but(belongs=None), Step.LOAD),
    (SETTINGS, loaded("Stopped", "Stopped").but(history=REFUSED), Step.START),
    (SETTINGS, loaded("Stopped", "Stopped").but(history=STARTED), Step.WAIT),
    (SETTINGS, loaded("Stopped", "Stopped").but(history=RAN), Step.SKIP),
    (SETTINGS, loaded("Stopped", "Stopped").but(history=restart("asked-1", "running", ago=61)), Step.START),
    (SETTINGS, loaded("Stopped", "Stopped").but(asked_at=NOW), Step.WAIT),
    (SETTINGS, loaded("Stopped", "Starting").but(asked_at=NOW), Step.WAIT),
    # it is being started
    (SETTINGS, seen("Stopped", "Starting"), Step.LOAD),
    (SETTINGS, seen("Stopped", "Pending"), Step.LOAD),
    (SETTINGS, seen("Stopped", "Starting", **PLAIN), Step.SKIP),
    (NO_TAG, seen("Stopped", "Starting"), Step.SKIP),
    (SETTINGS, loaded("Stopped", "Starting"), Step.SKIP),
    (SETTINGS, loaded("Stopped", "Starting").but(history=RAN), Step.SKIP),
    (SETTINGS, loaded("Stopped", "Starting").but(history=REFUSED), Step.SKIP),
    (SETTINGS, loaded("Stopped", "Starting").but(history=STARTED), Step.WAIT),
    (SETTINGS, loaded("Stopped", "Starting").but(history=restart("asked-1")), Step.WAIT),
    # it runs
    *((SETTINGS, seen(state, "Running"), Step.LOAD) for state in ("Running", "Stopped")),
    *((SETTINGS, seen(state, "Running", **PLAIN), Step.SKIP) for state in ("Running", "Stopped")),
    (SETTINGS, seen("Running", "Running", **PLAIN, **STOP), Step.LOAD),
    (SETTINGS, seen("Running", "Running", **PLAIN, **STOP, SpotStrategy="NoSpot"), Step.SKIP),
    (NO_TAG, seen("Running", "Running"), Step.SKIP),
    (SETTINGS, loaded("Running", "Running"), Step.SKIP),
    (SETTINGS, loaded("Running", "Running").but(history=RAN), Step.SKIP),
    (SETTINGS, loaded("Running", "Running").but(history=STARTED), Step.LOOK),
    (SETTINGS, loaded("Running", "Running").but(history=STARTED, looked_since_loaded=True), Step.RECORD_RUN),
    (SETTINGS, loaded("Running", "Running").but(history=REFUSED, looked_since_loaded=True), Step.RECORD_RUN),
    (SETTINGS, loaded("Running", "Running").but(history=RAN, ran=True), Step.DONE),
    # it ran
    (SETTINGS, seen("Running", "Stopped"), Step.LOAD),
    (SETTINGS, seen("Running", "Stopped", **PLAIN), Step.SKIP),
    (SETTINGS, seen("Running", "Starting"), Step.LOAD),
    (SETTINGS, loaded("Running", "Starting"), Step.SKIP),
    (SETTINGS, loaded("Running", "Starting").but(history=RAN), Step.SKIP),
    (SETTINGS, loaded("Running", "Starting").but(history=STARTED), Step.WAIT),
    (SETTINGS, loaded("Running", "Starting", **STOP).but(rescue=OPEN), Step.WAIT),
    (SETTINGS, loaded("Running", "Starting", **STOP).but(rescue=CLOSED), Step.SKIP),
    (SETTINGS, loaded("Running", "Stopped"), Step.SKIP),
    (SETTINGS, loaded("Running", "Stopped").but(history=STARTED), Step.RECORD_RUN),
    (SETTINGS, loaded("Running", "Stopped").but(history=restart("asked-1", ago=1)), Step.SKIP),
    (SETTINGS, TIMELESS.but(instance=instance("Stopped"), history=STARTED), Step.SKIP),
    (SETTINGS, loaded("Running", "Stopped").but(history=RAN), Step.SKIP),
    # stop mode
    (SETTINGS, loaded("Running", "Running", **STOP), Step.SKIP),
    (SETTINGS, loaded("Running", "Running", **STOP).but(rescue=OPEN), Step.SERVE),
    (SETTINGS, loaded("Running", "Running", **STOP, lock="Recycling").but(rescue=OPEN), Step.SKIP),
    (SETTINGS, loaded("Running", "Running", **STOP, lock="Recycling").but(rescue=OPEN, ran=True), Step.DONE),
    (SETTINGS, loaded("Running", "Running", **STOP).but(rescue=EARLY), Step.SERVE),
    (SETTINGS, loaded("Running", "Running", **STOP).but(rescue=NEW), Step.SKIP),
    (SETTINGS, loaded("Running", "Running", **STOP).but(rescue=NEW, stopped_here=True), Step.SERVE),
    (SETTINGS, loaded("Running", "Running", **STOP).but(rescue={**EARLY, "drained": {"at": NOW - 1}}), Step.SKIP),
    (SETTINGS, TIMELESS.but(instance=instance("Running", **STOP), rescue=EARLY), Step.SKIP),
    (SETTINGS, loaded("Running", "Running", **STOP).but(rescue=OPEN, serves=True), Step.FINISH),
    (SETTINGS, loaded("Running", "Running", **STOP).but(rescue=CLOSED, serves=True), Step.DONE),
    (SETTINGS, loaded("Running", "Running", **STOP).but(rescue=CLOSED), Step.ANSWER),
    (SETTINGS, loaded("Stopped", "Running", **STOP).but(rescue=CLOSED), Step.SKIP),
    (SETTINGS, loaded("Running", "Running", **STOP).but(rescue={**CLOSED, "done": {"at": NOW - 5}}), Step.SKIP),
    (SETTINGS, loaded("Running", "Running", **STOP).but(rescue={**OPEN, "lost": {"at": NOW}}), Step.SKIP),
    # released
    (SETTINGS, event("Deleted"), Step.LOAD),
    (SETTINGS, RELEASED, Step.SKIP),
    (SETTINGS, RELEASED.but(rescue={"event": {"notice_end": NOW}}), Step.SKIP),
    (SETTINGS, RELEASED.but(rescue=CLOSED), Step.SKIP),
    (SETTINGS, RELEASED.but(rescue=OPEN), Step.LOOK),
    (SETTINGS, RELEASED.but(rescue=OPEN, looked=True), Step.FINISH),
    (SETTINGS, RELEASED.but(rescue=OPEN, looked=True, instance=instance("Stopped", **STOP)), Step.SKIP),
    (SETTINGS, RELEASED.but(rescue=CLOSED, looked=True, closed=True), Step.DONE),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "facts", "step"), TABLE)
def test_decide(settings: StateChangeSettings, facts: Facts, step: Step) -> None:
    """The next step, and there is always a reason."""
    decision = decide(settings, facts)
    assert decision.step is step, decision
    assert decision.reason


def test_the_limit_is_reported_once() -> None:
    """After that it is skipped with the same reason."""
    made = tuple(
        Restart(number, {name: {"at": NOW - 100 * number} for name in ("asked-1", "accepted", "running")})
        for number in (1, 2, 3)
    )
    facts = loaded("Stopped", "Stopped").but(history=History(made))
    first = decide(SETTINGS, facts)
    second = decide(SETTINGS, facts.but(history=facts.history.but(3, "reported", {})))
    assert (first.step, second.step, first.reason == second.reason) == (Step.REPORT, Step.SKIP, True)


def test_every_step_is_reached() -> None:
    """The table and the test of the limit reach all of them."""
    assert {step for _, _, step in TABLE} | {Step.REPORT} == set(Step)
