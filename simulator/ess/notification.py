"""The message to a hook's notification target: the JSON of "LifecycleHook notification content"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.ecs.model import utc
from simulator.ess.model import LifecycleAction

if TYPE_CHECKING:
    from simulator.cloud import Cloud


def notification(cloud: Cloud, moment: float, action: LifecycleAction) -> dict[str, Any]:
    """The notification about an action; ``scalingRuleId`` and ``scheduledTaskId`` are "not always" in it: left out."""
    hook, group = action.hook, action.activity.group
    content = {
        "defaultResult": hook.default_result,
        "instanceIds": list(action.instance_ids),
        "lifecycleActionToken": action.token,
        "lifecycleHookId": hook.id,
        "lifecycleHookName": hook.name,
        "lifecycleTransition": hook.transition,
        "notificationMetadata": hook.metadata,
        "requestId": cloud.request_id(),
        "scalingActivityId": action.activity.id,
        "scalingGroupId": group.id,
        "scalingGroupName": group.name,
    }
    return {
        "content": content,
        "product": "ESS",
        "regionId": group.region,
        "resourceArn": f"acs:ess:{group.region}:{cloud.account_id}:scalingGroup/{group.id}",
        "time": f"{utc(moment)[:-1]}.{int(moment % 1 * 1000):03}Z",
        "userId": cloud.account_id,
    }
