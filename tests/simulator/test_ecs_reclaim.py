from __future__ import annotations

import pytest

from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.fleet import INSTANCE_ID, Fleet, drill_fleet
from tests.simulator.sdk import NOON, Ecs


def members(fleet: Fleet) -> set[str]:
    """Servers in the fleet's groups."""
    groups = (fleet.load_balancer.default_group, fleet.vserver_group)
    return {member.server_id for group in groups for member in group}


def test_the_instance_goes_at_its_deadline(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Gone from Describe and from its groups, with the disks that go with it; the third disk stays, detached."""
    deleted, retained = cloud.ecs.disks_of(INSTANCE_ID)[:2], cloud.ecs.disks_of(INSTANCE_ID)[2]
    cloud.clock.advance(299.9)
    assert ecs.instance(INSTANCE_ID)
    cloud.clock.advance(0.1)

    assert ecs.instance(INSTANCE_ID) == {}
    assert ecs("DescribeDisks", Status="Available")["TotalCount"] == 1
    assert (retained.type, retained.instance_id, retained.status) == ("data", "", "Available")
    assert not {disk.disk_id for disk in deleted} & set(cloud.ecs.disks)
    assert INSTANCE_ID not in members(drill)
    assert len(members(drill)) == 2
    assert cloud.ecs.released == [
        {
            "InstanceId": INSTANCE_ID,
            "At": NOON + 300,
            "ReleasedAt": "2026-11-20T12:05:00Z",
            "Why": "Reclaimed",
            "DeletedDisks": [disk.disk_id for disk in deleted],
            "RetainedDisks": [retained.disk_id],
        }
    ]


@pytest.mark.parametrize(
    ("timings", "retained", "expected"),
    [
        pytest.param(Timings(image=400, usable=400, snapshot=400), False, ("CreateFailed", False, 1), id="unfinished"),
        pytest.param(Timings(image=400, usable=400, snapshot=400), True, ("Available", True, 3), id="disks retained"),
        pytest.param(Timings(image=100, usable=50, snapshot=400), False, ("UnAvailable", False, 1), id="usable alone"),
        pytest.param(Timings(image=100, usable=50, snapshot=200), False, ("Available", True, 3), id="complete"),
        pytest.param(Timings(image=299, usable=299, snapshot=299), False, ("Available", True, 3), id="just in time"),
    ],
)
@pytest.mark.usefixtures("drill")
def test_what_becomes_of_an_image(
    ecs: Ecs,
    cloud: Cloud,
    timings: Timings,
    retained: bool,  # noqa: FBT001
    expected: tuple[str, bool, int],
) -> None:
    """Disks that go take their incomplete snapshots along, and with them the image, also if it was usable already."""
    cloud.ecs.timings = timings
    disks = [disk.disk_id for disk in cloud.ecs.disks_of(INSTANCE_ID)]
    if retained:
        ecs("ModifyDiskAttribute", DiskIds=disks, DeleteWithInstance=False)
    ecs("CreateImage", InstanceId=INSTANCE_ID)
    cloud.clock.advance(10_000)

    (image,) = ecs.images()
    assert (image["Status"], image["Usable"], len(cloud.ecs.snapshots)) == expected
    assert not retained or {cloud.ecs.disks[disk].type for disk in disks} == {"data"}


def test_a_security_lock_overrides_the_flags(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Under a security lock DeleteWithInstance means nothing: all disks go."""
    disks = cloud.ecs.disks_of(INSTANCE_ID)
    ecs("ModifyDiskAttribute", DiskIds=[disk.disk_id for disk in disks], DeleteWithInstance=False)
    drill.source.locks.append(type(drill.source.locks[0])("security", NOON))
    cloud.clock.advance(300)
    cloud.progress()

    assert not {disk.disk_id for disk in disks} & set(cloud.ecs.disks)


def test_stop_mode_keeps_everything(cloud: Cloud, ecs: Ecs) -> None:
    """At the deadline the instance is Stopped, still locked, with its disks and its places in the groups."""
    fleet = drill_fleet(cloud, spot_interruption_behavior="Stop")
    cloud.clock.advance(300)

    shown = ecs.instance(INSTANCE_ID)
    assert (shown["Status"], shown["StoppedMode"]) == ("Stopped", "StopCharging")
    assert shown["OperationLocks"]["LockReason"] == [{"LockReason": "Recycling"}]
    assert len(cloud.ecs.disks_of(INSTANCE_ID)) == 3
    assert INSTANCE_ID in members(fleet)
    assert ecs.refused("StartInstance", InstanceId=INSTANCE_ID) == (403, "OperationDenied.NoStock")
    cloud.ecs.capacity_back(INSTANCE_ID)
    cloud.ecs.stock["cn-hangzhou-h", "ecs.g7.large", "spot"] = None
    ecs("StartInstance", InstanceId=INSTANCE_ID)
    shown = ecs.instance(INSTANCE_ID)
    assert (shown["Status"], shown["OperationLocks"]) == ("Running", {"LockReason": []})
