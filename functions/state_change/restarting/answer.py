"""The answers (docs/operation.md lists their keys), and the plan of a dry run."""

from __future__ import annotations

from typing import Any

from restarting.context import Context
from restarting.state import State
from restarting.steps import Step
from spotkeeper.load_balancers import membership
from spotkeeper.loop import DRY_RUN, Decision


def skipped(run: Context, state: State, decision: Decision) -> dict[str, Any]:
    """Nothing is left to do, and the decision says why."""
    return _base(run, state, "skipped", f"{run.instance_id}: {decision.reason}")


def recorded(_: Context, state: State, __: Decision) -> dict[str, Any]:
    """The answer of the call that closed the episode."""
    answer = dict(state.rescue["done"]["answer"])
    return {**answer, "reason": f"{answer['reason']} (finished by an earlier call)"}


def done(run: Context, state: State, _: Decision) -> dict[str, Any]:
    """The instance runs, or its rescue is closed."""
    answer = state.rescue["done"]["answer"] if state.closed else {}
    reason = _reason(run, state) if state.instance else str(answer["reason"])
    return {**answer, **_base(run, state, "done", reason)}


def plan(run: Context, state: State, decision: Decision) -> dict[str, Any]:
    """The step that a dry run stopped before, and the steps that would follow it."""
    steps = [f"{decision.step.value} ({decision.reason})"]
    if decision.step is Step.START:
        steps += [Step.WAIT.value, Step.RECORD_RUN.value]
    if state.rescue_open and decision.step in (Step.START, Step.RECORD_RUN) and not state.managed_by:
        steps += [Step.SERVE.value]
    if state.rescue_open and decision.step not in (Step.REPORT, Step.FINISH):
        steps += [Step.FINISH.value]
    return {**_base(run, state, "skipped", DRY_RUN), "plan": steps}


def _base(run: Context, state: State, outcome: str, reason: str) -> dict[str, Any]:
    answer = {"outcome": outcome, "reason": reason, "instance_id": run.instance_id, "state": state.event.state}
    last = state.history.last
    return {**answer, **({"restart": last.number} if last else {}), "warnings": _warnings(state)}


def _warnings(state: State) -> list[str]:
    limit = ["the limit of restarts is reached: find out why the instance stops"] if state.reported else []
    lost = (f"not restored: {text}" for text in state.lost)
    return [*limit, *lost, *([state.stays] if state.stays else [])]


def _reason(run: Context, state: State) -> str:
    runs = f"{run.instance_id} is running again"
    last, rules = state.history.last, run.settings.restart
    if state.ran and last and last.counts:
        number = len(state.history.counted(rules, state.now))
        runs += f": restart {number} of at most {rules.limit} in {rules.window:g} s"
    return f"{runs}; {_served(state, len(state.rescue['done']['answer']['memberships']))}" if state.closed else runs


def _served(state: State, members: int) -> str:
    if state.managed_by:
        return f"{state.managed_by} manages it: its {members} memberships are left to {state.managed_by}"
    return f"it has its {members} memberships again, with the weights from before its interruption"


def closing(run: Context, state: State) -> dict[str, Any]:
    """The ``done`` record of a rescue in stop mode, with the answer that later calls of either function give."""
    members = membership.recorded(state.rescue)
    reason = f"{run.instance_id} is running again; {_served(state, len(members) - len(state.lost))}"
    if state.instance is None:
        reason = f"{run.instance_id} was released while it was stopped: it has no memberships to restore"
    answer = {
        "outcome": "done",
        "reason": reason,
        "instance_id": run.instance_id,
        "episode": run.episode.number,
        "memberships": [member.shown for member in members],
        "not_carried": list(state.lost),
        "retained_disks": [],
        "warnings": _warnings(state),
        "notice_estimated": bool(state.rescue.get("event", {}).get("notice_estimated")),
        "timeline": [],
    }
    return {"at": run.clock.now(), "answer": answer}
