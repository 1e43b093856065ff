"""What to do next, and why. Pure: the same settings and facts always give the same decision.

Only an event that says ``Stopped`` can lead to a start, and only what is true when it is looked at counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from restarting.facts import Facts
from spotkeeper.instances import HANDS_OFF, Described, is_held, locked, tags_of
from spotkeeper.restart_rules import Verdict, hindrance, judge
from spotkeeper.settings import RestartRules, StateChangeSettings


class Step(Enum):
    """Every step there is; the value is its name in the audit."""

    LOOK = "look at the instance"
    SKIP = "skip"
    LOAD = "read the journal"
    REPORT = "report that the limit is reached"
    START = "start the instance"
    WAIT = "wait until it is running"
    RECORD_RUN = "record that it ran again"
    SERVE = "return to the groups"
    FINISH = "close the episode"
    ANSWER = "answer what the journal says"
    DONE = "done"


WRITES = frozenset({Step.REPORT, Step.START, Step.RECORD_RUN, Step.SERVE, Step.FINISH})

SHOWN = frozenset({"Created", "Pending", "Running", "Stopped"})
"""States after which the instance is looked at: its facts are for the audit while it exists."""

NOTHING_TO_DO = {
    "Created": "the instance is new",
    "Pending": "the instance is new",
    "Starting": "it is starting: its next event tells how that ended",
    "Stopping": "it is stopping or restarting: its next event tells how that ended",
}


@dataclass(frozen=True)
class Decision:
    """The next step and its reason in words."""

    step: Step
    reason: str


def decide(settings: StateChangeSettings, facts: Facts) -> Decision:
    """The one next step."""
    state = facts.event.state
    if state in SHOWN and not facts.looked:
        return Decision(Step.LOOK, "what is true now decides, not the event")
    if state == "Deleted":
        return _deleted(facts)
    if state not in ("Running", "Stopped"):
        return Decision(Step.SKIP, NOTHING_TO_DO.get(state, f"{state!a} is no state that anything is known about"))
    if facts.instance is None:
        return Decision(Step.SKIP, "the instance does not exist (any more)")
    return _by_status(settings.restart, facts, facts.instance)


def _deleted(facts: Facts) -> Decision:
    """In stop mode nobody else ends the rescue of an instance that its owner releases while it is stopped."""
    if facts.closed:
        return Decision(Step.DONE, "it is released")
    if not facts.loaded:
        return Decision(Step.LOAD, "a rescue in stop mode may wait for it to run")
    if not facts.rescue_open:
        return Decision(Step.SKIP, "the instance is released")
    if not facts.looked:
        return Decision(Step.LOOK, "what is true now decides, not the event")
    if facts.instance is not None:
        return Decision(Step.SKIP, f"it is {facts.status}, whatever the event says")
    return Decision(Step.FINISH, "nobody can put back what is released")


def _by_status(rules: RestartRules, facts: Facts, instance: Described) -> Decision:
    if facts.status == "Running":
        return _running(rules, facts, instance)
    if facts.asked_at is not None:
        return Decision(Step.WAIT, "the start was asked for; it is done once the instance runs")
    if facts.event.state == "Running":
        return _not_running_any_more(rules, facts, instance)
    if facts.status in ("Starting", "Pending"):
        return _starting(rules, facts, instance)
    return _stopped(rules, facts, instance)


def _running(rules: RestartRules, facts: Facts, instance: Described) -> Decision:
    """Whatever the event says, it runs: that ends a restart, and a rescue in stop mode."""
    if not _concerned(rules, facts, instance):
        return Decision(Step.SKIP, "it is Running, and neither a restart nor a rescue in stop mode waits for that")
    if not facts.loaded:
        return Decision(Step.LOAD, "a restart or a rescue in stop mode may wait for it to run")
    if facts.history.unseen:
        if not facts.looked_since_loaded:
            return Decision(Step.LOOK, "it may have been stopped and restarted since it was looked at")
        return Decision(Step.RECORD_RUN, f"restart {facts.history.unseen.number} is over: the next stop is another one")
    return _serve(facts, instance) or _end(facts)


def _serve(facts: Facts, instance: Described) -> Decision | None:
    if facts.serves:
        return Decision(Step.FINISH, "its rescue ends where it began") if facts.rescue_open else None
    if not facts.rescue_open:
        return None
    if is_held(tags_of(instance), facts.now):
        return _unless_ran(facts, HANDS_OFF)
    if locked(instance):
        return _unless_ran(facts, "it is under the Recycling lock: its rescue is not over")
    if not facts.runs_again:
        return _unless_ran(facts, "its notice is not over and nobody has seen it stopped: it is about to be")
    return Decision(Step.SERVE, "it runs again, so it gets the weights that it had before the interruption")


def _unless_ran(facts: Facts, reason: str) -> Decision:
    return Decision(Step.DONE if facts.ran else Step.SKIP, reason)


def _end(facts: Facts) -> Decision:
    if facts.ran or facts.serves:
        return Decision(Step.DONE, "it runs")
    done, told = facts.rescue.get("done"), facts.event.time
    if done and facts.event.state == "Running" and told is not None and told <= float(done["at"]):
        return Decision(Step.ANSWER, "the journal says that this rescue is finished")
    return Decision(Step.SKIP, "it is Running and nothing waits for that")


def _not_running_any_more(rules: RestartRules, facts: Facts, instance: Described) -> Decision:
    """The event says that it ran, which is true of the past at least."""
    if not _concerned(rules, facts, instance):
        return Decision(Step.SKIP, f"it is {facts.status} by now")
    if not facts.loaded:
        return Decision(Step.LOAD, "a restart may wait for it to run")
    unseen, told = facts.history.unseen, facts.event.time
    if facts.status in ("Starting", "Pending"):
        if not unseen and not facts.rescue_open:
            return Decision(Step.SKIP, f"it is {facts.status}, and nothing waits for it to run")
        return Decision(Step.WAIT, "the event knows more than Describe, or it is being rebooted")
    if unseen and told is not None and told > unseen.at:
        return Decision(Step.RECORD_RUN, f"restart {unseen.number} is over: the next stop is another one")
    return Decision(Step.SKIP, f"it is {facts.status} by now: the event of that decides")


def _starting(rules: RestartRules, facts: Facts, instance: Described) -> Decision:
    if rules.tag is None or not rules.tag.matches(tags_of(instance)):
        return Decision(Step.SKIP, "it is starting already, and no restart of ours")
    if not facts.loaded:
        return Decision(Step.LOAD, "it may be starting because an earlier call has started it")
    if facts.history.unseen and facts.history.unseen.counts:
        return Decision(Step.WAIT, f"restart {facts.history.unseen.number} is under way")
    return Decision(Step.SKIP, "somebody else is starting it")


def _stopped(rules: RestartRules, facts: Facts, instance: Described) -> Decision:
    if facts.belongs is None:
        against = hindrance(rules, instance, facts.now)
        return Decision(Step.SKIP, against.reason) if against else Decision(Step.LOAD, "how often was it started?")
    judgement = judge(rules, instance, facts.history, facts.now, belongs=facts.belongs)
    last = facts.history.last
    if judgement.verdict is Verdict.LIMIT and last and "reported" not in last.records:
        return Decision(Step.REPORT, judgement.reason)
    return Decision(STEPS[judgement.verdict], judgement.reason)


STEPS = {
    Verdict.START: Step.START,
    Verdict.WAIT: Step.WAIT,
    Verdict.LATER: Step.SKIP,
    Verdict.LIMIT: Step.SKIP,
    Verdict.LEAVE: Step.SKIP,
    Verdict.GIVE_UP: Step.SKIP,
}


def _concerned(rules: RestartRules, facts: Facts, instance: Described) -> bool:
    """Whether the journal can hold anything that waits for it to run."""
    return facts.stop_mode or (rules.tag is not None and rules.tag.matches(tags_of(instance)))
