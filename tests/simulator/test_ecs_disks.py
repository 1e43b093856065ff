from __future__ import annotations

import json

import pytest

from simulator.cloud import Cloud
from simulator.ecs import DiskSpec
from simulator.fleet import INSTANCE_ID, Fleet
from tests.simulator.sdk import Ecs


def flags(cloud: Cloud) -> list[bool]:
    """DeleteWithInstance of the event's instance's disks."""
    return [disk.delete_with_instance for disk in cloud.ecs.disks_of(INSTANCE_ID)]


def names(cloud: Cloud) -> list[str]:
    """Ids of the event's instance's disks."""
    return [disk.disk_id for disk in cloud.ecs.disks_of(INSTANCE_ID)]


def test_disks_are_described(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """By instance, type, ids and page."""
    disks = ecs("DescribeDisks", InstanceId=INSTANCE_ID)["Disks"]["Disk"]

    assert [(disk["Device"], disk["Category"], disk.get("PerformanceLevel")) for disk in disks] == [
        ("/dev/xvda", "cloud_essd", "PL0"),
        ("/dev/xvdb", "cloud_essd", "PL1"),
        ("/dev/xvdc", "cloud_efficiency", None),
    ]
    assert ecs("DescribeDisks", InstanceId=INSTANCE_ID, DiskType="data")["TotalCount"] == 2
    assert ecs("DescribeDisks", DiskIds=json.dumps(names(cloud)[:1]))["TotalCount"] == 1
    assert ecs("DescribeDisks", Status="Available")["TotalCount"] == 0
    assert len(ecs("DescribeDisks", PageSize=2, PageNumber=3)["Disks"]["Disk"]) == 1


def test_flags_are_changed_at_once(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Several disks in one call, and back again."""
    assert flags(cloud) == [True, True, False]
    ecs("ModifyDiskAttribute", DiskIds=names(cloud), DeleteWithInstance=False)
    assert flags(cloud) == [False, False, False]
    ecs("ModifyDiskAttribute", DiskId=names(cloud)[0], DeleteWithInstance=True)
    assert flags(cloud) == [True, False, False]


@pytest.mark.parametrize(
    "spec",
    [
        DiskSpec("local_ssd_pro", device="/dev/xvdd"),
        DiskSpec("ephemeral_ssd", device="/dev/xvdd"),
        DiskSpec("cloud", device="/dev/xvdd", portable=False),
        DiskSpec("cloud_essd", device="/dev/xvdd", multi_attach=True),
    ],
)
def test_one_disk_that_refuses_refuses_all(drill: Fleet, ecs: Ecs, cloud: Cloud, spec: DiskSpec) -> None:
    """Local, basic and multi-attach disks cannot be retained, and the others of the call are not changed either."""
    cloud.ecs.add_disk(drill.source, spec)

    refused = ecs.refused("ModifyDiskAttribute", DiskIds=names(cloud), DeleteWithInstance=False)

    assert refused == (403, "DeleteWithInstance.Conflict")
    assert flags(cloud) == [True, True, False, True]


def test_knobs_for_refusals(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """A named disk refuses, or the reclaim lock does; disks of other instances are not meant."""
    cloud.ecs.disks_that_refuse[names(cloud)[1]] = "OperationDenied"
    refused = ecs.refused("ModifyDiskAttribute", DiskIds=names(cloud), DeleteWithInstance=False)
    assert refused == (403, "OperationDenied")
    cloud.ecs.lock_refuses_disk_changes = "InvalidOperation.InstanceLocked"
    refused = ecs.refused("ModifyDiskAttribute", DiskId=names(cloud)[0], DeleteWithInstance=False)
    assert refused == (403, "InvalidOperation.InstanceLocked")
    other = cloud.ecs.disks_of(drill.bystanders[0].instance_id)[0]
    ecs("ModifyDiskAttribute", DiskId=other.disk_id, DeleteWithInstance=False)
    assert flags(cloud) == [True, True, False]


def test_disks_are_named_in_one_way(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """DiskId or DiskIds, not both, not neither; all of them known."""
    name = names(cloud)[0]

    assert ecs.refused("ModifyDiskAttribute", DeleteWithInstance=False) == (400, "MissingParameter")
    assert ecs.refused("ModifyDiskAttribute", DiskId=name, DiskIds=[name]) == (400, "InvalidParameter")
    assert ecs.refused("ModifyDiskAttribute", DiskIds=[name, "d-no"]) == (404, "InvalidDiskId.NotFound")
    assert ecs.refused("ModifyDiskAttribute", DiskIds=[name] * 101) == (400, "InvalidParameter")


def test_a_disk_is_deleted(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Only a disk that is attached to nothing."""
    disk = cloud.ecs.disks_of(INSTANCE_ID)[2]

    assert ecs.refused("DeleteDisk", DiskId=disk.disk_id) == (403, "IncorrectDiskStatus")
    disk.instance_id = ""
    ecs("DeleteDisk", DiskId=disk.disk_id)
    assert disk.disk_id not in cloud.ecs.disks
    assert ecs.refused("DeleteDisk", DiskId=disk.disk_id) == (404, "InvalidDiskId.NotFound")
