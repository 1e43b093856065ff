"""Checks on demand: the same checks on any running instances, without a lifecycle action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from checking import audit_records, readiness
from checking.actions import commands
from checking.answer import evidence
from checking.assignment import Chosen
from checking.context import Context
from checking.decide import REACH_SECONDS
from checking.observe import FIRST_PAUSE, LONGEST_PAUSE
from checking.progress import Progress
from spotkeeper import loop
from spotkeeper.errors import DeadlineReached
from spotkeeper.events.kinds import CheckOnDemand
from spotkeeper.loop import DRY_RUN, QUIET, WRITES, Actions, Answers, Decision, Loop
from spotkeeper.polling import GROWTH, jittered


class Step(loop.Step):
    """Every step of a check on demand."""

    OBSERVE = "look at the progress of the check", QUIET
    RUN = "run the check", WRITES
    DONE = "done"


@dataclass(frozen=True)
class State(loop.State):
    """``began_at`` is in seconds since 1970; ``pause``: seconds until the next read, 0 before the first."""

    event: CheckOnDemand
    began_at: float
    progress: Progress
    pause: float = 0.0


def decide(state: State) -> Decision:
    """The next step."""
    progress = state.progress
    if len(progress.passed) + len(progress.failures) == len(progress.instance_ids):
        return Decision(Step.DONE, "the check has ended on every instance")
    if progress.batches(state.now):
        return Decision(Step.RUN, "a command is due")
    return Decision(Step.OBSERVE, "the check has not ended on every instance")


def observe(run: Context, state: State, _: Decision) -> State:
    """Wait a little, then read the results of commands and which instances a command can reach."""
    if state.pause and run.deadline.remaining() <= state.pause:
        raise DeadlineReached(
            f"check {state.event.check}: this call's time is up; the next call finds the same commands"
        )
    run.clock.sleep(jittered(state.pause))
    now = run.clock.now()
    progress = readiness.look(run, commands.poll(run, state.progress).without_silent(now))
    if progress.unreached and now - state.began_at >= REACH_SECONDS:
        progress = progress.without_waiting(f"a check on demand waits for {REACH_SECONDS:g} s at most")
    audit_records.ended(run, state.progress, progress, hook=None)
    pause = min(LONGEST_PAUSE, max(FIRST_PAUSE, state.pause * GROWTH))
    return state.replace(now=now, progress=progress, pause=pause)


def start(run: Context, state: State, _: Decision) -> State:
    """Start the commands that are due."""
    return state.replace(progress=commands.start_due(run, state.progress), pause=FIRST_PAUSE)


def done(_: Context, state: State, __: Decision) -> dict[str, Any]:
    """A result for each instance."""
    event, passed, total = state.event, len(state.progress.passed), len(state.progress.instance_ids)
    return {
        "outcome": "done",
        "reason": f"check {event.check}: {passed} of {total} instances passed",
        "check": event.check,
        "passed": passed == total,
        "results": evidence(state.progress),
        **({"instance_id": event.instance_ids[0]} if total == 1 else {}),
    }


def plan(_: Context, state: State, __: Decision) -> dict[str, Any]:
    """The commands that a dry run does not start."""
    check = state.event.check
    lines = [f"run {check} on {', '.join(batch.instance_ids)}" for batch in state.progress.batches(state.now)]
    return {"outcome": "skipped", "reason": DRY_RUN, "check": check, "plan": lines}


ACTIONS: Actions[Context, State, Decision] = {Step.OBSERVE: observe, Step.RUN: start}
ANSWERS: Answers[Context, State, Decision] = {Step.DONE: done}


def answer(run: Context, event: CheckOnDemand, chosen: Chosen) -> dict[str, Any]:
    """Run the check until it has ended on every instance. Raises any ``SpotkeeperError``."""
    state = State(run.clock.now(), event, run.clock.now(), Progress(event.instance_ids, (chosen,)))
    return Loop(run, state, decide, ACTIONS, ANSWERS, plan, lambda *_: {}).answer()
