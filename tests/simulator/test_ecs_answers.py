"""Every answer of ECS has the fields, and their types, that the SDK's response models know."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from simulator.cloud import Cloud
from simulator.ecs import DiskSpec
from simulator.fleet import Fleet
from tests.simulator.answers import misfits
from tests.simulator.sdk import REGION, Ecs, launch_of

TAG = [{"Key": "a", "Value": "b"}]


def questions(cloud: Cloud, fleet: Fleet) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each action with parameters to which it has much to say; in an order in which each can be answered."""
    source, other = fleet.source.instance_id, fleet.bystanders[0].instance_id
    loose = cloud.ecs.add_disk(fleet.source, DiskSpec("cloud_auto", 20, device="/dev/xvdz", provisioned_iops=1000))
    loose.instance_id = ""
    disk = cloud.ecs.disks_of(fleet.bystanders[1].instance_id)[0].disk_id
    yield "DescribeRegions", {}
    yield "DescribeZones", {}
    yield "DescribeVSwitches", {}
    yield "DescribeSecurityGroups", {}
    yield "DescribeAvailableResource", {"DestinationResource": "InstanceType", "SpotStrategy": "SpotAsPriceGo"}
    yield "TagResources", {"ResourceType": "instance", "ResourceId": [source], "Tag": TAG}
    yield "ListTagResources", {"ResourceType": "instance", "ResourceId": [source]}
    yield "UntagResources", {"ResourceType": "instance", "ResourceId": [source], "TagKey": ["a"]}
    yield "DescribeInstances", {"MaxResults": 2}
    yield "DescribeInstanceStatus", {}
    command = {"Type": "RunShellScript", "CommandContent": "echo {{word}}", "InstanceId": [source, other], "Tag": TAG}
    yield "RunCommand", {**command, "EnableParameter": True, "Parameters": {"word": "hello"}}
    yield "DescribeInvocations", {"InstanceId": source, "IncludeOutput": True}
    yield "DescribeInvocationResults", {"InstanceId": source}
    yield "DescribeCloudAssistantStatus", {}
    yield "DescribeInstanceAttribute", {"InstanceId": source}
    yield "DescribeUserData", {"InstanceId": source}
    yield "DescribeInstanceRamRole", {"InstanceIds": json.dumps([source])}
    yield "ModifyInstanceAttribute", {"InstanceId": source, "InstanceName": "web-9"}
    yield "CreateImage", {"InstanceId": source, "ImageName": "web", "Tag": TAG}
    yield "DescribeImages", {"Status": "ALL"}
    yield "CreateSnapshot", {"DiskId": disk, "Tag": TAG}
    yield "DescribeSnapshots", {}
    yield "DescribeDisks", {"InstanceId": source}
    yield "ModifyDiskAttribute", {"DiskId": disk, "DeleteWithInstance": False}
    yield "RunInstances", {**launch_of(fleet), "Tag": TAG}
    yield "RebootInstance", {"InstanceId": other}
    yield "StopInstance", {"InstanceId": other}
    yield "StartInstance", {"InstanceId": other}
    yield "DeleteSnapshot", {"SnapshotId": next(key for key, item in cloud.ecs.snapshots.items() if not item.image_id)}
    yield "DeleteImage", {"ImageId": next(key for key, item in cloud.ecs.images.items() if item.owner_alias == "self")}
    yield "DeleteInstance", {"InstanceId": other, "Force": True}
    yield "DeleteDisk", {"DiskId": loose.disk_id}


def test_every_answer_fits_the_sdk(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """No action answers with a field that the SDK's model drops, or with a value of another type."""
    drill.source.eip_address = {"AllocationId": "eip-1", "IpAddress": "47.0.0.1", "InternetChargeType": "PayByTraffic"}
    drill.source.ipv6_addresses = ["2408::1"]
    drill.source.deployment_set_group_no = 1
    asked = []
    for action, parameters in questions(cloud, drill):
        asked.append(action)
        assert misfits(cloud, ecs, action, parameters) == []
    assert set(asked) == set(cloud.ecs.actions)


def test_another_region_is_empty(drill: Fleet, ecs: Ecs) -> None:
    """A region that exists and is not the cloud's has nothing in it; a region that does not exist is refused."""
    answer = ecs("DescribeInstances", RegionId="cn-shanghai")

    assert answer["TotalCount"] == 0
    assert ecs("DescribeInstances", RegionId=REGION)["TotalCount"] == 3
    assert ecs.refused("DescribeInstances", RegionId="cn-atlantis") == (404, "InvalidRegionId.NotFound")
