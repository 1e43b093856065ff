"""RemoveInstances: a scale-in of named instances."""

from __future__ import annotations

from typing import Any

from simulator.actions import Answer, Parameters, action, uncovered
from simulator.error_catalogue import refusal
from simulator.ess.activities import Activities
from simulator.ess.model import IN_PROGRESS, SCALE_IN, ScalingActivity, ScalingGroup
from simulator.ess.registry import one_of, some, unusable


class Removal(Activities):
    """RemoveInstances."""

    @action("RemoveInstances")
    def remove_instances(self, p: Parameters) -> Answer:
        """Start a scale-in activity for these instances; its hooks fire unless the call disables them.

        Refused while any activity of the group is in progress, as documented for groups without expected capacity.
        """
        if before := self.tokens.recall("RemoveInstances", p, refusal("IdempotentParameterMismatch")):
            return before
        group = self.group(p)
        ids = list(dict.fromkeys(some(p, "InstanceIds")))
        disabled, ignored_hooks = _context(p)
        _check_rest(p)
        if any(activity.group is group and activity.status == IN_PROGRESS for activity in self.activities):
            raise refusal("ScalingActivityInProgress")
        members = self._members(p, group, ids)
        if len(group.instances) - len(members) < group.min_size:
            raise refusal("IncorrectCapacity.MinSize")
        activity = self._begin(group, SCALE_IN, members, "A user requests to remove instances.")
        activity.trigger, activity.hooks_disabled, activity.ignored_hook_ids = "Api", disabled, ignored_hooks
        activity.ignored_instances = [_ignored(instance_id) for instance_id in ids if instance_id not in members]
        self.remove_from_service(activity)
        return self.tokens.remember("RemoveInstances", p, _answer(activity))

    def _members(self, p: Parameters, group: ScalingGroup, ids: list[str]) -> list[str]:
        """Those of ``ids`` that are in the group.

        Raises ApiError for others, unless the call says to ignore them; whether it may name others only is not
        documented: it may not.
        """
        members = [instance_id for instance_id in ids if instance_id in group.instances]
        unknown = [instance_id for instance_id in ids if instance_id not in group.instances]
        if unknown and (not members or not p.bool("IgnoreInvalidInstance")):
            raise refusal("InvalidInstanceId.NotFound", _no_member(unknown[0]))
        return members


def _context(p: Parameters) -> tuple[bool, list[str]]:
    """DisableLifecycleHook and IgnoredLifecycleHookIds of LifecycleHookContext."""
    context: Any = p.json("LifecycleHookContext", {})
    if not isinstance(context, dict):
        raise unusable("LifecycleHookContext")
    if "LifecycleHookResult" in context:
        raise uncovered("LifecycleHookContext.LifecycleHookResult of RemoveInstances")
    disabled, ignored = context.get("DisableLifecycleHook", False), context.get("IgnoredLifecycleHookIds", [])
    unknown = context.keys() - {"DisableLifecycleHook", "IgnoredLifecycleHookIds"}
    if unknown or not isinstance(disabled, bool) or not isinstance(ignored, list):
        raise unusable("LifecycleHookContext")
    return disabled, ignored


def _check_rest(p: Parameters) -> None:
    """Parameters that change nothing here: groups release, and have no expected capacity."""
    p.covers("IgnoreInvalidInstance")
    one_of(p, "RemovePolicy", ("recycle", "release"))
    if not 30 <= p.int("StopInstanceTimeout", 30) <= 240:
        raise unusable("StopInstanceTimeout")


def _no_member(instance_id: str) -> str:
    return f'Instance "{instance_id}" does not exist.'


def _ignored(instance_id: str) -> dict[str, str]:
    return {"InstanceId": instance_id, "Code": "InvalidInstanceId.NotFound", "Message": _no_member(instance_id)}


def _answer(activity: ScalingActivity) -> Answer:
    return {"ScalingActivityId": activity.id, "IgnoredInstances": activity.ignored_instances}
