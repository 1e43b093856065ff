"""Failed instances after CONTINUE: whether the group can spare them, and their removal."""

from __future__ import annotations

from checking.actions import tags
from checking.context import Context
from checking.state import State
from checking.steps import Decision
from spotkeeper.clients import chunks, items
from spotkeeper.errors import CloudError, DeadlineReached
from spotkeeper.polling import ABSENT, Waiter, wait_for
from spotkeeper.retry import RetryPolicy, passes_by_itself, passes_with_next_call

REMOVE = RetryPolicy(conflicts=frozenset({"ScalingActivityInProgress", "IncorrectScalingGroupStatus"}))
PAUSE = 10.0
REMOVED_PER_CALL = 20
GONE = frozenset({"Removing", "Removing:Wait"})
ACTIVITY = Waiter(
    "scaling activity",
    success=frozenset({"Successful", "Warning", "Failed", "Rejected"}),
    retry=frozenset({"InProgress", ABSENT}),
    longest_pause=15.0,
)


def spare(run: Context, state: State, _: Decision) -> State:
    """Whether the group stays at its MinSize without the failed instances (RemoveInstances refuses otherwise)."""
    group_id = _group_id(state)
    try:
        answer = run.ess.call("DescribeScalingGroups", group_id, {"ScalingGroupIds": [group_id]})
    except CloudError as error:
        if passes_with_next_call(error):
            raise
        return state.replace(hindrance=error)
    group = next((one for one in items(answer, "ScalingGroups") if one.get("ScalingGroupId") == group_id), {})
    total, least = int(group.get("TotalCapacity") or 0), int(group.get("MinSize") or 0)
    return state.replace(spared=total - len(state.failing) >= least)


def recall(run: Context, state: State, _: Decision) -> State:
    """The instances that an earlier call has marked."""
    marked = {str(one["InstanceId"]) for one in tags.marked(run, state)}
    standing = _in_group(run, state, sorted(marked & set(state.action.instance_ids if state.action else ())))
    return state.replace(failed=tuple(standing))


def remove(run: Context, state: State, _: Decision) -> State:
    """Take the failed instances out of their group, their hooks unasked; list again until none is left.

    The activity that the hook held up has to end first, other hooks included. The group's desired capacity goes down
    with the instances (RemoveInstances' default): a machine image that always fails would otherwise be launched again
    and again. Raises ``CloudError`` and ``DeadlineReached``.
    """
    group_id, activity_id = _group_id(state), state.event.scaling_activity_id
    while True:
        _wait_for_activity(run, activity_id)
        standing = _in_group(run, state, list(state.failed or ()))
        if not standing:
            return state.replace(removed=state.failed)
        activity_id = _removing(run, state, standing)
        if run.deadline.remaining() <= PAUSE:
            raise DeadlineReached(f"{group_id}: {len(standing)} failed instances still stand; the next call goes on")
        run.clock.sleep(PAUSE)


def _removing(run: Context, state: State, instance_ids: list[str]) -> str:
    """The activity that removes them, as far as one call takes them.

    No ClientToken: if the activity fails the same call has to begin another, and two of them do no harm. Empty where
    it is refused because a call side by side has removed one of them: no document says with which code, so the list
    tells.
    """
    group_id = _group_id(state)
    parameters = {
        "ScalingGroupId": group_id,
        "InstanceIds": instance_ids[:REMOVED_PER_CALL],
        "LifecycleHookContext": {"DisableLifecycleHook": True},
    }
    try:
        answer = run.ess.call("RemoveInstances", group_id, parameters, retry=REMOVE)
    except CloudError as error:
        if passes_by_itself(error, REMOVE) or _in_group(run, state, instance_ids) == instance_ids:
            raise
        return ""
    return str(answer.get("ScalingActivityId") or "")


def _wait_for_activity(run: Context, activity_id: str | None) -> None:
    if not activity_id:
        return

    def status() -> tuple[str, None]:
        answer = run.ess.call("DescribeScalingActivities", activity_id, {"ScalingActivityIds": [activity_id]})
        found = items(answer, "ScalingActivities")
        return (str(found[0].get("StatusCode")) if found else ABSENT), None

    wait_for(ACTIVITY, activity_id, status, run.clock, run.deadline)


def _group_id(state: State) -> str:
    return str((state.hook or {}).get("ScalingGroupId") or state.event.scaling_group_id or "")


def _in_group(run: Context, state: State, instance_ids: list[str]) -> list[str]:
    """Those of the instances that are members and not on their way out."""
    group_id, standing = _group_id(state), []
    for chunk in chunks(instance_ids, REMOVED_PER_CALL):
        parameters = {"ScalingGroupId": group_id, "InstanceIds": chunk}
        for page in run.ess.pages("DescribeScalingInstances", group_id, parameters):
            here = [one for one in items(page, "ScalingInstances") if one.get("LifecycleState") not in GONE]
            standing += [str(one["InstanceId"]) for one in here if one.get("InstanceId") in chunk]
    return standing
