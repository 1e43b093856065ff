"""Every answer has the fields, and their types, that the SDK's response models know."""

from __future__ import annotations

import inspect
import json
from typing import TYPE_CHECKING, Any

from alibabacloud_ecs20140526 import models
from darabonba.model import DaraModel

from simulator.cloud import Cloud
from simulator.ecs import DiskSpec
from simulator.fleet import Fleet
from simulator.wire import Request, Response
from tests.simulator.sdk import REGION, Ecs

if TYPE_CHECKING:
    import pytest

PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "bool": (bool,), "float": (int, float)}


def strangers(body: Any, known: Any, path: str = "") -> list[str]:
    """Paths of fields that the model dropped or changed."""
    if isinstance(body, dict):
        return [
            found
            for name, value in body.items()
            for found in (strangers(value, known[name], f"{path}.{name}") if name in known else [f"{path}.{name}"])
        ]
    if isinstance(body, list):
        pairs = enumerate(zip(body, known, strict=True))
        return [found for number, (one, other) in pairs for found in strangers(one, other, f"{path}[{number}]")]
    return [] if body == known else [path]


def mistyped(model: DaraModel) -> list[str]:
    """Attributes whose values have not the annotated type."""
    found = []
    for name, parameter in inspect.signature(type(model).__init__).parameters.items():
        value = getattr(model, name, None)
        wanted = PLAIN.get(str(parameter.annotation))
        if (
            wanted
            and value is not None
            and (not isinstance(value, wanted) or isinstance(value, bool) > (bool in wanted))
        ):
            found.append(f"{type(model).__name__}.{name} = {value!r}")
        for inner in value if isinstance(value, list) else [value]:
            found += mistyped(inner) if isinstance(inner, DaraModel) else []
    return found


def questions(fleet: Fleet) -> dict[str, dict[str, Any]]:
    """Parameters with which each action has much to say; in an order in which each can be answered."""
    source = fleet.source.instance_id
    other = fleet.bystanders[0].instance_id
    launch = {
        "ImageId": fleet.source.image_id,
        "InstanceType": fleet.spec.instance_type,
        "VSwitchId": fleet.spec.other_vswitch_id,
        "SecurityGroupIds": list(fleet.spec.security_group_ids),
        "Tag": [{"Key": "a", "Value": "b"}],
    }
    return {
        "DescribeRegions": {},
        "DescribeZones": {},
        "DescribeVSwitches": {},
        "DescribeSecurityGroups": {},
        "DescribeAvailableResource": {"DestinationResource": "InstanceType", "SpotStrategy": "SpotAsPriceGo"},
        "TagResources": {"ResourceType": "instance", "ResourceId": [source], "Tag": [{"Key": "a", "Value": "b"}]},
        "ListTagResources": {"ResourceType": "instance", "ResourceId": [source]},
        "UntagResources": {"ResourceType": "instance", "ResourceId": [source], "TagKey": ["a"]},
        "DescribeInstances": {"MaxResults": 2},
        "DescribeInstanceStatus": {},
        "RunCommand": {
            "Type": "RunShellScript",
            "CommandContent": "echo {{word}}",
            "EnableParameter": True,
            "Parameters": {"word": "hello"},
            "InstanceId": [source, other],
            "Tag": [{"Key": "a", "Value": "b"}],
        },
        "DescribeInvocations": {"InstanceId": source, "IncludeOutput": True},
        "DescribeInvocationResults": {"InstanceId": source},
        "DescribeCloudAssistantStatus": {},
        "DescribeInstanceAttribute": {"InstanceId": source},
        "DescribeUserData": {"InstanceId": source},
        "DescribeInstanceRamRole": {"InstanceIds": json.dumps([source])},
        "ModifyInstanceAttribute": {"InstanceId": source, "InstanceName": "web-9"},
        "CreateImage": {"InstanceId": source, "ImageName": "web", "Tag": [{"Key": "a", "Value": "b"}]},
        "DescribeImages": {"Status": "ALL"},
        "CreateSnapshot": {"DiskId": "$disk", "Tag": [{"Key": "a", "Value": "b"}]},
        "DescribeSnapshots": {},
        "DescribeDisks": {"InstanceId": source},
        "ModifyDiskAttribute": {"DiskId": "$disk", "DeleteWithInstance": False},
        "RunInstances": launch,
        "RebootInstance": {"InstanceId": other},
        "StopInstance": {"InstanceId": other},
        "StartInstance": {"InstanceId": other},
        "DeleteSnapshot": {"SnapshotId": "$snapshot"},
        "DeleteImage": {"ImageId": "$image"},
        "DeleteInstance": {"InstanceId": other, "Force": True},
        "DeleteDisk": {"DiskId": "$loose"},
    }


def test_every_answer_fits_the_sdk(drill: Fleet, ecs: Ecs, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """No action answers with a field that the SDK's model drops, or with a value of another type."""
    bodies: list[Response] = []

    def listen(request: Request) -> Response:
        bodies.append(Cloud.respond(cloud, request))
        return bodies[-1]

    monkeypatch.setattr(cloud, "respond", listen)
    drill.source.eip_address = {"AllocationId": "eip-1", "IpAddress": "47.0.0.1", "InternetChargeType": "PayByTraffic"}
    drill.source.ipv6_addresses = ["2408::1"]
    drill.source.deployment_set_group_no = 1
    loose = cloud.ecs.add_disk(drill.source, DiskSpec("cloud_auto", 20, device="/dev/xvdz", provisioned_iops=1000))
    loose.instance_id = ""
    asked = questions(drill)
    for action, parameters in asked.items():
        stand_ins = {
            "$disk": cloud.ecs.disks_of(drill.bystanders[1].instance_id)[0].disk_id,
            "$loose": loose.disk_id,
            "$snapshot": [key for key, one in cloud.ecs.snapshots.items() if not one.image_id][-1:] or [""],
            "$image": [image.image_id for image in cloud.ecs.images.values() if image.owner_alias == "self"][:1]
            or [""],
        }
        filled = {
            name: (stand_ins[value][0] if isinstance(stand_ins[value], list) else stand_ins[value])
            if isinstance(value, str) and value.startswith("$")
            else value
            for name, value in parameters.items()
        }
        ecs(action, **filled)
        body = json.loads(bodies[-1].body)
        model = getattr(models, f"{action}ResponseBody")().from_map(body)

        assert body.pop("RequestId")
        assert strangers(body, model.to_map()) == []
        assert mistyped(model) == []

    assert set(asked) == set(cloud.ecs.actions)


def test_another_region_is_empty(drill: Fleet, ecs: Ecs) -> None:
    """A region that exists and is not the cloud's has nothing in it; one that does not exist is refused."""
    answer = ecs("DescribeInstances", RegionId="cn-shanghai")

    assert answer["TotalCount"] == 0
    assert ecs("DescribeInstances", RegionId=REGION)["TotalCount"] == 3
    assert ecs.refused("DescribeInstances", RegionId="cn-atlantis") == (404, "InvalidRegionId.NotFound")
