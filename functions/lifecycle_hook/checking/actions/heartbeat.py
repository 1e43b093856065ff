"""The heartbeat, which extends the hook."""

from __future__ import annotations

from checking.context import Context
from checking.state import MINUTE, State
from checking.steps import Decision, Step
from spotkeeper.errors import CloudError
from spotkeeper.failed_steps import postponed
from spotkeeper.retry import passes_with_next_call

SPENT = frozenset({"LifecycleAction.TimeExceeded", "LifecycleAction.RecordTimesExceeded"})
"""The hook's own limits: six hours, twenty extensions (RecordLifecycleActionHeartbeat)."""
UNKNOWN_LIFE_SECONDS = 300.0
NOT_PENDING = "LifecycleHookIdAndLifecycleActionToken.Invalid"
"""Wrong pair, timed out or completed already (CompleteLifecycleAction): the lifecycle action shows which."""
PAUSE = 10.0


def heartbeat(run: Context, state: State, _: Decision) -> State:
    """Extend the hook. It then lives so long from now at least, whether a heartbeat restarts its clock or adds to it.

    After a refusal no heartbeat follows: codes of ``SPENT`` are the hook's limits, others a failure of this function.
    Raises ``CloudError`` for a refusal that passes, for example with expired credentials: no call would succeed then.
    """
    seconds = int(state.extension)
    action = {"lifecycleHookId": state.event.hook_id, "lifecycleActionToken": state.event.token}
    asked_at = run.clock.now()
    try:
        run.ess.call("RecordLifecycleActionHeartbeat", state.event.hook_id, {**action, "heartbeatTimeout": seconds})
    except CloudError as error:
        if error.code == NOT_PENDING:
            later = postponed(None, error, state.now, asked_at + PAUSE)
            return state.refused(Step.HEARTBEAT, later).replace(looked=False)
        if passes_with_next_call(error):
            raise
        if not state.read:  # the longest possible heartbeat is not known yet
            return state.refused(Step.HEARTBEAT, postponed(None, error, state.now, asked_at + MINUTE))
        spent = error.code in SPENT
        # Other calls have used up the heartbeats: on average half of the last heartbeat is left.
        guess = asked_at + UNKNOWN_LIFE_SECONDS if spent and not state.life_known else state.alive_until
        return state.replace(extendable=False, heartbeat_error=None if spent else error, alive_until=guess)
    return state.replace(alive_until=asked_at + seconds, life_known=True, extended=True, unrecorded=True)
