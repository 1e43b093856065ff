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
        """What is true now, in the API's field names; eventual consistency left out, moments in virtual seconds."""
        self.progress()
        return {
            "groups": [views.group(one, self.load_balancer_of(one)) for one in self.groups.values()],
            "instances": [row for group in self.groups.values() for row in self.members_of(group)],
            "hooks": [self.shown_hook(hook) for group in self.groups.values() for hook in group.hooks],
            "activities": [views.activity(one) for one in self.activities],
            "actions": [
                {
                    **views.action(one),
                    "LifecycleActionResult": one.result,
                    "ScalingActivityId": one.activity.id,
                    "BeganAt": one.began_at,
                    "ExpiresAt": one.expires_at,
                    "EndedAt": one.ended_at,
                    "Heartbeats": one.heartbeats,
                }
                for one in self.actions_of_all
            ],
            "completions": list(self.completions),
            "notifications": list(self.notifications),
        }
