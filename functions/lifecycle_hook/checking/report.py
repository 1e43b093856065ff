"""The answer: what became of the action, and the evidence of every check on every instance."""

from __future__ import annotations

from typing import Any

from checking.facts import Facts
from checking.progress import Progress, Result
from checking.steps import WRITES, Decision, Step
from spotkeeper.hooks import ALIVE_TAG, FAILED_TAG

COMPLETED_WITH = ("CONTINUE", "ABANDON", "ROLLBACK")


def answers(facts: Facts, decision: Decision, *, dry_run: bool) -> dict[str, Any] | None:
    """The answer where the decision ends the call, else None."""
    if dry_run and (decision.step in WRITES or decision.step in (Step.GIVE_UP, Step.LEAVE)):
        return _base(facts, "skipped", "dry run: SPOTKEEPER_DRY_RUN is true, nothing was written") | {
            "plan": plan(facts),
            "warnings": ["nobody keeps or completes the hook: it ends with its DefaultResult"],
        }
    if decision.step is Step.SKIP:
        return _base(facts, "skipped", decision.reason) | _recorded(facts)
    if decision.step is not Step.DONE:
        return None
    return _base(facts, "done", decision.reason) | _done(facts)


def _base(facts: Facts, outcome: str, reason: str) -> dict[str, Any]:
    event = facts.event
    instance_ids = facts.action.instance_ids if facts.action else ()
    return {
        "outcome": outcome,
        "reason": f"{event.hook_name or event.hook_id}: {reason}",
        "lifecycle_hook_id": event.hook_id,
        "lifecycle_transition": facts.transition.value,
        "scaling_activity_id": event.scaling_activity_id,
        **({"instance_id": instance_ids[0]} if len(instance_ids) == 1 else {}),
    }


def _recorded(facts: Facts) -> dict[str, Any]:
    """State and result as the cloud has them."""
    if facts.action is None:
        return {}
    result = {"result": facts.action.result} if facts.action.result in COMPLETED_WITH else {}
    warnings = {"warnings": _warnings(facts)} if _warnings(facts) else {}
    return {"lifecycle_action_status": facts.action.status, **result, **warnings}


def _done(facts: Facts) -> dict[str, Any]:
    result = facts.completed.value if facts.completed else (facts.action.result if facts.action else "")
    removed = {"removed_instances": list(facts.removed)} if facts.removed else {}
    return {"result": result, **removed, "results": evidence(facts.progress), "warnings": _warnings(facts)}


def _warnings(facts: Facts) -> list[str]:
    told = {
        "heartbeats are refused": facts.refused,
        "failed instances could not have been removed after CONTINUE": facts.hindrance,
        f"the tags {ALIVE_TAG} and {FAILED_TAG} may be left on instances": facts.untidy,
    }
    return [f"{what}: {error}" for what, error in told.items() if error]


def evidence(progress: Progress | None) -> list[dict[str, Any]]:
    """One entry per instance and check that ended there, and one per instance that no check could reach."""
    if progress is None:
        return []
    ended = [_entry(one) for _, one in sorted(progress.results.items(), key=lambda item: (item[0][1], item[0][0]))]
    reached = {one["instance_id"] for one in ended if not one["passed"]}
    never = [
        {"outcome": "done", "instance_id": one, "check": None, "passed": False, "reason": why}
        for one, why in sorted(progress.failures.items())
        if one not in reached
    ]
    return [*ended, *never]


def _entry(result: Result) -> dict[str, Any]:
    return {
        "outcome": "done",
        "instance_id": result.instance_id,
        "check": result.check,
        "passed": result.passed,
        "reason": result.reason,
        "attempt": result.attempt,
        **result.evidence,
    }


def plan(facts: Facts) -> list[str]:
    """The steps that would follow, in order."""
    if facts.plan is None or facts.progress is None:
        return []
    seen = facts.progress.machines
    lines = [
        f"{one}: {seen[one].readiness.value} {seen[one].why}".rstrip()
        for one in facts.progress.instance_ids
        if one in seen
    ]
    number = len(facts.progress.instance_ids)
    lines += [f"run {one.check.name} on {number} instances ({one.check.description})" for one in facts.plan.checks]
    return [*lines, f"CONTINUE if all pass, else {facts.plan.on_failure.value} ({facts.plan.why})"]
