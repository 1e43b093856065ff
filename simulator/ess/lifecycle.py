"""CompleteLifecycleAction and RecordLifecycleActionHeartbeat."""

from __future__ import annotations

from simulator.actions import Answer, Parameters, action
from simulator.error_catalogue import refusal
from simulator.ess.activities import Activities
from simulator.ess.model import COMPLETED, PENDING, RESULTS, LifecycleAction

SHORTEST, LONGEST = 30, 21600
"""HeartbeatTimeout, seconds."""
MOST_HEARTBEATS = 20
LONGEST_WAIT = 6 * 3600.0


class Lifecycle(Activities):
    """The operations that end a lifecycle action or keep it alive."""

    @action("CompleteLifecycleAction")
    def complete_lifecycle_action(self, p: Parameters) -> Answer:
        """End a pending action; without a result, with the hook's default.

        The same ClientToken with the same parameters is answered as before ("Ensure idempotence"), also when the
        action is over. With another token, or none, a second call is refused like any other for an action that is over.
        """
        if (
            before := self.tokens.recall("CompleteLifecycleAction", p, refusal("IdempotentParameterMismatch"))
        ) is not None:
            return before
        result = p.get("LifecycleActionResult")
        if result not in (None, *RESULTS):
            raise refusal("InvalidParamter")
        found = self._pending(p, "LifecycleHookId", "LifecycleActionToken")
        result = result or found.hook.default_result
        self.completions.append({"token": found.token, "hook_id": found.hook.id, "result": result, "at": self.now()})
        self.end(self.now(), found, COMPLETED, result)
        self.progress()
        return self.tokens.remember("CompleteLifecycleAction", p, {})

    @action("RecordLifecycleActionHeartbeat")
    def record_lifecycle_action_heartbeat(self, p: Parameters) -> Answer:
        """Put off the timeout of a pending action, at most 20 times.

        "An ECS instance can be kept in the wait state for no longer than six hours": counted from the moment at which
        the hook fired to the new end, whichever way the new end is reckoned. A refused heartbeat changes nothing.
        """
        seconds = p.int("heartbeatTimeout", 600)
        if not SHORTEST <= seconds <= LONGEST:
            raise refusal("InvalidParamter")
        found = self._pending(p, "lifecycleHookId", "lifecycleActionToken")
        if found.heartbeats >= MOST_HEARTBEATS:
            raise refusal("LifecycleAction.RecordTimesExceeded")
        until = (found.expires_at if self.heartbeat_reading == "add" else self.now()) + seconds
        if until - found.began_at > LONGEST_WAIT:
            raise refusal("LifecycleAction.TimeExceeded")
        found.heartbeats += 1
        found.expires_at = until
        self.scheduler.at(until, self._expire, found)
        return {}

    def _pending(self, p: Parameters, hook: str, token: str) -> LifecycleAction:
        """The action in process that has this token and this hook, in the call's region."""
        here = self.region(p)
        for found in self.actions_of_all:
            if found.token == p[token] and found.hook.id == p[hook] and found.activity.group.region == here:
                if found.status == PENDING:
                    return found
                break
        raise refusal("LifecycleHookIdAndLifecycleActionToken.Invalid")
