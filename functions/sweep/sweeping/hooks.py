"""Lifecycle actions whose notification got lost: found by asking Auto Scaling, handed to ``lifecycle_hook``.

Only hooks that notify one of SPOTKEEPER_HOOK_ARNS are ours. One that is still pending when half of its timeout has
passed since its scaling activity began is handed over, and again after each further timeout: whoever works on it
already does not mind, but every call that comes late costs the hook one of its twenty heartbeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spotkeeper.clients import Api, items
from spotkeeper.events import Transition
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described
from spotkeeper.invoke import Functions
from spotkeeper.settings import HookSweepSettings

SHORTEST_ROUND = 300.0
"""Seconds between two hand-overs of one action at least."""
DEFAULT_TIMEOUT = 600.0
"""HeartbeatTimeout of a hook that says nothing else (CreateLifecycleHook)."""
EVENT_TYPES = {
    Transition.SCALE_OUT.value: "ess:LifecycleHook:ScaleOut",
    Transition.SCALE_IN.value: "ess:LifecycleHook:ScaleIn",
}


@dataclass(frozen=True)
class Held:
    """A pending lifecycle action; ``began_at``: when its scaling activity began, seconds since 1970."""

    hook: Described
    action: Described
    activity_id: str
    began_at: float

    @property
    def name(self) -> str:
        """``<scaling activity>/<hook>``."""
        return f"{self.activity_id}/{self.hook['LifecycleHookId']}"

    @property
    def timeout(self) -> float:
        """The hook's HeartbeatTimeout, seconds."""
        return float(self.hook.get("HeartbeatTimeout") or DEFAULT_TIMEOUT)

    def left(self, now: float) -> float:
        """Seconds until the hook ends if nobody extends it."""
        return self.began_at + self.timeout - now

    def due(self, now: float) -> bool:
        """Whether half of the timeout has passed."""
        return now - self.began_at >= self.timeout / 2

    def round(self, now: float) -> int:
        """Which hand-over it is; within one, the same task id is submitted once."""
        return int((now - self.began_at) // max(self.timeout, SHORTEST_ROUND))

    def __str__(self) -> str:
        hook = self.hook.get("LifecycleHookName") or self.hook["LifecycleHookId"]
        return f"{self.name} ({hook}, {len(self.action.get('InstanceIds') or ())} instances)"


@dataclass(frozen=True)
class Hooks:
    """The eyes and hands of one sweep for ``lifecycle_hook``; ``home`` is ``<account>/<region>``."""

    ess: Api
    functions: Functions
    home: str
    settings: HookSweepSettings

    def held(self, now: float) -> list[Held]:
        """Every pending action of our hooks, the least time left first. Raises ``CloudError``."""
        if not self.settings.hook_arns:
            return []
        found = [held for group_id in self._groups() for held in self._of_group(group_id)]
        return sorted(found, key=lambda one: one.left(now))

    def _groups(self) -> Iterator[str]:
        """Groups with an instance that waits; where the API does not count them, every group."""
        for page in self.ess.pages("DescribeScalingGroups", "scaling groups", {}):
            for group in items(page, "ScalingGroups"):
                waiting = (group.get("PendingWaitCapacity"), group.get("RemovingWaitCapacity"))
                if None in waiting or any(waiting):
                    yield str(group["ScalingGroupId"])

    def _of_group(self, group_id: str) -> Iterator[Held]:
        of_group = {"ScalingGroupId": group_id}
        pages = self.ess.pages("DescribeLifecycleHooks", group_id, of_group)
        hooks = {str(one["LifecycleHookId"]): one for page in pages for one in items(page, "LifecycleHooks")}
        ours = {key: one for key, one in hooks.items() if one.get("NotificationArn") in self.settings.hook_arns}
        if not ours:
            return
        for page in self.ess.pages("DescribeScalingActivities", group_id, {**of_group, "StatusCode": "InProgress"}):
            for activity in items(page, "ScalingActivities"):
                yield from self._of_activity(activity, ours)

    def _of_activity(self, activity: Described, ours: Mapping[str, Described]) -> Iterator[Held]:
        activity_id = str(activity["ScalingActivityId"])
        began_at = epoch_seconds(str(activity.get("StartTime") or ""))
        parameters = {"ScalingActivityId": activity_id, "LifecycleActionStatus": "Pending"}
        for page in self.ess.pages("DescribeLifecycleActions", activity_id, parameters):
            for action in items(page, "LifecycleActions"):
                hook = ours.get(str(action.get("LifecycleHookId")))
                # A filter that is not understood would show those that have ended.
                if hook is not None and action.get("LifecycleActionStatus") == "Pending":
                    yield Held(hook, action, activity_id, began_at or 0.0)

    def hand_over(self, one: Held, now: float) -> None:
        """Invoke the lifecycle_hook function asynchronously, once in each round. Raises ``CloudError``."""
        task_id = f"hook-{one.activity_id}-{one.hook['LifecycleHookId']}-{one.round(now)}"
        self.functions.hand_over(self.settings.lifecycle_hook_function, self.event(one, task_id), task_id)

    def event(self, one: Held, event_id: str) -> dict[str, Any]:
        """The event that EventBridge would have sent, without a time: nobody knows when the hook began to wait."""
        account, _, region = self.home.partition("/")
        hook, group_id = one.hook, one.hook.get("ScalingGroupId")
        told = {
            "lifecycleHookId": hook["LifecycleHookId"],
            "lifecycleHookName": hook.get("LifecycleHookName"),
            "lifecycleActionToken": one.action["LifecycleActionToken"],
            "lifecycleTransition": hook["LifecycleTransition"],
            "defaultResult": hook.get("DefaultResult"),
            "notificationMetadata": hook.get("NotificationMetadata"),
            "instanceIds": list(one.action.get("InstanceIds") or ()),
            "scalingActivityId": one.activity_id,
            "scalingGroupId": group_id,
        }
        return {
            "id": event_id,
            "source": "acs.ess",
            "specversion": "1.0",
            "datacontenttype": "application/json;charset=utf-8",
            "type": EVENT_TYPES[str(hook["LifecycleTransition"])],
            "subject": f"acs.ess:{region}:{account}:{group_id}",
            "aliyunaccountid": account,
            "aliyunregionid": region,
            "data": {name: value for name, value in told.items() if value},
        }
