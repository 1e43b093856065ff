"""The Auto Scaling operations that look: groups, activities, instances, hooks, actions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.actions import Answer, Parameters, action, missing
from simulator.ecs.paging import by_token
from simulator.ess import views
from simulator.ess.model import COMPLETED, IN_PROGRESS, PENDING, TIMEOUT, LifecycleHook, ScalingActivity, ScalingGroup
from simulator.ess.registry import Registry, numbered, one_of, some, unusable

LIFECYCLE_STATES = (
    *("InService", "Pending", "Pending:Wait", "Protected", "Standby", "Stopped", "Removing", "Removing:Wait"),
)
_REMEMBERED = 30 * 86400.0
"""Seconds for which activities can be queried."""


class Describes(Registry):
    """Paged lists; a filter leaves out unknown ids, a mandatory parameter refuses them."""

    @action("DescribeScalingGroups")
    def describe_scaling_groups(self, p: Parameters) -> Answer:
        """Groups by id, name and type; unknown ids and names are no error."""
        ids, names = some(p, "ScalingGroupIds"), some(p, "ScalingGroupNames")
        kind = one_of(p, "GroupType", ("ECS", "ECI"))
        name = p.get("ScalingGroupName")
        found = [
            group
            for group in self.groups_of(p)
            if kind != "ECI"
            and (not ids or group.id in ids)
            and (not names or group.name in names)
            and name in (None, group.name)
        ]
        page, about = numbered(p, found)
        return {**about, "ScalingGroups": [views.group(group, self.load_balancer_of(group)) for group in page]}

    def load_balancer_of(self, group: ScalingGroup) -> str:
        """The CLB that owns the group's vServer group; empty where there is none."""
        balancers = self.cloud.slb.load_balancers.values()
        return next((balancer.id for balancer in balancers if group.vserver_group in balancer.vserver_groups), "")

    @action("DescribeScalingActivities")
    def describe_scaling_activities(self, p: Parameters) -> Answer:
        """Activities of a group, or by id ("you cannot specify both"); of the last 30 days, the latest first."""
        ids = some(p, "ScalingActivityIds")
        if bool(ids) == ("ScalingGroupId" in p):
            raise unusable("ScalingGroupId") if ids else missing("ScalingGroupId")
        status = one_of(p, "StatusCode", ("Successful", "Warning", "Failed", IN_PROGRESS, "Rejected"))
        groups = self.groups_of(p) if ids else [self.group(p)]
        found = [
            activity
            for activity in reversed(self.activities)
            if activity.group in groups
            and (not ids or activity.id in ids)
            and status in (None, activity.status)
            and activity.started_at >= self.now() - _REMEMBERED
        ]
        page, about = numbered(p, found)
        return {**about, "ScalingActivities": [views.activity(activity) for activity in page]}

    @action("DescribeScalingInstances")
    def describe_scaling_instances(self, p: Parameters) -> Answer:
        """Members of groups by id, state, health, origin and activity; "invalid InstanceIds are ignored"."""
        groups = [self.group(p)] if "ScalingGroupId" in p else self.groups_of(p)
        rows = [row for group in groups for row in self.members_of(group)]
        wanted = _filters(p)
        found = [row for row in rows if all(row[name] in values for name, values in wanted.items())]
        page, about = numbered(p, found, largest=100)
        spot = len([row for row in found if row["SpotStrategy"] != "NoSpot"])
        return {**about, "TotalSpotCount": spot, "ScalingInstances": list(page)}

    def members_of(self, group: ScalingGroup) -> Iterator[dict[str, Any]]:
        """A group's instances as Describe shows them."""
        for member in group.instances.values():
            yield views.instance(group, member, self.cloud.ecs.instances[member.instance_id])

    @action("DescribeLifecycleHooks")
    def describe_lifecycle_hooks(self, p: Parameters) -> Answer:
        """Hooks by id (then the other two are ignored), else of a group, else of a group by name."""
        ids = some(p, "LifecycleHookIds")
        p.covers("ScalingGroupId", "LifecycleHookName")
        if ids:
            found = [hook for group in self.groups_of(p) for hook in group.hooks if hook.id in ids]
        else:
            found = [hook for hook in self.group(p).hooks if p.get("LifecycleHookName", hook.name) == hook.name]
        page, about = numbered(p, found, usual=50)
        return {**about, "LifecycleHooks": [self.shown_hook(hook) for hook in page]}

    def shown_hook(self, hook: LifecycleHook) -> dict[str, Any]:
        """A hook as Describe shows it."""
        return views.hook(hook, self.groups[hook.group_id].region, self.cloud.account_id)

    @action("DescribeLifecycleActions")
    def describe_lifecycle_actions(self, p: Parameters) -> Answer:
        """The actions of one activity, by status; an unknown activity is refused."""
        activity = self._activity(p)
        status = one_of(p, "LifecycleActionStatus", (PENDING, TIMEOUT, COMPLETED))
        latest = self.now() - self.actions_visible_after
        found = [action for action in activity.actions if status in (None, action.status) and action.began_at <= latest]
        size = p.int("MaxResults", 10)
        if not 1 <= size <= 50:
            raise unusable("MaxResults")
        page, token = by_token(p, found, size, 50)
        shown = [views.action(pending) for pending in page]
        return {"LifecycleActions": shown, "TotalCount": len(found), "MaxResults": size, "NextToken": token}

    def _activity(self, p: Parameters) -> ScalingActivity:
        here, wanted = self.region(p), p["ScalingActivityId"]
        for activity in self.activities:
            if activity.id == wanted and activity.group.region == here:
                return activity
        raise unusable("ScalingActivityId")


def _filters(p: Parameters) -> dict[str, list[str]]:
    """Field of an instance -> values that pass."""
    one_of(p, "LifecycleState", LIFECYCLE_STATES)
    one_of(p, "HealthStatus", ("Healthy", "Unhealthy"))
    wanted = {name: [str(p[name])] for name in _SINGLE if name in p}
    for plural, name in _PLURAL.items():
        values = some(p, plural)
        if values and name in wanted:
            raise unusable(plural)  # "you can specify only one of them"
        if values:
            wanted[name] = values
    return wanted


_SINGLE = ("LifecycleState", "HealthStatus", "CreationType", "ScalingActivityId")
_PLURAL = {"InstanceIds": "InstanceId", "LifecycleStates": "LifecycleState", "CreationTypes": "CreationType"}
