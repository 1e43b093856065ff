"""The unmodified Auto Scaling SDK, asked by API names, and what its tests have in common."""

from __future__ import annotations

from typing import Any

import pytest
from alibabacloud_ess20220222 import models
from alibabacloud_ess20220222.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from Tea.exceptions import TeaException

from simulator.cloud import Cloud
from simulator.ess.model import LifecycleAction
from tests.simulator.sdk import REGION, snake

TOPIC = "acs:mns:cn-hangzhou:1690701234567830:topic/hooks"
GONE = (400, "LifecycleHookIdAndLifecycleActionToken.Invalid")


class Ess:
    """A client; ``ess("DescribeScalingGroups", PageSize=1)`` answers the body as a plain object."""

    def __init__(self, cloud: Cloud, url: str) -> None:
        key = cloud.access_key
        config = Config(access_key_id=key.access_key_id, access_key_secret=key.secret, protocol="http")
        config.endpoint, config.region_id = url.removeprefix("http://"), REGION
        self.client = Client(config)

    def __call__(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Call; the region is always filled in."""
        parameters = {"RegionId": REGION, **parameters}
        request = getattr(models, f"{action}Request")().from_map(parameters)
        lost = [name for name in parameters if name not in request.to_map()]
        assert not lost, f"the SDK does not know {lost}"
        body: dict[str, Any] = getattr(self.client, snake(action))(request).body.to_map()
        return body

    def refused(self, action: str, **parameters: Any) -> tuple[int, str]:
        """HTTP status and code of a call that must be refused."""
        with pytest.raises(TeaException) as caught:
            self(action, **parameters)
        return caught.value.statusCode, caught.value.code

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
