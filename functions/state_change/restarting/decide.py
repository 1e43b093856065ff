"""The next step of a state change, with its reason. Pure: the same settings and state give the same decision.

Only an event with the state ``Stopped`` can lead to a start, after a look at the instance.
"""

from __future__ import annotations

from restarting.state import State
from restarting.steps import Step
from spotkeeper.instances import HELD, Described, is_held, locked, tags_of
from spotkeeper.load_balancers.membership import is_complete
from spotkeeper.loop import Decision
from spotkeeper.restart_decision import RestartAction, decide_restart, not_restartable
from spotkeeper.settings.state_change import RestartRules, StateChangeSettings

LOOKED_AT = frozenset({"Created", "Pending", "Running", "Stopped"})
"""States after which the instance is looked at: the audit describes it while it exists."""

NOTHING_TO_DO = {
    "Created": "the instance is new",
    "Pending": "the instance is new",
    "Starting": "it is starting: its next event shows the result",
    "Stopping": "it is stopping or restarting: its next event shows the result",
}
CURRENT = "the current state of the instance decides, not the event"
CLOCKS_DIFFER = 60.0
"""Seconds that the clocks of ECS and Function Compute may differ."""


def decide(settings: StateChangeSettings, state: State) -> Decision:
    """The next step."""
    reported = state.event.state
    if reported in LOOKED_AT and not state.looked:
        return Decision(Step.LOOK, CURRENT)
    if reported == "Deleted":
        return _deleted(state)
    if reported not in ("Running", "Stopped"):
        return Decision(Step.SKIP, NOTHING_TO_DO.get(reported, f"{reported!a} is an unknown state"))
    if state.instance is None:
        return Decision(Step.SKIP, "the instance does not exist")
    return _by_status(settings.restart, state, state.instance)


def _deleted(state: State) -> Decision:
    """The end of a rescue in stop mode whose instance was released while it was stopped."""
    if state.closed:
        return Decision(Step.DONE, "it is released")
    if not state.loaded:
        return Decision(Step.LOAD, "a rescue in stop mode may be waiting for it to run")
    if not state.rescue_open:
        return Decision(Step.SKIP, "the instance is released")
    if not state.looked:
        return Decision(Step.LOOK, CURRENT)
    if state.instance is not None:
        return Decision(Step.SKIP, f"it is {state.status} although the event says Deleted")
    return Decision(Step.FINISH, "a released instance cannot return to its groups")


def _by_status(rules: RestartRules, state: State, instance: Described) -> Decision:
    if state.loaded and (unrecorded := _unrecorded_start(state)):
        return unrecorded
    if state.status == "Running":
        return _running(rules, state, instance)
    if state.asked_at is not None:
        return Decision(Step.WAIT, "the start was requested; the restart ends once the instance is running")
    if state.event.state == "Running":
        return _not_running_any_more(rules, state, instance)
    if state.status in ("Starting", "Pending"):
        return _starting(rules, state, instance)
    return _stopped(rules, state, instance)


def _unrecorded_start(state: State) -> Decision | None:
    """A start without a recorded result counts, unless the instance was last started before it."""
    last = state.history.unseen
    if last is None or not last.unanswered:
        return None
    runs = state.status == "Running" and state.looked_since_loaded
    stopped_again = state.status == "Stopped" and state.started_by > last.at - CLOCKS_DIFFER
    if not runs and not stopped_again:
        return None
    return Decision(Step.RECORD_START, f"the instance was started after restart {last.number} was requested")


def _running(rules: RestartRules, state: State, instance: Described) -> Decision:
    """A running instance ends a restart, and a rescue in stop mode, whatever the event says."""
    if not _concerned(rules, state, instance):
        return Decision(Step.SKIP, "it is Running, and neither a restart nor a rescue in stop mode is waiting for that")
    if not state.loaded:
        return Decision(Step.LOAD, "a restart or a rescue in stop mode may be waiting for it to run")
    if state.history.unseen:
        if not state.looked_since_loaded:
            return Decision(Step.LOOK, "it may have been stopped and started again since the last look")
        return Decision(Step.RECORD_RUN, f"restart {state.history.unseen.number} has ended: the next stop counts anew")
    return _serve(state, instance) or _end(state)


def _serve(state: State, instance: Described) -> Decision | None:
    if not state.rescue_open:
        return None
    if state.serves and not state.looked_since_served:
        return Decision(Step.LOOK, "it may have been interrupted again while its weights were restored")
    if reason := _not_now(state, instance):
        return Decision(Step.DONE if state.ran else Step.SKIP, reason)
    if state.managed_by or state.serves:
        return _finish(state)
    return Decision(Step.SERVE, "it is running again and gets the weights from before the interruption")


def _finish(state: State) -> Decision:
    if not is_complete(state.rescue):
        return Decision(Step.INCOMPLETE, "the search for its memberships was not finished")
    if state.managed_by:
        return Decision(Step.FINISH, f"{state.managed_by} manages it and restores its memberships itself")
    return Decision(Step.FINISH, "the instance is back in its groups")


def _not_now(state: State, instance: Described) -> str:
    """Why its rescue stays open; empty where it ends now."""
    if is_held(tags_of(instance), state.now):
        return HELD
    if locked(instance):
        return "it is under the Recycling lock: its rescue is not over"
    return "" if state.runs_again else "its notice is not over and it was not stopped yet: it is about to be stopped"


def _end(state: State) -> Decision:
    if state.ran or state.closed:
        return Decision(Step.DONE, "it runs")
    done, event_time = state.rescue.get("done"), state.event.time
    if done and state.event.state == "Running" and event_time is not None and event_time <= float(done["at"]):
        return Decision(Step.ANSWER, "the journal says that this rescue is finished")
    return Decision(Step.SKIP, "it is Running and nothing is waiting for that")


def _not_running_any_more(rules: RestartRules, state: State, instance: Described) -> Decision:
    """The instance ran at the time of the event at least."""
    if not _concerned(rules, state, instance):
        return Decision(Step.SKIP, f"it is {state.status} by now")
    if not state.loaded:
        return Decision(Step.LOAD, "a restart may be waiting for it to run")
    unseen, event_time = state.history.unseen, state.event.time
    if state.status in ("Starting", "Pending"):
        if not unseen and not state.rescue_open:
            return Decision(Step.SKIP, f"it is {state.status}, and nothing is waiting for it to run")
        return Decision(Step.WAIT, "the event is newer than Describe, or the instance is rebooting")
    if unseen and event_time is not None and event_time > unseen.at:
        return Decision(Step.RECORD_RUN, f"restart {unseen.number} has ended: the next stop counts anew")
    return Decision(Step.SKIP, f"it is {state.status} by now: the event about that state decides")


def _starting(rules: RestartRules, state: State, instance: Described) -> Decision:
    if rules.tag is None or not rules.tag.matches(tags_of(instance)):
        return Decision(Step.SKIP, "it is starting already, and this is not a restart by Spotkeeper")
    if not state.loaded:
        return Decision(Step.LOAD, "an earlier call may have started it")
    if state.history.unseen and state.history.unseen.counts:
        return Decision(Step.WAIT, f"restart {state.history.unseen.number} is under way")
    return Decision(Step.SKIP, "it was not started by Spotkeeper")


def _stopped(rules: RestartRules, state: State, instance: Described) -> Decision:
    if state.belongs is None:
        if against := not_restartable(rules, instance, state.now):
            return Decision(Step.SKIP, against.reason)
        return Decision(Step.LOAD, "the limit of restarts counts earlier ones")
    decision = decide_restart(rules, instance, state.history, state.now, belongs=state.belongs)
    last = state.history.last
    if decision.action is RestartAction.LIMIT and last and "reported" not in last.records:
        return Decision(Step.REPORT, decision.reason)
    return Decision(STEPS[decision.action], decision.reason)


STEPS = {
    RestartAction.START: Step.START,
    RestartAction.WAIT: Step.WAIT,
    RestartAction.LATER: Step.SKIP,
    RestartAction.LIMIT: Step.SKIP,
    RestartAction.LEAVE: Step.SKIP,
    RestartAction.GIVE_UP: Step.SKIP,
}


def _concerned(rules: RestartRules, state: State, instance: Described) -> bool:
    """Whether the journal can have a restart or a rescue that waits for it to run."""
    return state.stop_mode or (rules.tag is not None and rules.tag.matches(tags_of(instance)))
