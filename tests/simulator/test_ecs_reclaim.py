from __future__ import annotations

from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.fleet import INSTANCE_ID, Fleet, drill_fleet
from tests.simulator.sdk import NOON, Ecs


def members(fleet: Fleet) -> set[str]:
    """Servers in the fleet's groups."""
    groups = (fleet.load_balancer.default_group, fleet.vserver_group)
    return {member.server_id for group in groups for member in group}


def test_the_instance_goes_at_its_deadline(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Gone from Describe and from its groups, with the disks that go with it; the third one stays, detached."""
    deleted, retained = cloud.ecs.disks_of(INSTANCE_ID)[:2], cloud.ecs.disks_of(INSTANCE_ID)[2]
    cloud.clock.advance(299.9)
    assert ecs.instance(INSTANCE_ID) is not None
    cloud.clock.advance(0.1)

    assert ecs.instance(INSTANCE_ID) is None
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


def test_an_unfinished_image_dies_with_the_disks(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Disks that go take their incomplete snapshots with them, and the image in creation fails."""
    cloud.ecs.timings = Timings(image=400, usable=400, snapshot=400)
    ecs("CreateImage", InstanceId=INSTANCE_ID)
    cloud.clock.advance(300)

    (image,) = ecs.images()
    assert (image["Status"], image["Usable"]) == ("CreateFailed", False)
    assert len(cloud.ecs.snapshots) == 1
    cloud.clock.advance(200)
    assert ecs.images()[0]["Status"] == "CreateFailed"


def test_an_unfinished_image_lives_with_retained_disks(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """With all disks retained snapshots and image go on after the release."""
    cloud.ecs.timings = Timings(image=400, usable=400, snapshot=400)
    disks = [disk.disk_id for disk in cloud.ecs.disks_of(INSTANCE_ID)]
    ecs("ModifyDiskAttribute", DiskIds=disks, DeleteWithInstance=False)
    ecs("CreateImage", InstanceId=INSTANCE_ID)
    cloud.clock.advance(500)

    (image,) = ecs.images()
    assert (image["Status"], image["Usable"]) == ("Available", True)
    assert {snapshot.status for snapshot in cloud.ecs.snapshots.values()} == {"accomplished"}
    assert set(disks) <= set(cloud.ecs.disks)
    assert {cloud.ecs.disks[disk].type for disk in disks} == {"data"}


def test_usable_is_not_safe(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """An image that is Available with incomplete snapshots is spoiled when its disks go."""
    cloud.ecs.timings = Timings(image=100, usable=50, snapshot=400)
    ecs("CreateImage", InstanceId=INSTANCE_ID)
    cloud.clock.advance(299)
    assert ecs.images()[0]["Status"] == "Available"
    cloud.clock.advance(1)

    (image,) = ecs.images()
    assert (image["Status"], image["Usable"]) == ("UnAvailable", False)


def test_complete_snapshots_survive(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """An image that was complete in time is not touched by the release."""
    cloud.ecs.timings = Timings(image=100, usable=50, snapshot=200)
    ecs("CreateImage", InstanceId=INSTANCE_ID)
    cloud.clock.advance(400)

    assert ecs.images()[0]["Status"] == "Available"
    assert len(cloud.ecs.snapshots) == 3


def test_the_order_of_events_is_kept_however_long_one_looks_away(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """What was due before the release happened before it, also when nobody asked in between."""
    cloud.ecs.timings = Timings(image=299, usable=299, snapshot=299)
    ecs("CreateImage", InstanceId=INSTANCE_ID)
    cloud.clock.advance(10_000)

    assert ecs.images()[0]["Status"] == "Available"


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
    assert shown is not None
    assert (shown["Status"], shown["StoppedMode"]) == ("Stopped", "StopCharging")
    assert shown["OperationLocks"]["LockReason"] == [{"LockReason": "Recycling"}]
    assert len(cloud.ecs.disks_of(INSTANCE_ID)) == 3
    assert INSTANCE_ID in members(fleet)
    assert ecs.refused("StartInstance", InstanceId=INSTANCE_ID) == (403, "OperationDenied.NoStock")
    cloud.ecs.capacity_back(INSTANCE_ID)
    cloud.ecs.stock["cn-hangzhou-h", "ecs.g7.large", "spot"] = None
    ecs("StartInstance", InstanceId=INSTANCE_ID)
    shown = ecs.instance(INSTANCE_ID)
    assert shown is not None
    assert (shown["Status"], shown["OperationLocks"]) == ("Running", {"LockReason": []})
