"""The completion of the lifecycle action. When, and with which result: ``checking.decide``."""

from __future__ import annotations

from checking import observe
from checking.actions.heartbeat import NOT_PENDING
from checking.context import Context
from checking.decide import APPEAR_SECONDS
from checking.state import State
from checking.steps import Decision
from spotkeeper.errors import CloudError, CloudUnreachable, DeadlineReached
from spotkeeper.events.kinds import HookResult
from spotkeeper.retry import RetryPolicy, is_outage

COMPLETE = RetryPolicy(repeatable=False)
"""A completion without an answer may have been executed: the lifecycle action shows it."""
PAUSE = 10.0
VERIFY_PAUSE = 2.0


def complete(run: Context, state: State, decision: Decision) -> State:
    """CompleteLifecycleAction, always with a result: otherwise the hook's DefaultResult counts."""
    if decision.result is None:
        return state
    try:
        send(run, state, decision.result)
    except CloudError as error:
        if error.code == NOT_PENDING:
            return state.replace(looked=False)
        if isinstance(error, CloudUnreachable) or is_outage(error):
            return _unanswered(run, state, decision)
        raise
    return state.replace(completed=decision.result, judged=decision.reason, failed=state.failing)


def send(run: Context, state: State, result: HookResult) -> None:
    """CompleteLifecycleAction. Raises ``CloudError``."""
    parameters = {
        "LifecycleHookId": state.event.hook_id,
        "LifecycleActionToken": state.event.token,
        "LifecycleActionResult": result.value,
        "ClientToken": run.token("complete", result.value),
    }
    run.ess.call("CompleteLifecycleAction", state.event.hook_id, parameters, retry=COMPLETE)


def _unanswered(run: Context, state: State, decision: Decision) -> State:
    if run.deadline.remaining() <= PAUSE:
        raise DeadlineReached(
            f"{state.event.hook_id}: CompleteLifecycleAction got no answer; the next call reads the action"
        )
    run.clock.sleep(PAUSE)
    return state.replace(looked=False, sent=decision.result, judged=decision.reason, failed=state.failing)


def verify(run: Context, state: State, _: Decision) -> State:
    """Wait until Auto Scaling shows the completed action, but not for long: the request was accepted."""
    deadline = run.deadline.sooner(APPEAR_SECONDS)
    while True:
        found = dict(observe.actions(run, state)).get(state.event.token)
        if (found and found.status != "Pending") or deadline.remaining() <= VERIFY_PAUSE:
            return state.replace(action=found or state.action, verified=True)
        run.clock.sleep(VERIFY_PAUSE)
