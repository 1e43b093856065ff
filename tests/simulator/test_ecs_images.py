from __future__ import annotations

import pytest

from simulator.cloud import Cloud
from simulator.ecs import DiskSpec, Timings
from simulator.fleet import INSTANCE_ID, Fleet, drill_fleet
from tests.simulator.sdk import Ecs

SLOW = Timings(image=100, usable=60, snapshot=150)


def snapshots(ecs: Ecs) -> dict[str, str]:
    """Source disk -> status."""
    return {item["SourceDiskId"]: item["Status"] for item in ecs("DescribeSnapshots")["Snapshots"]["Snapshot"]}


def test_an_image_is_ready_at_first_look(drill: Fleet, ecs: Ecs) -> None:
    """With times of zero everything is done when it is asked for the first time."""
    image_id = ecs("CreateImage", InstanceId=INSTANCE_ID, ImageName="web")["ImageId"]

    (image,) = ecs.images()
    assert (image["ImageId"], image["Status"], image["Usable"], image["Progress"]) == (
        image_id,
        "Available",
        True,
        "100%",
    )
    assert set(snapshots(ecs).values()) == {"accomplished"}


def test_an_image_grows(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Creating, then usable before it is Available, and last of all its snapshots complete."""
    cloud.ecs.timings = SLOW
    ecs("CreateImage", InstanceId=INSTANCE_ID)
    seen = []
    for seconds in (50, 10, 40, 50, 0):
        (image,) = ecs.images()
        seen.append((image["Status"], image["Usable"], image["Progress"], *sorted(set(snapshots(ecs).values()))))
        cloud.clock.advance(seconds)

    assert seen == [
        ("Creating", False, "0%", "progressing"),
        ("Creating", False, "50%", "progressing"),
        ("Creating", True, "60%", "progressing"),
        ("Available", True, "100%", "progressing"),
        ("Available", True, "100%", "accomplished"),
    ]


def test_an_old_api_has_no_usable(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """``usable`` None: the field is absent from every answer, and the image is ready once Available."""
    cloud.ecs.timings = Timings(image=100, usable=None)
    ecs("CreateImage", InstanceId=INSTANCE_ID)
    cloud.clock.advance(100)

    (image,) = ecs.images()
    assert (image["Status"], "Usable" in image) == ("Available", False)


def test_the_default_filter_hides_an_image_in_creation(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Without Status only Available ones are shown; with Usable, Status must be sent."""
    cloud.ecs.timings = SLOW
    ecs("CreateImage", InstanceId=INSTANCE_ID, ImageName="web")

    assert ecs("DescribeImages", ImageName="web")["TotalCount"] == 0
    assert ecs("DescribeImages", ImageName="web", Status="Creating,Available")["TotalCount"] == 1
    assert ecs("DescribeImages", ImageName="web", Status="ALL", Usable=True)["TotalCount"] == 0
    assert ecs.refused("DescribeImages", Usable=True) == (400, "MissingParameter")
    assert ecs.refused("DescribeImages", Status="Creating,ALL") == (400, "InvalidStatus.NotFound")


def test_images_are_filtered(drill: Fleet, ecs: Ecs) -> None:
    """By id list, name, owner and tag."""
    item = ecs("CreateImage", InstanceId=INSTANCE_ID, ImageName="one", Tag=[{"Key": "a", "Value": "1"}])["ImageId"]
    two = ecs("CreateImage", InstanceId=INSTANCE_ID, ImageName="two", Tag=[{"Key": "a", "Value": "2"}])["ImageId"]

    def found(**filters: object) -> list[str]:
        return [image["ImageId"] for image in ecs("DescribeImages", **filters)["Images"]["Image"]]

    assert found(ImageId=f"{item},{two}") == [item, two]
    assert found(ImageName="two") == [two]
    assert found(Tag=[{"Key": "a", "Value": "1"}]) == [item]
    assert found(ImageOwnerAlias="self") == [item, two]
    assert found(ImageOwnerAlias="system") == [drill.source.image_id]


def test_what_an_image_has(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """All disks in the order of their devices, each with a snapshot of its own that has the image's tags."""
    ecs("CreateImage", InstanceId=INSTANCE_ID, Tag=[{"Key": "episode", "Value": "1"}])

    (image,) = ecs.images()
    mappings = image["DiskDeviceMappings"]["DiskDeviceMapping"]
    assert [(item["Device"], item["Type"], item["Size"]) for item in mappings] == [
        ("/dev/xvda", "system", "40"),
        ("/dev/xvdb", "data", "100"),
        ("/dev/xvdc", "data", "200"),
    ]
    assert {item["SnapshotId"] for item in mappings} == set(cloud.ecs.snapshots)
    assert image["Tags"]["Tag"] == [{"TagKey": "episode", "TagValue": "1"}]
    assert all(snapshot.tags.true() == {"episode": "1"} for snapshot in cloud.ecs.snapshots.values())


@pytest.mark.parametrize("name", ["1web", "w", "web/1", "http://web", "w" * 129])
def test_names_that_cannot_be(drill: Fleet, ecs: Ecs, name: str) -> None:
    """An ill-formed image name is refused."""
    assert ecs.refused("CreateImage", InstanceId=INSTANCE_ID, ImageName=name) == (400, "InvalidImageName.Malformed")


def test_a_name_is_used_once(drill: Fleet, ecs: Ecs) -> None:
    """A second image of that name is refused, until the first is deleted."""
    image_id = ecs("CreateImage", InstanceId=INSTANCE_ID, ImageName="web")["ImageId"]

    assert ecs.refused("CreateImage", InstanceId=INSTANCE_ID, ImageName="web") == (400, "InvalidImageName.Duplicated")
    ecs("DeleteImage", ImageId=image_id)
    assert ecs("CreateImage", InstanceId=INSTANCE_ID, ImageName="web")["ImageId"] != image_id


def test_the_same_token_makes_one_image(drill: Fleet, ecs: Ecs) -> None:
    """Same parameters: the same image. Others: refused. A refused call leaves its token unused."""
    call = {"InstanceId": INSTANCE_ID, "ClientToken": "t1"}
    assert ecs.refused("CreateImage", **call, ImageName="1") == (400, "InvalidImageName.Malformed")
    first = ecs("CreateImage", **call, ImageName="web")
    again = ecs("CreateImage", **call, ImageName="web")

    assert first["ImageId"] == again["ImageId"]
    assert len(ecs.images()) == 1
    assert ecs.refused("CreateImage", **call, ImageName="web2") == (400, "IdempotenceParamNotMatch")
    refused = ecs.refused("CreateImage", InstanceId=INSTANCE_ID, ClientToken="t" * 65)
    assert refused == (400, "InvalidParameter")


def test_a_disk_is_imaged_once_at_a_time(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """While snapshots of a disk are in progress there is no second image, also after the first has failed."""
    cloud.ecs.timings = SLOW
    cloud.ecs.failing_images = [20]
    ecs("CreateImage", InstanceId=INSTANCE_ID)
    busy = (403, "IncorrectDiskStatus.CreatingSnapshot")

    assert ecs.refused("CreateImage", InstanceId=INSTANCE_ID) == busy
    cloud.clock.advance(20)
    (image,) = ecs.images()
    assert (image["Status"], image["Usable"]) == ("CreateFailed", False)
    assert ecs.refused("CreateImage", InstanceId=INSTANCE_ID) == busy
    cloud.clock.advance(130)
    ecs("CreateImage", InstanceId=INSTANCE_ID)
    cloud.clock.advance(100)
    assert [image["Status"] for image in ecs.images()] == ["CreateFailed", "Available"]


def test_an_automatic_snapshot_is_running(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Until it is complete there is no image."""
    cloud.ecs.timings = Timings(snapshot=60)
    cloud.ecs.start_automatic_snapshot(cloud.ecs.disks_of(INSTANCE_ID)[1])

    assert [item["SnapshotType"] for item in ecs("DescribeSnapshots")["Snapshots"]["Snapshot"]] == ["auto"]
    assert ecs.refused("CreateImage", InstanceId=INSTANCE_ID) == (403, "IncorrectDiskStatus.CreatingSnapshot")
    cloud.clock.advance(60)
    assert ecs("CreateImage", InstanceId=INSTANCE_ID)


def test_refusals_of_create_image(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Unknown instance, wrong status, security lock, no source, dry run, quota."""
    assert ecs.refused("CreateImage", InstanceId="i-no") == (404, "InvalidInstanceId.NotFound")
    assert ecs.refused("CreateImage") == (400, "MissingParameter")
    assert ecs.refused("CreateImage", InstanceId=INSTANCE_ID, DryRun=True) == (400, "DryRunOperation")
    drill.source.status = "Stopping"
    assert ecs.refused("CreateImage", InstanceId=INSTANCE_ID) == (400, "IncorrectInstanceStatus")
    drill.source.status = "Stopped"
    cloud.ecs.image_quota = 0
    assert ecs.refused("CreateImage", InstanceId=INSTANCE_ID) == (403, "QuotaExceed.Image")
    assert ecs.images() == []


def test_local_data_disks_are_not_in_an_image(cloud: Cloud, ecs: Ecs) -> None:
    """They have no snapshots; a local system disk refuses the whole image."""
    drill_fleet(cloud, disks=(DiskSpec(), DiskSpec("local_ssd_pro", 400, device="/dev/xvdb")))
    ecs("CreateImage", InstanceId=INSTANCE_ID)

    (image,) = ecs.images()
    assert [item["Device"] for item in image["DiskDeviceMappings"]["DiskDeviceMapping"]] == ["/dev/xvda"]
    cloud.ecs.disks_of(INSTANCE_ID)[0].category = "ephemeral_ssd"
    assert ecs.refused("CreateImage", InstanceId=INSTANCE_ID) == (403, "InvalidDiskCategory.CreateImage")


def test_an_image_from_a_snapshot(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """A complete snapshot of a system disk makes an image; that of a data disk, or an incomplete snapshot, does not."""
    cloud.ecs.timings = Timings(snapshot=10)
    system, data, _ = cloud.ecs.disks_of(INSTANCE_ID)
    first = ecs("CreateSnapshot", DiskId=system.disk_id, SnapshotName="s")["SnapshotId"]
    second = ecs("CreateSnapshot", DiskId=data.disk_id)["SnapshotId"]

    assert ecs.refused("CreateImage", SnapshotId=first) == (403, "InvalidSnapshotId.NotReady")
    assert ecs.refused("CreateSnapshot", DiskId=data.disk_id) == (403, "IncorrectDiskStatus.CreatingSnapshot")
    cloud.clock.advance(10)
    ecs("CreateImage", SnapshotId=first)
    assert ecs.refused("CreateImage", SnapshotId=second) == (403, "OperationDenied")
    assert ecs.refused("CreateImage", SnapshotId="s-no") == (404, "InvalidSnapshotId.NotFound")
    assert [image["Size"] for image in ecs.images()] == [40]


def test_deleting_images_and_snapshots(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """An image in creation or in use stays, a snapshot goes after its image, an unknown image id is no error."""
    cloud.ecs.timings = Timings(image=10, usable=10)
    image_id = ecs("CreateImage", InstanceId=INSTANCE_ID)["ImageId"]
    snapshot_id = next(iter(cloud.ecs.snapshots))

    assert ecs.refused("DeleteImage", ImageId=image_id) == (400, "IncorrectImageStatus")
    cloud.clock.advance(10)
    drill.bystanders[0].image_id = image_id
    assert ecs.refused("DeleteImage", ImageId=image_id) == (403, "ImageUsingByInstance")
    assert ecs.refused("DeleteSnapshot", SnapshotId=snapshot_id, Force=True) == (403, "SnapshotCreatedImage")
    ecs("DeleteImage", ImageId=image_id, Force=True)
    ecs("DeleteSnapshot", SnapshotId=snapshot_id)
    ecs("DeleteImage", ImageId=image_id)
    assert ecs.refused("DeleteSnapshot", SnapshotId=snapshot_id) == (404, "InvalidSnapshotId.NotFound")
    assert len(cloud.ecs.snapshots) == 2


def test_images_appear_late(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """With eventual consistency a new image is not listed yet, and its name is taken already."""
    cloud.ecs.timings = Timings(image_visible=5, snapshot_visible=7)
    ecs("CreateImage", InstanceId=INSTANCE_ID, ImageName="web")

    assert ecs.images() == []
    assert ecs.refused("CreateImage", InstanceId=INSTANCE_ID, ImageName="web") == (400, "InvalidImageName.Duplicated")
    cloud.clock.advance(5)
    cloud.progress()
    assert (len(ecs.images()), len(snapshots(ecs))) == (1, 0)
    cloud.clock.advance(2)
    assert len(snapshots(ecs)) == 3
