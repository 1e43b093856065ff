"""The unmodified SDKs, called by API names."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from alibabacloud_ecs20140526 import models as ecs_models
from alibabacloud_ecs20140526.client import Client as EcsClient
from alibabacloud_slb20140515 import models as slb_models
from alibabacloud_slb20140515.client import Client as SlbClient
from alibabacloud_tea_openapi.utils_models import Config
from Tea.exceptions import TeaException

from simulator.cloud import Cloud
from simulator.fleet import IMAGE_ID, INSTANCE_ID, Fleet
from simulator.signing import signature
from simulator.wire import Request, Response

REGION = "cn-hangzhou"
NOON = 1_795_176_000.0  # 2026-11-20T12:00:00Z
VERSIONS = {"ecs": "2014-05-26", "slb": "2014-05-15", "ram": "2015-05-01", "ess": "2022-02-22"}


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
        """Call; the region is filled in where the action has such a parameter."""
        request_type = getattr(self.models, f"{action}Request")
        if "region_id" in inspect.signature(request_type.__init__).parameters:
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

    def instance(self, instance_id: str) -> dict[str, Any]:
        """One instance as DescribeInstances shows it; empty where there is none."""
        found: list[dict[str, Any]] = self("DescribeInstances", InstanceIds=f'["{instance_id}"]')["Instances"][
            "Instance"
        ]
        return found[0] if found else {}

    def run(self, *instance_ids: str, **parameters: Any) -> str:
        """Start a command, by default on the drill's instance; answers its InvokeId."""
        ids = list(instance_ids or [INSTANCE_ID])
        asked: dict[str, Any] = {"Type": "RunShellScript", "CommandContent": "uptime", "InstanceId": ids}
        return str(self("RunCommand", **asked | parameters)["InvokeId"])

    def images(self, **parameters: Any) -> list[dict[str, Any]]:
        """The account's images, in any status."""
        answer = self("DescribeImages", **{"Status": "ALL", "ImageOwnerAlias": "self", **parameters})
        shown: list[dict[str, Any]] = answer["Images"]["Image"]
        return shown


class Slb(Sdk):
    """CLB."""

    models = slb_models
    client_type = SlbClient


def launch_of(fleet: Fleet) -> dict[str, Any]:
    """Parameters of a launch that succeeds in a fleet."""
    return {
        "ImageId": IMAGE_ID,
        "InstanceType": fleet.spec.instance_type,
        "VSwitchId": fleet.spec.other_vswitch_id,
        "SecurityGroupIds": list(fleet.spec.security_group_ids),
    }


def signed(cloud: Cloud, action: str, query: str, **changes: str) -> Request:
    """A request signed by hand, with ``changes`` to its headers made before the signature."""
    headers = {
        "host": "127.0.0.1:1",
        "x-acs-action": action,
        "x-acs-version": "2014-05-26",
        "x-acs-date": "2026-11-20T12:00:00Z",
        "x-acs-signature-nonce": f"nonce{len(cloud.calls)}",
        "x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    names = sorted(name for name in headers if name == "host" or name.startswith("x-acs-"))
    request = Request("POST", "/", query, headers)
    key = cloud.access_key
    proof = signature(request, names, key.secret)
    text = f"ACS3-HMAC-SHA256 Credential={key.access_key_id},SignedHeaders={';'.join(names)},Signature={proof}"
    return replace(request, headers={**headers, "authorization": text})


def code(response: Response) -> tuple[int, str]:
    """HTTP status and error code."""
    return response.status, json.loads(response.body).get("Code", "")
