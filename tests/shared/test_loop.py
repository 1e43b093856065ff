"""The loop: dry run, no progress, the deadline, the timeline and the audit, on steps that count to three."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import Any

import pytest

from spotkeeper import loop
from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.clock import Deadline, StepLimit
from spotkeeper.credentials import Credentials
from spotkeeper.errors import DeadlineReached, NoProgress, SpotkeeperError, WaitFailed
from spotkeeper.loop import QUIET, WRITES, Actions, Decision, Loop
from spotkeeper.run_context import RunContext
from spotkeeper.settings import types
from tests.clock import SimulatedClock


class Step(loop.Step):
    """The steps of this function."""

    LOOK = "look"
    POLL = "poll", QUIET
    COUNT = "count", WRITES
    DONE = "done"


@dataclass(frozen=True)
class State(loop.State):
    """How far the function has counted."""

    looked: bool = False
    number: int = 0


@dataclass(frozen=True)
class Settings(types.Settings):
    """What the loop reads."""

    endpoints: types.Endpoints = field(default_factory=types.Endpoints)
    dry_run: bool = False


Context = RunContext[Settings]


def decide(state: State) -> Decision:
    """Look, then count to three."""
    if not state.looked:
        return Decision(Step.LOOK, "nothing is known")
    return Decision(Step.DONE, "counted") if state.number == 3 else Decision(Step.COUNT, f"{state.number} is under 3")


def look(_: Context, state: State, __: Decision) -> State:
    """Look."""
    return state.replace(looked=True)


def count(run: Context, state: State, _: Decision) -> State:
    """Count, which takes ten seconds."""
    run.clock.sleep(10)
    return state.replace(number=state.number + 1)


def unchanged(_: Context, state: State, __: Decision) -> State:
    """Do nothing."""
    return state


def refused(_: Context, __: State, ___: Decision) -> State:
    """Fail."""
    raise WaitFailed("no")


ACTIONS: Actions[Context, State, Decision] = {Step.LOOK: look, Step.COUNT: count, Step.POLL: look}


def context(seconds: float = 100.0, **settings: Any) -> Context:
    """A context whose call has so many seconds."""
    clock = SimulatedClock()
    deadline = Deadline.after(clock, seconds)
    api = Api("ecs", "cn-hangzhou", Credentials("id", "secret"), None, deadline)
    apis: dict[str, Any] = {"ecs": api, "ess": api, "load_balancers": {}}
    about: dict[str, Any] = {
        "clock": clock,
        "deadline": deadline,
        "step_limit": StepLimit(deadline),
        "audit": Audit(clock),
        **apis,
    }
    return Context(settings=Settings(**settings), subject="1/cn-hangzhou", **about)


def counting(run: Context, **changes: Any) -> Loop[Context, State, Decision]:
    """A loop that counts."""
    parts: dict[str, Any] = {
        "decide": decide,
        "actions": ACTIONS,
        "answers": {Step.DONE: lambda _, state, decision: {"number": state.number, "reason": decision.reason}},
        "plan": lambda _, state, decision: {"plan": [decision.step.value], "number": state.number},
        "audit_fields": lambda _, before, after, __: {"before": before.number, "after": after.number},
    }
    return Loop(run, State(run.clock.now()), **{**parts, **changes})


def test_it_goes_on_until_there_is_an_answer() -> None:
    """Each step is in the timeline, with its time."""
    run = context()
    assert counting(run).answer() == {"number": 3, "reason": "counted"}
    assert [(entry["step"], entry["seconds"]) for entry in run.timeline] == [("look", 0.0), *[("count", 10.0)] * 3]
    assert run.timeline[-1]["started_at"] == "1970-01-01T00:17:00.000Z"


def test_a_dry_run_stops_before_the_first_step_that_writes() -> None:
    """What only looks was done before."""
    run = context(dry_run=True)
    assert counting(run).answer() == {"plan": ["count"], "number": 0}
    assert [entry["step"] for entry in run.timeline] == ["look"]


def test_an_action_that_changes_nothing_is_an_error() -> None:
    """Instead of an endless loop; the message names the step."""
    with pytest.raises(NoProgress, match="'look' changed nothing: this is a mistake in Spotkeeper"):
        counting(context(), actions={Step.LOOK: unchanged}).answer()


def test_waiting_is_progress() -> None:
    """An action that waited says so by its time."""
    run = context(seconds=1_000)

    def wait(_: Context, state: State, __: Decision) -> State:
        run.clock.sleep(30)
        return state.replace(now=run.clock.now(), looked=run.clock.now() > 1_090)

    assert counting(run, actions={**ACTIONS, Step.LOOK: wait}).answer()["number"] == 3
    assert [entry["step"] for entry in run.timeline][:4] == ["look"] * 4


@pytest.mark.parametrize("dry_run", [False, True], ids=["for real", "dry run"])
def test_past_the_deadline_no_step_is_repeated(*, dry_run: bool) -> None:
    """Where a call waits for something; a dry run answers what is planned so far."""
    run = context(seconds=25, dry_run=dry_run)

    def wait(_: Context, state: State, __: Decision) -> State:
        run.clock.sleep(10)
        return state.replace(now=run.clock.now())

    endless = counting(run, actions={**ACTIONS, Step.LOOK: wait})
    if dry_run:
        assert endless.answer() == {"plan": ["look"], "number": 0}
    else:
        with pytest.raises(DeadlineReached, match="look: this call's time is up"):
            endless.answer()
    assert run.clock.now() == 1_030


@pytest.mark.parametrize(("moment", "seconds"), [(990.0, 0), (1_005.0, 5), (2_000.0, 100)])
def test_a_step_waits_until_its_limit_or_the_deadline(moment: float, seconds: float) -> None:
    """As long as its API calls may be tried again."""
    run, left = context(), []

    def seen(run: Context, state: State, __: Decision) -> State:
        left.append(run.step_limit.remaining())
        return state.replace(looked=True, number=3)

    counting(run, actions={Step.LOOK: seen}, step_limit=lambda *_: moment).answer()
    assert left == [seconds]


def test_past_the_deadline_the_first_try_of_a_step_is_made() -> None:
    """A call that is late still closes what it has finished."""
    run = context(seconds=0)
    with pytest.raises(DeadlineReached, match="count"):
        counting(run).answer()
    assert [(entry["step"], entry["seconds"]) for entry in run.timeline] == [("look", 0), ("count", 10), ("count", 0)]


def test_the_audit_has_each_step_that_is_not_quiet(caplog: pytest.LogCaptureFixture) -> None:
    """With its reason and the fields of the function."""
    caplog.set_level(logging.INFO, logger="spotkeeper.audit")

    def polled(state: State) -> Decision:
        return decide(state) if state.looked else Decision(Step.POLL, "nothing is known")

    counting(context(), decide=polled).answer()
    records = [json.loads(record.message) for record in caplog.records]
    assert [
        (record["action"], record["outcome"], record["reason"], record["before"], record["after"]) for record in records
    ] == [("count", "done", f"{number} is under 3", number, number + 1) for number in range(3)]


def test_a_refused_step_is_in_the_audit_and_raises(caplog: pytest.LogCaptureFixture) -> None:
    """The state that was known before stays readable."""
    caplog.set_level(logging.INFO, logger="spotkeeper.audit")
    stopped = counting(context(), actions={**ACTIONS, Step.COUNT: refused})
    with pytest.raises(WaitFailed):
        stopped.answer()
    record = json.loads(caplog.records[-1].message)
    assert (record["action"], record["outcome"], record["reason"]) == ("count", "failed", "WaitFailed: no")
    assert stopped.state.looked


def test_a_function_may_go_on_after_a_refusal() -> None:
    """With the state that it makes of it."""

    def remembered(_: Context, state: State, __: Decision, ___: SpotkeeperError) -> State:
        return state.replace(number=3)

    answer = counting(context(), actions={**ACTIONS, Step.COUNT: refused}, on_refusal=remembered).answer()
    assert answer["number"] == 3


def test_tokens_differ_by_subject_and_by_call() -> None:
    """At most 64 ASCII characters, the same in every invocation."""
    here, elsewhere = context(), context()
    elsewhere.subject = "1/cn-beijing"
    tokens = [here.token("RunCommand", "1"), here.token("RunCommand", "2"), elsewhere.token("RunCommand", "1")]
    assert len(set(tokens)) == 3
    assert tokens[0] == context().token("RunCommand", "1")
    assert all(len(token) <= 64 and token.isascii() for token in tokens)
