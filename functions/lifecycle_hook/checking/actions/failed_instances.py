"""Failed instances after CONTINUE: whether their group keeps its MinSize without them, and their removal."""

from __future__ import annotations

from checking.actions import tags
from checking.context import Context
from checking.state import State
from checking.steps import Decision
from spotkeeper.clients import items
from spotkeeper.errors import CloudError, DeadlineReached
from spotkeeper.polling import ABSENT, Waiter, wait_for
from spotkeeper.retry import RetryPolicy, passes_by_itself, passes_with_next_call
from spotkeeper.scaling import INSTANCES_PER_CALL, describe_members

REMOVE = RetryPolicy(conflicts=frozenset({"ScalingActivityInProgress", "IncorrectScalingGroupStatus"}))
PAUSE = 10.0
GONE = frozenset({"Removing", "Removing:Wait"})
ACTIVITY = Waiter(
    "scaling activity",
    success=frozenset({"Successful", "Warning", "Failed", "Rejected"}),
    retry=frozenset({"InProgress", ABSENT}),
    longest_pause=15.0,
)


def check_min_size(run: Context, state: State, _: Decision) -> State:
    """Check whether the group keeps its MinSize without the failed instances (RemoveInstances requires it)."""
    group_id = _group_id(state)
    try:
        answer = run.ess.call("DescribeScalingGroups", group_id, {"ScalingGroupIds": [group_id]})
    except CloudError as error:
        if passes_with_next_call(error):
            raise
        return state.replace(removal_error=error)
    group = next((group for group in items(answer, "ScalingGroups") if group.get("ScalingGroupId") == group_id), {})
    total, least = int(group.get("TotalCapacity") or 0), int(group.get("MinSize") or 0)
    return state.replace(keeps_min_size=total - len(state.failing) >= least)


def recall(run: Context, state: State, _: Decision) -> State:
    """Find the members that carry the mark of an earlier call.

    The checks of all members of the action show whether they failed: the same RunCommand has the earlier results.
    """
    marked = {*tags.marked(run, state)} & {*state.instance_ids}
    standing = _in_group(run, state, list(state.instance_ids)) if marked else []
    progress = state.progress.replace(instance_ids=tuple(standing))
    return state.replace(suspects=tuple(name for name in standing if name in marked), progress=progress)


def remove(run: Context, state: State, _: Decision) -> State:
    """Remove the failed instances from their group, without its hooks; list again until no instance is left.

    The scaling activity has to end first, with all of its hooks. The desired capacity goes down with the instances
    (RemoveInstances' default): Auto Scaling would launch an image that always fails again and again. Raises
    ``CloudError`` and ``DeadlineReached``.
    """
    group_id, activity_id = _group_id(state), state.event.scaling_activity_id
    while True:
        _wait_for_activity(run, activity_id)
        standing = _in_group(run, state, list(state.to_remove))
        if not standing:
            return state.replace(removed=state.to_remove)
        activity_id = _removing(run, state, standing)
        if run.deadline.remaining() <= PAUSE:
            raise DeadlineReached(
                f"{group_id}: {len(standing)} failed instances are still in the group; the next call goes on"
            )
        run.clock.sleep(PAUSE)


def _removing(run: Context, state: State, instance_ids: list[str]) -> str:
    """RemoveInstances for the first of the instances; returns its scaling activity.

    Without a ClientToken: after a failed activity the same call has to begin another, and two activities do no harm.
    Empty where a call side by side has removed an instance: the code of that refusal is not documented, so the list
    decides.
    """
    group_id = _group_id(state)
    parameters = {
        "ScalingGroupId": group_id,
        "InstanceIds": instance_ids[:INSTANCES_PER_CALL],
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

    wait_for(ACTIVITY, activity_id, status, run.deadline)


def _group_id(state: State) -> str:
    return str((state.hook or {}).get("ScalingGroupId") or state.event.scaling_group_id or "")


def _in_group(run: Context, state: State, instance_ids: list[str]) -> list[str]:
    """Those of the instances that are members and not being removed."""
    members = describe_members(run.ess, _group_id(state), instance_ids)
    return [str(member["InstanceId"]) for member in members if member.get("LifecycleState") not in GONE]
