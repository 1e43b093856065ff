"""The answer: what a human wants to know (keys as the README lists them)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from restarting.decide import WRITES, Decision, Step
from restarting.facts import Facts
from restarting.tools import Tools
from spotkeeper.backend_servers import Membership


def answers(tools: Tools, facts: Facts, decision: Decision) -> dict[str, Any] | None:
    """The answer where the decision ends the call, else None."""
    if tools.settings.dry_run and decision.step in WRITES:
        reason = "dry run: SPOTKEEPER_DRY_RUN is true, nothing was written"
        return {**base(tools, facts, "skipped", reason), "plan": plan(facts, decision)}
    if decision.step is Step.SKIP:
        return base(tools, facts, "skipped", f"{tools.instance_id}: {decision.reason}")
    if decision.step is Step.ANSWER:
        recorded = dict(facts.rescue["done"]["answer"])
        return {**recorded, "reason": f"{recorded['reason']} (finished by an earlier call)"}
    if decision.step is not Step.DONE:
        return None
    answer = facts.rescue["done"]["answer"] if facts.closed else {}
    return {**answer, **base(tools, facts, "done", _reason(tools, facts)), **_warnings(facts)}


def base(tools: Tools, facts: Facts, outcome: str, reason: str) -> dict[str, Any]:
    """What every answer has."""
    answer = {"outcome": outcome, "reason": reason, "instance_id": tools.instance_id, "state": facts.event.state}
    last = facts.history.last
    return {**answer, **({"restart": last.number} if last else {}), **_warnings(facts)}


def _warnings(facts: Facts) -> dict[str, Any]:
    limit = ["the limit of restarts is reached: look why the instance stops"] if facts.reported else []
    return {
        "warnings": [
            *limit,
            *(f"could not be put back: {text}" for text in facts.lost),
            *([facts.stays] if facts.stays else []),
        ]
    }


def _reason(tools: Tools, facts: Facts) -> str:
    if facts.instance is None:
        return str(facts.rescue["done"]["answer"]["reason"])
    runs = f"{tools.instance_id} is running again"
    last, rules = facts.history.last, tools.settings.restart
    if facts.ran and last and last.counts:
        place = len(facts.history.counted(rules, facts.now))
        runs += f": restart {place} of at most {rules.limit} in {rules.window:g} s"
    return f"{runs}; {_served(facts)}" if facts.serves else runs


def _served(facts: Facts) -> str:
    places = len(facts.rescue["done"]["answer"]["memberships"])
    return f"it is in its {places} places with the weights from before its interruption"


def plan(facts: Facts, decision: Decision) -> list[str]:
    """The steps that would follow, in order."""
    steps = [f"{decision.step.value} ({decision.reason})"]
    if decision.step is Step.START:
        steps += [Step.WAIT.value, Step.RECORD_RUN.value]
    if facts.rescue_open and decision.step in (Step.START, Step.RECORD_RUN):
        steps += [Step.SERVE.value]
    if facts.rescue_open and decision.step not in (Step.REPORT, Step.FINISH):
        steps += [Step.FINISH.value]
    return list(dict.fromkeys(steps))


def _ended(tools: Tools, facts: Facts, places: int) -> str:
    if facts.instance is None:
        return f"{tools.instance_id} was released while it was stopped: nothing is left to put back"
    served = f"it is in its {places} places with the weights from before its interruption"
    return f"{tools.instance_id} is running again; {served}"


def closing(tools: Tools, facts: Facts, places: Sequence[Membership]) -> dict[str, Any]:
    """The ``done`` record of a rescue in stop mode, with the answer that later calls of either function give."""
    answer = {
        "outcome": "done",
        "reason": _ended(tools, facts, len(places) - len(facts.lost)),
        "instance_id": tools.instance_id,
        "episode": tools.episode.number,
        "memberships": [one.shown for one in places],
        "not_carried": list(facts.lost),
        "retained_disks": [],
        "warnings": _warnings(facts)["warnings"],
        "notice_estimated": bool(facts.rescue.get("event", {}).get("notice_estimated")),
        "timeline": [],
    }
    return {"at": tools.clock.now(), "answer": answer}
