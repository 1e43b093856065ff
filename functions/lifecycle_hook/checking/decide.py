"""What to do next about a lifecycle action, and why. Pure: the same state always gives the same decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from checking.assignment import CheckPlan, Partial
from checking.progress import Progress
from checking.state import HELD_UP_SHARE, Action, State
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


def decide(state: State) -> Decision:
    """The one next step: the first of those that are wanted and were not refused a moment ago."""
    wanted = list(_wanted(state))
    free = next((one for one in wanted if not state.held_up(one.step)), None)
    if free:
        return free
    refused = f"{wanted[0].step.value}: {state.refusals[wanted[0].step, ''].error}"
    if state.now >= state.leave_at:
        return Decision(Step.LEAVE, f"this call's time is up; {refused}")
    return Decision(Step.WAIT, refused)


def _wanted(state: State) -> Iterator[Decision]:
    """Steps in the order of their urgency; the later ones count where an earlier one was refused."""
    if state.completed:
        yield _tidied_before(state, _completed(state, state.completed))
    elif not state.looked or state.action is None:
        yield _absent(state) if state.looked else _looking(state)
        yield from _extended(state)
    elif state.action.status != "Pending":
        yield _tidied_before(state, _over(state, state.action))
    elif state.hook is None:
        yield Decision(Step.FAIL, "Auto Scaling does not show its hook")
    elif state.check_plan is None or state.progress is None:
        yield Decision(Step.CHOOSE, "its name, its group, its transition and its metadata say which")
    else:
        yield from _pending(state, state.check_plan, state.progress)


def _pending(state: State, plan: CheckPlan, progress: Progress) -> Iterator[Decision]:
    certain = _judged(state, plan, progress)
    if certain and not state.sent:
        yield certain
    yield from _extended(state)
    if certain:
        yield certain
    if state.unrecorded:
        yield Decision(Step.RECORD_LIFE, "no API tells other calls")
    yield from _ending(state, plan)
    if not certain:
        yield _checked(state, plan, progress)


def _extended(state: State) -> Iterator[Decision]:
    """A heartbeat, where the hook may end soon, or where a refused call makes everything wait."""
    if not state.extension:
        return
    if state.looked and state.left <= state.lead_seconds:
        yield Decision(Step.HEARTBEAT, f"the hook may end in {max(state.left, 0):.0f} s")
    waits = any(state.held_up(step) for step, _ in state.refusals if step is not Step.HEARTBEAT)
    if waits and (not state.life_known or state.left <= HELD_UP_SHARE * state.heartbeat):
        yield Decision(Step.HEARTBEAT, "a refused call waits for its next try while the time of the hook passes")


def _tidied_before(state: State, decision: Decision) -> Decision:
    if decision.step not in (Step.DONE, Step.SKIP) or state.tidied:
        return decision
    return Decision(Step.TIDY, "they have done their work")


def _looking(state: State) -> Decision:
    if not state.read:
        return Decision(Step.READ, "its timeout says how long it may wait")
    if state.looks and state.now >= state.leave_at:
        return Decision(Step.LEAVE, "this call's time is up")
    return Decision(Step.LOOK, "what the cloud says of it counts, not the notification")


def _absent(state: State) -> Decision:
    if state.now - state.entered_at < APPEAR_SECONDS:
        return Decision(Step.LOOK, "it may not be shown yet")
    return Decision(Step.SKIP, "Auto Scaling shows no lifecycle action with this token")


def _over(state: State, action: Action) -> Decision:
    """It ended before this call came to it, or while it was at work."""
    if action.status not in ENDED:
        return Decision(Step.FAIL, f"its status {action.status} is unknown")
    reason = f"it is {action.status} already, with {action.result or 'no result'}"
    if action.result != HookResult.CONTINUE.value or not _out(state):
        return Decision(Step.SKIP, reason)
    if not state.chosen:
        return Decision(Step.CHOOSE, "failed instances may have to be removed after CONTINUE")
    return _failed_removed(state, reason) if _removes(state) else Decision(Step.SKIP, reason)


def _completed(state: State, result: HookResult) -> Decision:
    if not state.verified:
        return Decision(Step.VERIFY, "an accepted call is not yet a completed action")
    if result is HookResult.CONTINUE and _removes(state):
        return _failed_removed(state, f"completed with {result.value}: {state.judged}")
    return Decision(Step.DONE, f"completed with {result.value}: {state.judged}")


def _removes(state: State) -> bool:
    plan = state.check_plan
    return plan is not None and plan.partial is Partial.CONTINUE_AND_REMOVE_FAILED and _out(state)


def _out(state: State) -> bool:
    return state.transition is Transition.SCALE_OUT


def _failed_removed(state: State, reason: str) -> Decision:
    """After CONTINUE the failed instances have to go, by this call or, if it dies, by the next."""
    if state.failed is None:
        return Decision(Step.RECALL, "an earlier call may have died between CONTINUE and the removal")
    if state.failed and state.removed is None:
        return Decision(Step.REMOVE, f"{_few(state.failed)} failed a check and would take traffic")
    return Decision(Step.DONE if state.completed or state.removed else Step.SKIP, reason)


def _judged(state: State, plan: CheckPlan, progress: Progress) -> Decision | None:
    """How it is to end, as soon as that is certain."""
    failures, passed, total = progress.failures, progress.passed, len(progress.instance_ids)
    if total and len(passed) == total:
        return Decision(Step.COMPLETE, f"{_count(total)} passed every check", HookResult.CONTINUE)
    if not failures:
        return None
    reason = f"{len(failures)} of {_count(total)} failed: {_few(f'{one}: {failures[one]}' for one in sorted(failures))}"
    if _removes(state) and len(failures) < total:
        return _partial(state, plan, reason) if len(failures) + len(passed) == total else None
    return Decision(Step.COMPLETE, reason, plan.on_failure)


def _partial(state: State, plan: CheckPlan, reason: str) -> Decision:
    if state.hindrance:
        why = f"{state.hindrance.action}: {state.hindrance.code}"
        return Decision(Step.COMPLETE, f"{reason}; nothing would remove them after CONTINUE ({why})", plan.on_failure)
    if state.spared is None:
        return Decision(Step.SPARE, "a group at its MinSize lets nobody go")
    if not state.spared:
        return Decision(Step.COMPLETE, f"{reason}; without them the group would be below its MinSize", plan.on_failure)
    if not state.marked:
        return Decision(Step.MARK, "whoever comes after CONTINUE must know which instances have to go")
    return Decision(Step.COMPLETE, f"{reason}; they are removed, the others go on", HookResult.CONTINUE)


def _ending(state: State, plan: CheckPlan) -> Iterator[Decision]:
    """What this call's time, or the end of the hook, calls for."""
    if state.now >= state.leave_at:
        yield from _leaving(state, plan)
        return
    extendable = state.extension and not state.held_up(Step.HEARTBEAT)
    # A command that ends soon is still waited for, unless nobody can be asked about it.
    asked = state.polled or any(state.held_up(step) for step, _ in state.refusals)
    if asked and not extendable and state.left <= state.finish_seconds:
        yield _expiring(state, plan, "the hook cannot be kept alive any longer")


def _leaving(state: State, plan: CheckPlan) -> Iterator[Decision]:
    if state.left >= RETRY_SECONDS:
        yield Decision(Step.LEAVE, f"this call's time is up, the hook lives for {state.left:.0f} s")
        return
    if state.extension:
        needed = f"the next call needs {RETRY_SECONDS:.0f} s, the hook has {state.left:.0f}"
        yield Decision(Step.HEARTBEAT, needed)
    yield _expiring(state, plan, "the hook cannot be kept alive until the next call")


def _expiring(state: State, plan: CheckPlan, why: str) -> Decision:
    """Rather the failure result than the hook's own default; but our own failure is not a failed check."""
    if state.heartbeat_error:
        return Decision(Step.FAIL, why)
    return Decision(Step.COMPLETE, f"{why}, and the checks are not over", plan.on_failure)


def _checked(state: State, plan: CheckPlan, progress: Progress) -> Decision:
    if not progress.instance_ids:
        return _nobody(state)
    if not state.observed:
        return Decision(Step.OBSERVE, "which instances can be checked?")
    if progress.silent(state.asked_at):
        return Decision(Step.GIVE_UP, "Cloud Assistant does not say how a command has ended")
    if progress.unreached and (over := _waiting_over(state, plan, progress)):
        return Decision(Step.GIVE_UP, over)
    if batches := progress.batches(state.now):
        check = progress.chosen[batches[0].stage].check.name
        return Decision(Step.RUN, f"{check} on {sum(len(one.instance_ids) for one in batches)} instances")
    return Decision(Step.OBSERVE, f"{len(progress.unreached)} cannot be reached yet, others are being checked")


def _nobody(state: State) -> Decision:
    """Nothing passes where nobody is checked."""
    if state.now - state.entered_at < APPEAR_SECONDS:
        return Decision(Step.LOOK, "it lists no instance yet")
    return Decision(Step.FAIL, "Auto Scaling lists no instance that it holds back")


def _waiting_over(state: State, plan: CheckPlan, progress: Progress) -> str:
    """Why nobody waits any longer for instances that no command can reach; empty while that goes on."""
    limit = plan.agent_seconds
    if limit is not None and state.asked_at >= state.began_at + limit:
        return f"agent_seconds of the hook's rule is {limit:g}"
    needed = sum(one.check.timeout for one in progress.chosen) + state.finish_seconds
    if state.now >= state.life_end - needed:
        return f"what is left of the hook's life is needed for the checks of the others ({needed:g} s)"
    return ""


def _count(number: int) -> str:
    return f"{number} instance" if number == 1 else f"{number} instances"


def _few(texts: Iterable[str]) -> str:
    """The first of them, and how many more there are."""
    every = list(texts)
    more = f"; and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return "; ".join(every[:NAMED]) + more
