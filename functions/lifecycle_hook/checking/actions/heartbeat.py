"""The heartbeat, which extends the hook."""

from __future__ import annotations

from checking.context import Context
from checking.state import MINUTE, State
from checking.steps import Decision, Step
from spotkeeper.errors import CloudError
from spotkeeper.refusals import postponed
from spotkeeper.retry import passes_with_next_call

SPENT = frozenset({"LifecycleAction.TimeExceeded", "LifecycleAction.RecordTimesExceeded"})
"""The hook's own limits: six hours, twenty extensions (RecordLifecycleActionHeartbeat)."""
UNKNOWN_LIFE_SECONDS = 300.0
NOT_PENDING = "LifecycleHookIdAndLifecycleActionToken.Invalid"
"""Wrong pair, timed out or completed already (CompleteLifecycleAction): the lifecycle action tells."""
PAUSE = 10.0


def heartbeat(run: Context, state: State, _: Decision) -> State:
    """Extend the hook. It then lives that long from now at least, whether a heartbeat restarts the clock or adds to it.

    A refusal ends the extending: the hook's limits are its own, everything else is a failure of this function. Raises
    ``CloudError`` for a refusal that passes: with the call's expired credentials, for instance, no call would succeed.
    """
    seconds = int(state.extension)
    action = {"lifecycleHookId": state.event.hook_id, "lifecycleActionToken": state.event.token}
    asked_at = run.clock.now()
    try:
        run.ess.call("RecordLifecycleActionHeartbeat", state.event.hook_id, {**action, "heartbeatTimeout": seconds})
    except CloudError as error:
        if error.code == NOT_PENDING:
            return _put_off(state, error, asked_at + PAUSE).replace(looked=False)
        if passes_with_next_call(error):
            raise
        if not state.read:  # the length that a heartbeat may have is not known yet
            return _put_off(state, error, asked_at + MINUTE)
        spent = error.code in SPENT
        # Other calls have used up the extensions: on average half of the last one is left.
        guess = asked_at + UNKNOWN_LIFE_SECONDS if spent and not state.life_known else state.alive_until
        return state.replace(extendable=False, heartbeat_error=None if spent else error, alive_until=guess)
    return state.replace(alive_until=asked_at + seconds, life_known=True, extended=True, unrecorded=True)


def _put_off(state: State, error: CloudError, until: float) -> State:
    return state.refused(Step.HEARTBEAT, postponed(None, error, state.now, until))
