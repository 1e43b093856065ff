"""The next step of a lifecycle action, with its reason. Pure: the same state always gives the same decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from checking.assignment import CheckPlan, Partial
from checking.state import POSTPONED_SHARE, LifecycleAction, State
from checking.steps import Decision, Step
from spotkeeper.events.kinds import HookResult, Transition

RETRY_SECONDS = 120.0
"""The time that the next call needs to come and look. Function Compute documents no pause between asynchronous retries;
the sweep runs every minute."""
APPEAR_SECONDS = 30.0
"""An action may be missing from DescribeLifecycleActions for so long after its notification."""
REACH_SECONDS = 60.0
"""The longest wait for an instance that is in service, or checked on demand: it is expected to be running."""

NAMED = 3
"""So many instances are named in a reason; the answer names all."""
ENDED = frozenset({"Completed", "Timeout"})


def decide(state: State) -> Decision:
    """The next step: the first wanted step whose next try is due."""
    wanted = list(_wanted(state))
    if free := next((decision for decision in wanted if not state.postponed(decision.step)), None):
        return free
    error = f"{wanted[0].step.value}: {state.refusals[wanted[0].step, ''].error}"
    if state.now >= state.leave_at:
        return Decision(Step.LEAVE, f"this call's time is up; {error}")
    return Decision(Step.WAIT, error)


def _wanted(state: State) -> Iterator[Decision]:
    """Steps in the order of urgency; a later step counts where an earlier step was refused."""
    if state.completed:
        yield _tidied_before(state, _completed(state, state.completed))
    elif not state.looked or state.action is None:
        yield _absent(state) if state.looked else _looking(state)
        yield from _extended(state)
    elif state.action.status != "Pending":
        yield _tidied_before(state, _over(state, state.action))
    elif state.hook is None:
        yield Decision(Step.FAIL, "Auto Scaling does not show its hook")
    elif state.check_plan is None:
        yield Decision(Step.CHOOSE, "the name, group, transition and metadata of the hook choose them")
    else:
        yield from _pending(state, state.check_plan)


def _pending(state: State, plan: CheckPlan) -> Iterator[Decision]:
    certain = _judged(state, plan)
    if certain and not state.sent:
        yield certain
    yield from _extended(state)
    if certain:
        yield certain
    if state.unrecorded:
        yield Decision(Step.RECORD_LIFE, "no API shows the hook's end of life to other calls")
    yield from _ending(state, plan)
    if not certain:
        yield _checked(state, plan)


def _extended(state: State) -> Iterator[Decision]:
    """A heartbeat, where the hook may end soon, or where every step waits for the next try of a refused call."""
    if not state.extension:
        return
    if state.looked and state.left <= state.lead_seconds:
        yield Decision(Step.HEARTBEAT, f"the hook may end in {max(state.left, 0):.0f} s")
    waits = any(state.postponed(step) for step, _ in state.refusals if step is not Step.HEARTBEAT)
    if waits and (not state.life_known or state.left <= POSTPONED_SHARE * state.heartbeat):
        yield Decision(Step.HEARTBEAT, "a refused call waits for its next try while the time of the hook passes")


def _tidied_before(state: State, decision: Decision) -> Decision:
    if decision.step not in (Step.DONE, Step.SKIP) or state.tidied:
        return decision
    return Decision(Step.TIDY, "no call needs them any more")


def _looking(state: State) -> Decision:
    if not state.read:
        return Decision(Step.READ, "the timeout of the hook limits the time for checks")
    if state.looks and state.now >= state.leave_at:
        return Decision(Step.LEAVE, "this call's time is up")
    return Decision(Step.LOOK, "the current lifecycle action counts, not the notification")


def _absent(state: State) -> Decision:
    if state.now - state.entered_at < APPEAR_SECONDS:
        return Decision(Step.LOOK, "Auto Scaling may not show it yet")
    return Decision(Step.SKIP, "Auto Scaling shows no lifecycle action with this token")


def _over(state: State, action: LifecycleAction) -> Decision:
    """The action ended before this call, or during it."""
    if action.status not in ENDED:
        return Decision(Step.FAIL, f"its status {action.status} is unknown")
    reason = f"it is {action.status} already, with {action.result or 'no result'}"
    if action.result != HookResult.CONTINUE.value or state.transition is Transition.SCALE_IN:
        return Decision(Step.SKIP, reason)
    if not state.chosen:
        return Decision(Step.CHOOSE, "failed instances may have to be removed after CONTINUE")
    return _failed_removed(state, reason) if _removes(state) else Decision(Step.SKIP, reason)


def _completed(state: State, result: HookResult) -> Decision:
    if not state.verified:
        return Decision(Step.VERIFY, "an accepted request does not prove a completed action")
    if result is HookResult.CONTINUE and _removes(state):
        return _failed_removed(state, f"completed with {result.value}: {state.judged}")
    return Decision(Step.DONE, f"completed with {result.value}: {state.judged}")


def _removes(state: State) -> bool:
    partial = state.check_plan and state.check_plan.partial
    return partial is Partial.CONTINUE_AND_REMOVE_FAILED and state.transition is Transition.SCALE_OUT


def _failed_removed(state: State, reason: str) -> Decision:
    """After CONTINUE the failed instances are removed, by this call or, if it dies, by the next."""
    if state.failed is None and state.suspects is None:
        return Decision(Step.RECALL, "an earlier call may have died between CONTINUE and the removal")
    # A mark may be older than a passed check, or a copy: marked instances are checked again.
    judged = {*state.progress.passed, *state.progress.failures}
    if state.check_plan and not judged.issuperset(state.suspects or ()):
        if state.now >= state.leave_at:
            return Decision(Step.LEAVE, "this call's time is up, and the checks of marked instances have not ended")
        return _checked(state, state.check_plan)
    if state.to_remove and state.removed is None:
        return Decision(Step.REMOVE, f"{_few(state.to_remove)} failed a check and would take traffic")
    return Decision(Step.DONE if state.completed or state.removed else Step.SKIP, reason)


def _judged(state: State, plan: CheckPlan) -> Decision | None:
    """The completion, as soon as its result is certain."""
    failures, passed, total = state.progress.failures, state.progress.passed, len(state.progress.instance_ids)
    if total and len(passed) == total:
        return Decision(Step.COMPLETE, f"{_count(total)} passed every check", HookResult.CONTINUE)
    if not failures:
        return None
    named = _few(f"{instance_id}: {why}" for instance_id, why in sorted(failures.items()))
    reason = f"{len(failures)} of {_count(total)} failed: {named}"
    if _removes(state) and len(failures) < total:
        return _partial(state, plan, reason) if len(failures) + len(passed) == total else None
    return failure(state, plan, reason)


def failure(state: State, plan: CheckPlan, reason: str) -> Decision:
    """The completion with the failure result.

    ROLLBACK would put an instance that does not run back into service, and Auto Scaling would remove it again for ever.
    """
    if plan.on_failure is HookResult.ROLLBACK and (out := state.progress.not_running):
        reason = f"{reason}; no ROLLBACK, since {_few(out)} would not serve"
        return Decision(Step.COMPLETE, reason, HookResult.ABANDON)
    return Decision(Step.COMPLETE, reason, plan.on_failure)


def _partial(state: State, plan: CheckPlan, reason: str) -> Decision:
    if state.removal_error:
        why = f"{state.removal_error.action}: {state.removal_error.code}"
        return Decision(Step.COMPLETE, f"{reason}; they could not be removed after CONTINUE ({why})", plan.on_failure)
    if state.keeps_min_size is None:
        return Decision(Step.CHECK_MIN_SIZE, "Auto Scaling removes no instance from a group at its MinSize")
    if not state.keeps_min_size:
        return Decision(Step.COMPLETE, f"{reason}; without them the group is below its MinSize", plan.on_failure)
    if not state.marked:
        return Decision(Step.MARK, "a later call needs to know which instances to remove after CONTINUE")
    return Decision(Step.COMPLETE, f"{reason}; they are removed after CONTINUE", HookResult.CONTINUE)


def _ending(state: State, plan: CheckPlan) -> Iterator[Decision]:
    """Steps at the end of this call's time, or of the hook's life."""
    if state.now >= state.leave_at:
        yield from _leaving(state, plan)
        return
    extendable = state.extension and not state.postponed(Step.HEARTBEAT)
    # A command may end soon, unless its result cannot be read.
    asked = state.polled or any(state.postponed(step) for step, _ in state.refusals)
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
    """The failure result, so that the hook's DefaultResult does not count.

    After a failed heartbeat the call ends with an error instead: that says nothing about the instances.
    """
    if state.heartbeat_error:
        return Decision(Step.FAIL, why)
    return failure(state, plan, f"{why}, and the checks have not ended")


def _checked(state: State, plan: CheckPlan) -> Decision:
    progress = state.progress
    if not progress.instance_ids:
        waits = state.now - state.entered_at < APPEAR_SECONDS
        listed = Decision(Step.FAIL, "the lifecycle action lists no instance")
        return Decision(Step.LOOK, "the action lists no instance yet") if waits else listed
    if not state.observed:
        return Decision(Step.OBSERVE, "instances need a running agent before a check")
    if progress.silent(state.asked_at):
        return Decision(Step.GIVE_UP, "Cloud Assistant shows no result of a command")
    if progress.unreached and (over := _waiting_over(state, plan)):
        return Decision(Step.GIVE_UP, over)
    if batches := progress.batches(state.now):
        check = progress.chosen[batches[0].stage].check.name
        return Decision(Step.RUN, f"{check} on {sum(len(batch.instance_ids) for batch in batches)} instances")
    waiting = f"{len(progress.unreached)} instances cannot be reached yet; the other checks are running"
    return Decision(Step.OBSERVE, waiting)


def _waiting_over(state: State, plan: CheckPlan) -> str:
    """The reason to give up instances that no command can reach; empty while waiting goes on."""
    if state.ended:
        over = state.asked_at >= state.entered_at + REACH_SECONDS
        return f"a member of the group is waited for {REACH_SECONDS:g} s at most" if over else ""
    limit = plan.agent_seconds
    if limit is not None and state.asked_at >= state.began_at + limit:
        return f"agent_seconds of the hook's rule is {limit:g}"
    needed = sum(chosen.check.timeout for chosen in state.progress.chosen) + state.finish_seconds
    if state.now >= state.life_end - needed:
        return f"the checks of the other instances need the rest of the hook's life ({needed:g} s)"
    return ""


def _count(number: int) -> str:
    return f"{number} instance" if number == 1 else f"{number} instances"


def _few(texts: Iterable[str]) -> str:
    """The first texts, and the number of further texts."""
    every = list(texts)
    more = f"; and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return "; ".join(every[:NAMED]) + more
