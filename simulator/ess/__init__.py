"""Auto Scaling: API product Ess, version 2022-02-22."""

from __future__ import annotations

from typing import Any

from simulator.ess import views
from simulator.ess.describe import Describes
from simulator.ess.lifecycle import Lifecycle
from simulator.ess.remove import Removal

__all__ = ["Ess"]


class Ess(Describes, Lifecycle, Removal):
    """Groups, their activities, and the hooks that hold these up."""

    def state(self) -> dict[str, Any]:
        """The state now, in the API's field names, without eventual consistency; moments in virtual seconds."""
        self.progress()
        return {
            "groups": [views.group(group, self.load_balancer_of(group)) for group in self.groups.values()],
            "instances": [row for group in self.groups.values() for row in self.members_of(group)],
            "hooks": [self.shown_hook(hook) for group in self.groups.values() for hook in group.hooks],
            "activities": [views.activity(activity) for activity in self.activities],
            "actions": [
                {
                    **views.action(action),
                    "LifecycleActionResult": action.result,
                    "ScalingActivityId": action.activity.id,
                    "BeganAt": action.began_at,
                    "ExpiresAt": action.expires_at,
                    "EndedAt": action.ended_at,
                    "Heartbeats": action.heartbeats,
                }
                for action in self.actions_of_all
            ],
            "completions": list(self.completions),
            "notifications": list(self.notifications),
        }
