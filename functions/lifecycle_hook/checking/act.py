"""What changes something: commands, heartbeats, the end of the action, the removal of failed instances."""

from __future__ import annotations

from checking import commands
from checking.decide import Decision
from checking.facts import Facts
from checking.tools import Tools, chunks
from spotkeeper.clients import items
from spotkeeper.errors import CloudError, CloudUnreachable, DeadlineReached
from spotkeeper.events import HookResult
from spotkeeper.hooks import ALIVE_TAG, FAILED_TAG
from spotkeeper.instances import describe_instances, tags_of
from spotkeeper.polling import ABSENT, Waiter, wait_for
from spotkeeper.retry import RetryPolicy, is_outage, passes_by_itself

NOT_PENDING = "LifecycleHookIdAndLifecycleActionToken.Invalid"
"""Wrong pair, timed out or completed already (CompleteLifecycleAction): only looking tells."""
SPENT = frozenset({"LifecycleAction.TimeExceeded", "LifecycleAction.RecordTimesExceeded"})
"""The hook's own limits: six hours, twenty extensions (RecordLifecycleActionHeartbeat)."""
COMPLETE = RetryPolicy(repeatable=False)
"""A completion without an answer may have been executed: looking tells."""
REMOVE = RetryPolicy(conflicts=frozenset({"ScalingActivityInProgress", "IncorrectScalingGroupStatus"}))
NO_INSTANCE = "InvalidResourceId.NotFound"
TAG_SECONDS = 5.0
UNKNOWN_LIFE_SECONDS = 300.0
PAUSE = 10.0
TAGGED_PER_CALL = 50
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
            return facts.but(looked=False)
        if passes_by_itself(error):
            raise
        spent = error.code in SPENT
        # Somebody has used up the extensions, the last one not long ago: on average half of it is left.
        guess = asked_at + UNKNOWN_LIFE_SECONDS if spent and not facts.life_known else facts.alive_until
        return facts.but(extendable=False, refused=None if spent else error, alive_until=guess)
    _remember_life(tools, facts, asked_at + seconds)
    return facts.but(alive_until=asked_at + seconds, life_known=True)


def _remember_life(tools: Tools, facts: Facts, alive_until: float) -> None:
    """Tell other calls, and the sweep, until when the hook lives: no API does. Nothing depends on it."""
    if facts.action is None or not facts.action.instance_ids:
        return
    tag = [{"Key": ALIVE_TAG, "Value": f"{facts.event.token}/{int(alive_until)}"}]
    parameters = {"ResourceType": "instance", "ResourceId": [min(facts.action.instance_ids)], "Tag": tag}
    try:
        tools.ecs.call("TagResources", facts.event.hook_id, parameters, until=tools.deadline.sooner(TAG_SECONDS))
    except CloudError as error:
        tools.audit.record("remember how long the hook lives", "failed", str(error))


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
    answer = tools.ess.call("DescribeScalingGroups", group_id, {"ScalingGroupIds": [group_id]})
    group = next((one for one in items(answer, "ScalingGroups") if one.get("ScalingGroupId") == group_id), {})
    total, least = int(group.get("TotalCapacity") or 0), int(group.get("MinSize") or 0)
    return facts.but(spared=total - len(_failed(facts)) >= least)


def mark(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """Tag the failed instances, so that a call after CONTINUE knows them although this one may die."""
    for chunk in chunks(_failed(facts), TAGGED_PER_CALL):
        if not _tagged(tools, facts, chunk):
            for one in chunk:  # one of them is gone, and the call refuses all
                _tagged(tools, facts, [one])
    return facts.but(marked=True)


def _tagged(tools: Tools, facts: Facts, instance_ids: list[str]) -> bool:
    tag = [{"Key": FAILED_TAG, "Value": _mark(facts)}]
    parameters = {"ResourceType": "instance", "ResourceId": instance_ids, "Tag": tag}
    try:
        tools.ecs.call("TagResources", f"{len(instance_ids)} failed instances", parameters)
    except CloudError as error:
        if error.code != NO_INSTANCE:
            raise
        return False
    return True


def _mark(facts: Facts) -> str:
    """What the sweep needs to find the action again; 128 characters at most."""
    event = facts.event
    return f"{event.token}/{event.hook_id}/{event.scaling_activity_id or ''}"


def recall(tools: Tools, facts: Facts, _: Decision) -> Facts:
    """The instances that an earlier call has marked."""
    parameters = {"Tag": [{"Key": FAILED_TAG, "Value": _mark(facts)}]}
    found = list(describe_instances(tools.ecs, "marked instances", parameters))
    marked = {str(one["InstanceId"]) for one in found if tags_of(one).get(FAILED_TAG) == _mark(facts)}
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
