"""The unmodified SDKs, called by API names."""

from __future__ import annotations

import re
from inspect import signature
from typing import Any, ClassVar

import pytest
from alibabacloud_ecs20140526 import models as ecs_models
from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_slb20140515 import models as slb_models
from alibabacloud_slb20140515.client import Client as SlbClient
from alibabacloud_tea_openapi.utils_models import Config
from Tea.exceptions import TeaException

from simulator.cloud import Cloud
from simulator.fleet import INSTANCE_ID

REGION = "cn-hangzhou"
NOON = 1_795_176_000.0


def snake(action: str) -> str:
    """``DescribeVSwitches`` -> ``describe_vswitches``: how the SDK names its methods."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", action).lower()


class Sdk:
    """A client; ``ecs("DescribeInstances", Status="Running")`` answers the body as a plain object."""

    models: ClassVar[Any]
    client_type: ClassVar[Any]

    def __init__(self, cloud: Cloud, url: str, **options: Any) -> None:
        key = cloud.access_key
        options = {"access_key_id": key.access_key_id, "access_key_secret": key.secret, **options}
        endpoint = url.removeprefix("http://")
        self.client = self.client_type(Config(endpoint=endpoint, protocol="http", region_id=REGION, **options))

    def __call__(self, action: str, **parameters: Any) -> dict[str, Any]:
        """Call; the region is filled in where the action has one."""
        request_type = getattr(self.models, f"{action}Request")
        if "region_id" in signature(request_type.__init__).parameters:
            parameters = {"RegionId": REGION, **parameters}
        request = request_type().from_map(parameters)
        sent = request.to_map()
        lost = [name for name in parameters if name not in sent]
        assert not lost, f"the SDK does not know {lost}"
        answer = getattr(self.client, snake(action))(request)
        body: dict[str, Any] = answer.body.to_map()
        return body

    def refused(self, action: str, **parameters: Any) -> tuple[int, str]:
        """HTTP status and code of a call that must be refused."""
        with pytest.raises(TeaException) as caught:
            self(action, **parameters)
        return caught.value.statusCode, caught.value.code


class Ecs(Sdk):
    """ECS."""

    models = ecs_models
    client_type = EcsClient

    def instance(self, instance_id: str) -> dict[str, Any] | None:
        """One instance as DescribeInstances shows it."""
        found = self("DescribeInstances", InstanceIds=f'["{instance_id}"]')["Instances"]["Instance"]
        return found[0] if found else None

    def run(self, *instance_ids: str, **parameters: Any) -> str:
        """Start a command, by default on the drill's instance; answers its InvokeId."""
        ids = list(instance_ids or [INSTANCE_ID])
        asked: dict[str, Any] = {"Type": "RunShellScript", "CommandContent": "uptime", "InstanceId": ids}
        return str(self("RunCommand", **asked | parameters)["InvokeId"])

    def images(self, **parameters: Any) -> list[dict[str, Any]]:
        """One's own images, in any status."""
        answer = self("DescribeImages", **{"Status": "ALL", "ImageOwnerAlias": "self", **parameters})
        shown: list[dict[str, Any]] = answer["Images"]["Image"]
        return shown


class Slb(Sdk):
    """CLB."""

    models = slb_models
    client_type = SlbClient
