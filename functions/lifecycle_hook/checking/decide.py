"""What to do next about a lifecycle action, and why. Pure: the same facts always give the same decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from checking.assignment import Partial, Plan
from checking.facts import HELD_UP_SHARE, Action, Facts
from checking.progress import Progress
from checking.steps import Decision, Step
from spotkeeper.events import HookResult, Transition

RETRY_SECONDS = 120.0
"""One retry's time: for the next call to come and look at what this one has left. Function Compute documents no pause
between asynchronous retries; the sweep comes every minute."""
APPEAR_SECONDS = 30.0
"""So long an action may be missing from DescribeLifecycleActions after its notification has come."""

NAMED = 3
"""So many instances are named in a reason; the answer has all."""


ENDED = frozenset({"Completed", "Timeout"})


def decide(facts: Facts) -> Decision:
    """The one next step: the first of those that are wanted and were not refused a moment ago."""
    wanted = list(_wanted(facts))
    free = next((one for one in wanted if not facts.held_up(one.step)), None)
    if free:
        return free
    refused = f"{wanted[0].step.value}: {facts.refusals[wanted[0].step].error}"
    if facts.now >= facts.leave_at:
        return Decision(Step.LEAVE, f"this call's time is up; {refused}")
    return Decision(Step.WAIT, refused)


def _wanted(facts: Facts) -> Iterator[Decision]:
    """Steps in the order of their urgency; the later ones count where an earlier one was refused."""
    if facts.completed:
        yield _tidied_before(facts, _completed(facts, facts.completed))
    elif not facts.looked or facts.action is None:
        yield _absent(facts) if facts.looked else _looking(facts)
        yield from _extended(facts)
    elif facts.action.status != "Pending":
        yield _tidied_before(facts, _over(facts, facts.action))
    elif facts.hook is None:
        yield Decision(Step.FAIL, "Auto Scaling does not show its hook")
    elif facts.plan is None or facts.progress is None:
        yield Decision(Step.PLAN, "its name, its group, its transition and its metadata say which")
    else:
        yield from _pending(facts, facts.plan, facts.progress)


def _pending(facts: Facts, plan: Plan, progress: Progress) -> Iterator[Decision]:
    certain = _judged(facts, plan, progress)
    if certain and not facts.sent:
        yield certain
    yield from _extended(facts)
    if certain:
        yield certain
    if facts.untold:
        yield Decision(Step.REMEMBER, "no API tells other calls")
    yield from _ending(facts, plan)
    if not certain:
        yield _checked(facts, plan, progress)


def _extended(facts: Facts) -> Iterator[Decision]:
    """A heartbeat, where the hook may end soon, or where a refused call makes everything wait."""
    if not facts.extension:
        return
    if facts.looked and facts.left <= facts.lead_seconds:
        yield Decision(Step.HEARTBEAT, f"the hook may end in {max(facts.left, 0):.0f} s")
    refused = next((step for step in facts.refusals if facts.held_up(step) and step is not Step.HEARTBEAT), None)
    if refused and (not facts.life_known or facts.left <= HELD_UP_SHARE * facts.heartbeat):
        yield Decision(Step.HEARTBEAT, f"{facts.refusals[refused].error.code} makes the call wait, not the hook")


def _tidied_before(facts: Facts, decision: Decision) -> Decision:
    if decision.step not in (Step.DONE, Step.SKIP) or facts.tidied:
        return decision
    return Decision(Step.TIDY, "they have done their work")


def _looking(facts: Facts) -> Decision:
    if not facts.read:
        return Decision(Step.READ, "its timeout says how long it may wait")
    if facts.looks and facts.now >= facts.leave_at:
        return Decision(Step.LEAVE, "this call's time is up")
    return Decision(Step.LOOK, "what the cloud says of it counts, not the notification")


def _absent(facts: Facts) -> Decision:
    if facts.now - facts.entered_at < APPEAR_SECONDS:
        return Decision(Step.LOOK, "it may not be shown yet")
    return Decision(Step.SKIP, "Auto Scaling shows no lifecycle action with this token")


def _over(facts: Facts, action: Action) -> Decision:
    """It ended before this call came to it, or while it was at work."""
    if action.status not in ENDED:
        return Decision(Step.FAIL, f"its status {action.status} is unknown")
    reason = f"it is {action.status} already, with {action.result or 'no result'}"
    if action.result != HookResult.CONTINUE.value or not _out(facts):
        return Decision(Step.SKIP, reason)
    if not facts.planned:
        return Decision(Step.PLAN, "failed instances may have to be removed after CONTINUE")
    return _failed_removed(facts, reason) if _removes(facts) else Decision(Step.SKIP, reason)


def _completed(facts: Facts, result: HookResult) -> Decision:
    if not facts.verified:
        return Decision(Step.VERIFY, "an accepted call is not yet a completed action")
    if result is HookResult.CONTINUE and _removes(facts):
        return _failed_removed(facts, f"completed with {result.value}: {facts.judged}")
    return Decision(Step.DONE, f"completed with {result.value}: {facts.judged}")


def _removes(facts: Facts) -> bool:
    plan = facts.plan
    return plan is not None and plan.partial is Partial.CONTINUE_AND_REMOVE_FAILED and _out(facts)


def _out(facts: Facts) -> bool:
    return facts.transition is Transition.SCALE_OUT


def _failed_removed(facts: Facts, reason: str) -> Decision:
    """After CONTINUE the failed instances have to go, by this call or, if it dies, by the next."""
    if facts.failed is None:
        return Decision(Step.RECALL, "an earlier call may have died between CONTINUE and the removal")
    if facts.failed and facts.removed is None:
        return Decision(Step.REMOVE, f"{_few(facts.failed)} failed a check and would take traffic")
    return Decision(Step.DONE if facts.completed or facts.removed else Step.SKIP, reason)


def _judged(facts: Facts, plan: Plan, progress: Progress) -> Decision | None:
    """How it is to end, as soon as that is certain."""
    failures, passed, total = progress.failures, progress.passed, len(progress.instance_ids)
    if total and len(passed) == total:
        return Decision(Step.COMPLETE, f"{_count(total)} passed every check", HookResult.CONTINUE)
    if not failures:
        return None
    reason = f"{len(failures)} of {_count(total)} failed: {_few(f'{one}: {failures[one]}' for one in sorted(failures))}"
    if _removes(facts) and len(failures) < total:
        return _partial(facts, plan, reason) if len(failures) + len(passed) == total else None
    return Decision(Step.COMPLETE, reason, plan.on_failure)


def _partial(facts: Facts, plan: Plan, reason: str) -> Decision:
    if facts.hindrance:
        why = f"{facts.hindrance.action}: {facts.hindrance.code}"
        return Decision(Step.COMPLETE, f"{reason}; nothing would remove them after CONTINUE ({why})", plan.on_failure)
    if facts.spared is None:
        return Decision(Step.SPARE, "a group at its MinSize lets nobody go")
    if not facts.spared:
        return Decision(Step.COMPLETE, f"{reason}; without them the group would be below its MinSize", plan.on_failure)
    if not facts.marked:
        return Decision(Step.MARK, "whoever comes after CONTINUE must know which instances have to go")
    return Decision(Step.COMPLETE, f"{reason}; they are removed, the others go on", HookResult.CONTINUE)


def _ending(facts: Facts, plan: Plan) -> Iterator[Decision]:
    """What this call's time, or the end of the hook, calls for."""
    if facts.now >= facts.leave_at:
        yield from _leaving(facts, plan)
        return
    extendable = facts.extension and not facts.held_up(Step.HEARTBEAT)
    # A command that ends soon is still waited for, unless nobody can be asked about it.
    asked = facts.polled or any(map(facts.held_up, facts.refusals))
    if asked and not extendable and facts.left <= facts.finish_seconds:
        yield _expiring(facts, plan, "the hook cannot be kept alive any longer")


def _leaving(facts: Facts, plan: Plan) -> Iterator[Decision]:
    if facts.left >= RETRY_SECONDS:
        yield Decision(Step.LEAVE, f"this call's time is up, the hook lives for {facts.left:.0f} s")
        return
    if facts.extension:
        needed = f"the next call needs {RETRY_SECONDS:.0f} s, the hook has {facts.left:.0f}"
        yield Decision(Step.HEARTBEAT, needed)
    yield _expiring(facts, plan, "the hook cannot be kept alive until the next call")


def _expiring(facts: Facts, plan: Plan, why: str) -> Decision:
    """Rather the failure result than the hook's own default; but our own failure is not a failed check."""
    if facts.refused:
        return Decision(Step.FAIL, why)
    return Decision(Step.COMPLETE, f"{why}, and the checks are not over", plan.on_failure)


def _checked(facts: Facts, plan: Plan, progress: Progress) -> Decision:
    if not progress.instance_ids:
        return _nobody(facts)
    if not facts.observed:
        return Decision(Step.OBSERVE, "which instances can be checked?")
    if progress.silent(facts.asked_at):
        return Decision(Step.GIVE_UP, "Cloud Assistant does not say how a command has ended")
    if progress.unreached and (over := _waiting_over(facts, plan, progress)):
        return Decision(Step.GIVE_UP, over)
    if batches := progress.batches(facts.now):
        check = progress.chosen[batches[0].stage].check.name
        return Decision(Step.RUN, f"{check} on {sum(len(one.instance_ids) for one in batches)} instances")
    return Decision(Step.OBSERVE, f"{len(progress.unreached)} cannot be reached yet, others are being checked")


def _nobody(facts: Facts) -> Decision:
    """Nothing passes where nobody is checked."""
    if facts.now - facts.entered_at < APPEAR_SECONDS:
        return Decision(Step.LOOK, "it lists no instance yet")
    return Decision(Step.FAIL, "Auto Scaling lists no instance that it holds back")


def _waiting_over(facts: Facts, plan: Plan, progress: Progress) -> str:
    """Why nobody waits any longer for instances that no command can reach; empty while that goes on."""
    limit = plan.agent_seconds
    if limit is not None and facts.asked_at >= facts.began_at + limit:
        return f"agent_seconds of the hook's rule is {limit:g}"
    needed = sum(one.check.timeout for one in progress.chosen) + facts.finish_seconds
    if facts.now >= facts.life_end - needed:
        return f"what is left of the hook's life is needed for the checks of the others ({needed:g} s)"
    return ""


def _count(number: int) -> str:
    return f"{number} instance" if number == 1 else f"{number} instances"


def _few(texts: Iterable[str]) -> str:
    """The first of them, and how many more there are."""
    every = list(texts)
    more = f"; and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return "; ".join(every[:NAMED]) + more
