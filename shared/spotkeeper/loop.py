"""The loop of every function: look at the present state, decide on a step, take it, look again.

A function brings its state (one frozen value), its steps, a pure ``decide``, an action for each step that goes on, and
an answer for each step that ends the call. The loop adds what all functions need:

* dry run: the first step that writes is not taken, and the answer is the plan
* no progress: an action that changes nothing is an error instead of an endless loop
* deadline: no step is repeated once the call's time is up
* the timeline, and an audit record for each step
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Generic, NoReturn, TypeVar

from spotkeeper.errors import DeadlineReached, NoProgress, SpotkeeperError
from spotkeeper.failed_steps import FailedStep
from spotkeeper.function import Answer
from spotkeeper.instances import iso
from spotkeeper.run_context import RunContext

DRY_RUN = "dry run: SPOTKEEPER_DRY_RUN is true, nothing was written"


class Mark(Enum):
    """A property of a step."""

    WRITES = "a dry run stops before it"
    QUIET = "it is recorded in the audit only where it fails: polling would fill the log"
    PARTS = "a refusal of one part does not keep the others from being done"


WRITES, QUIET, PARTS = Mark.WRITES, Mark.QUIET, Mark.PARTS


class Step(Enum):
    """Base of a function's steps, declared as ``START = "start the instance", WRITES``.

    The value is the step's name in timeline, audit and plan.
    """

    _value_: str
    marks: tuple[Mark, ...]

    def __new__(cls, name: str, *marks: Mark) -> Step:  # noqa: PYI034 - Self is not in Python 3.10
        """The member of this name."""
        member = object.__new__(cls)
        member._value_, member.marks = name, marks
        return member

    @property
    def writes(self) -> bool:
        """Whether a dry run stops before it."""
        return WRITES in self.marks


@dataclass(frozen=True)
class Decision:
    """The next step and the reason for it, a clause for operators."""

    step: Step
    reason: str


@dataclass(frozen=True)
class State:
    """Base of what a call knows at one moment; ``now`` is in seconds since 1970.

    An action that waited sets ``now``: the passing of time is progress. ``refusals`` has the steps that have failed, by
    step and by part of it (a load balancer, a group; else empty). ``warnings`` are for the answer.
    """

    now: float
    refusals: Mapping[tuple[Step, str], FailedStep] = field(default_factory=dict, kw_only=True)
    warnings: tuple[str, ...] = field(default=(), kw_only=True)

    def replace(self: StateT, **changes: Any) -> StateT:  # noqa: PYI019 - Self is not in Python 3.10
        """The same state with ``changes``."""
        return replace(self, **changes)

    def warn(self: StateT, *texts: str) -> StateT:  # noqa: PYI019
        """The same state with more warnings, each once."""
        return self.replace(warnings=self.warnings + tuple(text for text in texts if text not in self.warnings))

    def refused(self: StateT, step: Step, refusal: FailedStep, part: str = "") -> StateT:  # noqa: PYI019
        """The same state with a step that has failed."""
        return self.replace(refusals={**self.refusals, (step, part): refusal})

    def accepted(self: StateT, step: Step, part: str = "") -> StateT:  # noqa: PYI019
        """The same state without the failure of a step."""
        return self.replace(refusals={key: failed for key, failed in self.refusals.items() if key != (step, part)})

    def refusal(self, step: Step, part: str = "") -> FailedStep | None:
        """The failure of a step that was not accepted since."""
        return self.refusals.get((step, part))


StateT = TypeVar("StateT", bound=State)
ContextT = TypeVar("ContextT", bound=RunContext[Any])
DecisionT = TypeVar("DecisionT", bound=Decision)


def ended(_: object, __: object, ___: object, error: SpotkeeperError) -> NoReturn:
    """A refusal ends the call. Raises the error."""
    raise error


Actions = Mapping[Step, Callable[[ContextT, StateT, DecisionT], StateT]]
Answers = Mapping[Step, Callable[[ContextT, StateT, DecisionT], Answer]]


@dataclass
class Loop(Generic[ContextT, StateT, DecisionT]):
    """One call's work. ``state`` is what the call knows, also after an action has raised.

    ``audit_fields`` are given the states before and after a step, and return fields of its audit record.
    ``step_limit`` is until when a step may wait inside itself, in seconds since 1970. ``on_refusal`` returns the state
    after a failed step, or raises the error.
    """

    run: ContextT
    state: StateT
    decide: Callable[[StateT], DecisionT]
    actions: Actions[ContextT, StateT, DecisionT]
    answers: Answers[ContextT, StateT, DecisionT]
    plan: Callable[[ContextT, StateT, DecisionT], Answer]
    audit_fields: Callable[[ContextT, StateT, StateT, DecisionT], Mapping[str, Any]]
    step_limit: Callable[[StateT, DecisionT], float] | None = None
    on_refusal: Callable[[ContextT, StateT, DecisionT, SpotkeeperError], StateT] = ended

    def answer(self) -> Answer:
        """Step by step until there is an answer.

        Raises ``NoProgress``, ``DeadlineReached``, and what the actions raise unless ``on_refusal`` goes on.
        """
        while True:
            self.state = self.state.replace(now=self.run.clock.now())
            decision = self.decide(self.state)
            if answer := self.answers.get(decision.step):
                return answer(self.run, self.state, decision)
            if self.run.settings.dry_run and decision.step.writes:
                return self.plan(self.run, self.state, decision)
            try:
                self.state = self._progressed(decision)
            except DeadlineReached:
                if not self.run.settings.dry_run:
                    raise
                return self.plan(self.run, self.state, decision)

    def _progressed(self, decision: DecisionT) -> StateT:
        after = self._taken(decision)
        # A warning is no progress: each try may add another request id.
        if after.replace(warnings=self.state.warnings) == self.state:
            problem = f"the step '{decision.step.value}' changed nothing"
            raise NoProgress(f"{problem}: this is a mistake in Spotkeeper, please report it")
        return after

    def _taken(self, decision: DecisionT) -> StateT:
        run, before, started = self.run, self.state, self.run.clock.now()
        wait = self.step_limit(before, decision) - started if self.step_limit else math.inf
        run.step_limit.until = run.deadline.sooner(max(0.0, wait))
        try:
            self._check_time(decision.step)
            after = self.actions[decision.step](run, before, decision)
        except SpotkeeperError as error:
            after = self._refused(decision, error)
        else:
            self._record_taken(before, after, decision)
            after = after if after.refusals is not before.refusals else after.accepted(decision.step)
        finally:
            seconds = round(run.clock.now() - started, 3)
            run.timeline.append({"step": decision.step.value, "started_at": iso(started), "seconds": seconds})
        return after

    def _refused(self, decision: DecisionT, error: SpotkeeperError) -> StateT:
        """A step whose time is up is not in the audit, unless it ends the call."""
        try:
            after = self.on_refusal(self.run, self.state, decision, error)
        except SpotkeeperError as raised:
            self.record(self.state, self.state, decision, raised)
            raise
        if not isinstance(error, DeadlineReached):
            self.record(self.state, self.state, decision, error)
        return after

    def _record_taken(self, before: StateT, after: StateT, decision: DecisionT) -> None:
        """A step that was refused in parts is recorded as done where another part of it is."""
        parts = {key: part for key, part in after.refusals.items() if key[0] is decision.step}
        news = [part.error for key, part in parts.items() if part is not before.refusals.get(key)]
        failed = [error for error in news if not isinstance(error, DeadlineReached)]
        for error in failed:
            self.record(after, after, decision, error)
        if not failed or (PARTS in decision.step.marks and after.replace(refusals=before.refusals) != before):
            self.record(before, after, decision)

    def _check_time(self, step: Step) -> None:
        in_time = self.run.deadline.remaining() > 0
        if not in_time and any(taken["step"] == step.value for taken in self.run.timeline):
            raise DeadlineReached(f"{step.value}: this call's time is up; the next call goes on")

    def record(self, before: StateT, after: StateT, decision: DecisionT, error: Exception | None = None) -> None:
        """Write the audit record of a step that was taken, or has failed."""
        if error is None and QUIET in decision.step.marks:
            return
        fields = {"reason": decision.reason, **self.audit_fields(self.run, before, after, decision)}
        outcome = {"outcome": "failed", "reason": f"{type(error).__name__}: {error}"} if error else {"outcome": "done"}
        request_ids = self.run.take_request_ids()
        self.run.audit.record(decision.step.value, **{**fields, **outcome}, api_request_ids=request_ids)
