"""The unmodified Auto Scaling SDK, asked by API names, and what its tests have in common."""

from __future__ import annotations

from typing import Any

from alibabacloud_ess20220222 import models
from alibabacloud_ess20220222.client import Client

from simulator.cloud import Cloud
from simulator.ess.model import LifecycleAction
from tests.simulator.sdk import Sdk

TOPIC = "acs:mns:cn-hangzhou:1690701234567830:topic/hooks"
GONE = (400, "LifecycleHookIdAndLifecycleActionToken.Invalid")


class Ess(Sdk):
    """A client; ``ess("DescribeScalingGroups", PageSize=1)`` answers the body as a plain object."""

    models = models
    client_type = Client

    def listed(self, rows: str, field: str, **filters: Any) -> list[Any]:
        """A field of all rows that a Describe shows."""
        return [row[field] for row in self(f"Describe{rows}", **filters)[rows]]

    def complete(self, action: LifecycleAction, result: str | None = None, **parameters: Any) -> None:
        """CompleteLifecycleAction."""
        self(
            "CompleteLifecycleAction",
            **pair(action),
            **({"LifecycleActionResult": result} if result else {}) | parameters,
        )

    def heartbeat(self, action: LifecycleAction, seconds: int) -> None:
        """RecordLifecycleActionHeartbeat."""
        self("RecordLifecycleActionHeartbeat", **lower_pair(action), heartbeatTimeout=seconds)


def pair(action: LifecycleAction) -> dict[str, str]:
    """Hook and token, as CompleteLifecycleAction names them."""
    return {"LifecycleHookId": action.hook.id, "LifecycleActionToken": action.token}


def lower_pair(action: LifecycleAction) -> dict[str, str]:
    """Hook and token, as RecordLifecycleActionHeartbeat names them."""
    return {"lifecycleHookId": action.hook.id, "lifecycleActionToken": action.token}


def states(cloud: Cloud) -> list[str]:
    """Lifecycle states of all members of groups, as the cloud has them."""
    return [instance["LifecycleState"] for instance in cloud.ess.state()["instances"]]
