"""What changes something: commands, heartbeats, the end of the action, the removal of failed instances."""

from __future__ import annotations

from checking import commands, tags
from checking.facts import MINUTE, Facts, Refusal
from checking.steps import Decision, Step
from checking.tools import Tools, chunks
from spotkeeper.clients import items
from spotkeeper.errors import CloudError, CloudUnreachable, DeadlineReached
from spotkeeper.events import HookResult
from spotkeeper.polling import ABSENT, Waiter, wait_for
from spotkeeper.retry import RetryPolicy, is_outage, passes_by_itself

NOT_PENDING = "LifecycleHookIdAndLifecycleActionToken.Invalid"
"""Wrong pair, timed out or completed already (CompleteLifecycleAction): only looking tells."""
SPENT = frozenset({"LifecycleAction.TimeExceeded", "LifecycleAction.RecordTimesExceeded"})
"""The hook's own limits: six hours, twenty extensions (RecordLifecycleActionHeartbeat)."""
COMPLETE = RetryPolicy(repeatable=False)
"""A completion without an answer may have been executed: looking tells."""
REMOVE = RetryPolicy(conflicts=frozenset({"ScalingActivityInProgress", "IncorrectScalingGroupStatus"}))
UNKNOWN_LIFE_SECONDS = 300.0
PAUSE = 10.0
REMOVED_PER_CALL = 20
GONE = frozenset({"Removing", "Removing:Wait"})
ACTIVITY = Waiter(
    "scaling activity",
    success=frozenset({"Successful", "Warning", "Failed", "Rejected"}),
    retry=frozenset({"InProgress", ABSENT}),
    longest_pause=15.0,
)


def run(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Start the commands that are due."""
    return facts.but(progress=facts.progress and commands.run(tools, facts.progress), pause=0.0)


def give_up(tools: Tools, facts: Facts, decision: Decision) -> Facts:
    """What has been waited for too long has failed."""
    if facts.progress is None:
        return facts
    progress = commands.give_up(facts.progress, tools.clock.now())
    return facts.but(progress=progress.without_waiting(decision.reason) if progress == facts.progress else progress)


def heartbeat(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Extend the hook. It then lives that long from now at least, whether a heartbeat restarts the clock or adds to it.

    A refusal ends the extending: the hook's limits are its own, everything else is our failure.
    """
    seconds = int(facts.extension)
    parameters = {**_pair(facts, "lifecycleHookId", "lifecycleActionToken"), "heartbeatTimeout": seconds}
    asked_at = tools.clock.now()
    try:
        tools.ess.call("RecordLifecycleActionHeartbeat", facts.event.hook_id, parameters)
    except CloudError as error:
        if error.code == NOT_PENDING:
            return _put_off(facts, error, asked_at + PAUSE).but(looked=False)
        if passes_by_itself(error):
            raise
        if not facts.read:  # nobody knows yet how long a heartbeat may be
            return _put_off(facts, error, asked_at + MINUTE)
        spent = error.code in SPENT
        # Somebody has used up the extensions, the last one not long ago: on average half of it is left.
        guess = asked_at + UNKNOWN_LIFE_SECONDS if spent and not facts.life_known else facts.alive_until
        return facts.but(extendable=False, refused=None if spent else error, alive_until=guess)
    return facts.but(alive_until=asked_at + seconds, life_known=True, extended=True, untold=True)


def _put_off(facts: Facts, error: CloudError, until: float) -> Facts:
    return facts.holding_up(Step.HEARTBEAT, Refusal(error, facts.now, 1, until))


def _pair(facts: Facts, hook: str, token: str) -> dict[str, str]:
    return {hook: facts.event.hook_id, token: facts.event.token}


def complete(tools: Tools, facts: Facts, decision: Decision) -> Facts:
    """CompleteLifecycleAction, its result always said: without one the hook's DefaultResult counts."""
    if decision.result is None:
        return facts
    try:
        send(tools, facts, decision.result)
    except CloudUnreachable:
        return _unanswered(tools, facts, decision)
    except CloudError as error:
        if error.code == NOT_PENDING:
            return facts.but(looked=False)
        if is_outage(error):
            return _unanswered(tools, facts, decision)
        raise
    return facts.but(completed=decision.result, judged=decision.reason, failed=_failed(facts))


def send(tools: Tools, facts: Facts, result: HookResult) -> None:
    """The call itself. Raises ``CloudError``."""
    token = tools.token("complete", result.value)
    parameters = {"LifecycleActionResult": result.value, "ClientToken": token}
    parameters |= _pair(facts, "LifecycleHookId", "LifecycleActionToken")
    tools.ess.call("CompleteLifecycleAction", facts.event.hook_id, parameters, retry=COMPLETE)


def _failed(facts: Facts) -> tuple[str, ...]:
    return tuple(sorted(facts.progress.failures)) if facts.progress else ()


def _unanswered(tools: Tools, facts: Facts, decision: Decision) -> Facts:
    if tools.deadline.remaining() <= PAUSE:
        raise DeadlineReached(f"{facts.event.hook_id}: nobody answers whether it is completed; the next call looks")
    tools.clock.sleep(PAUSE)
    return facts.but(looked=False, sent=decision.result, judged=decision.reason, failed=_failed(facts))


def spare(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Whether the group stays at its MinSize without the failed instances (RemoveInstances refuses otherwise)."""
    group_id = _group_id(facts)
    try:
        answer = tools.ess.call("DescribeScalingGroups", group_id, {"ScalingGroupIds": [group_id]})
    except CloudError as error:
        if passes_by_itself(error):
            raise
        return facts.but(hindrance=error)
    group = next((one for one in items(answer, "ScalingGroups") if one.get("ScalingGroupId") == group_id), {})
    total, least = int(group.get("TotalCapacity") or 0), int(group.get("MinSize") or 0)
    return facts.but(spared=total - len(_failed(facts)) >= least)


def recall(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """The instances that an earlier call has marked."""
    marked = {str(one["InstanceId"]) for one in tags.marked(tools, facts)}
    standing = _in_group(tools, facts, sorted(marked & set(facts.action.instance_ids if facts.action else ())))
    return facts.but(failed=tuple(standing))


def remove(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Take the failed instances out of their group, their hooks unasked; list again until none is left.

    The activity that the hook held up has to end first, other hooks included. The group's desired capacity goes down
    with the instances (RemoveInstances' default): a machine image that always fails would otherwise be launched again
    and again. Raises ``CloudError`` and ``DeadlineReached``.
    """
    group_id, activity_id = _group_id(facts), facts.event.scaling_activity_id
    while True:
        _wait_for_activity(tools, activity_id)
        standing = _in_group(tools, facts, list(facts.failed or ()))
        if not standing:
            return facts.but(removed=facts.failed)
        activity_id = _removing(tools, facts, standing)
        if tools.deadline.remaining() <= PAUSE:
            raise DeadlineReached(f"{group_id}: {len(standing)} failed instances still stand; the next call goes on")
        tools.clock.sleep(PAUSE)


def _removing(tools: Tools, facts: Facts, instance_ids: list[str]) -> str:
    """The activity that removes them, as far as one call takes them.

    No ClientToken: if the activity fails the same call has to begin another, and two of them do no harm. Empty where
    it is refused because a call side by side has removed one of them: no document says with which code, so the list
    tells.
    """
    group_id = _group_id(facts)
    parameters = {
        "ScalingGroupId": group_id,
        "InstanceIds": instance_ids[:REMOVED_PER_CALL],
        "LifecycleHookContext": {"DisableLifecycleHook": True},
    }
    try:
        answer = tools.ess.call("RemoveInstances", group_id, parameters, retry=REMOVE)
    except CloudError as error:
        if passes_by_itself(error, REMOVE) or _in_group(tools, facts, instance_ids) == instance_ids:
            raise
        return ""
    return str(answer.get("ScalingActivityId") or "")


def _wait_for_activity(tools: Tools, activity_id: str | None) -> None:
    if not activity_id:
        return

    def status() -> tuple[str, None]:
        answer = tools.ess.call("DescribeScalingActivities", activity_id, {"ScalingActivityIds": [activity_id]})
        found = items(answer, "ScalingActivities")
        return (str(found[0].get("StatusCode")) if found else ABSENT), None

    wait_for(ACTIVITY, activity_id, status, tools.clock, tools.deadline)


def _group_id(facts: Facts) -> str:
    return str((facts.hook or {}).get("ScalingGroupId") or facts.event.scaling_group_id or "")


def _in_group(tools: Tools, facts: Facts, instance_ids: list[str]) -> list[str]:
    """Those of the instances that are members and not on their way out."""
    group_id, standing = _group_id(facts), []
    for chunk in chunks(instance_ids, REMOVED_PER_CALL):
        parameters = {"ScalingGroupId": group_id, "InstanceIds": chunk}
        for page in tools.ess.pages("DescribeScalingInstances", group_id, parameters):
            here = [one for one in items(page, "ScalingInstances") if one.get("LifecycleState") not in GONE]
            standing += [str(one["InstanceId"]) for one in here if one.get("InstanceId") in chunk]
    return standing
