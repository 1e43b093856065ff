"""Images: made from instances or system disk snapshots, described, deleted."""

from __future__ import annotations

import re

from simulator.actions import Answer, Parameters, action, missing, uncovered
from simulator.ecs import documents
from simulator.ecs.disks import LOCAL_CATEGORIES
from simulator.ecs.model import Disk, DiskMapping, Image, Snapshot
from simulator.ecs.paging import numbered
from simulator.ecs.snapshots import SnapshotActions
from simulator.ecs.store import tagged
from simulator.error_catalogue import refusal

STATUSES = ("Creating", "Waiting", "Available", "UnAvailable", "CreateFailed", "Deprecated")
_NAME = re.compile(r"[A-Za-z\u4e00-\u9fff][\w.:\-]{1,127}\Z")
_FILTERS = (
    "ImageId",
    "ImageName",
    "ImageFamily",
    "ImageOwnerAlias",
    "IsPublic",
    "SnapshotId",
    "ResourceGroupId",
    "Tag",
)
_COVERED = {
    *("RegionId", "InstanceId", "SnapshotId", "ImageName", "Description", "ImageFamily", "ImageVersion"),
    *("ResourceGroupId", "Tag", "ClientToken", "DryRun", "DetectionStrategy", "Platform", "Architecture", "BootMode"),
}


class ImageActions(SnapshotActions):
    """Image actions."""

    def in_use(self, image_id: str) -> bool:
        """Whether an instance was made of the image and exists."""
        return any(instance.image_id == image_id for instance in self.instances.values())

    @action("DescribeImages")
    def describe_images(self, p: Parameters) -> Answer:
        """Images by id list, name, owner, status and tags.

        Without Status only Available ones are shown. With Usable as a filter Status has no default and is mandatory.
        """
        p.covers(*_FILTERS)
        usable = p.get("Usable")
        if usable is not None and "Status" not in p:
            raise missing("Status")
        statuses = self._statuses(p.get("Status", "Available"))
        found = [
            image
            for image in self.visible(p, self.images.values())
            if image.status in statuses and (usable is None or image.usable is usable) and self._wanted_image(image, p)
        ]
        page, about = numbered(p, found)
        account, now = self.cloud.account_id, self.now()
        shown = [
            documents.image(image, self.snapshots, account, now, used=self.in_use(image.image_id)) for image in page
        ]
        return {**about, "RegionId": self.known_region(p), "Images": {"Image": shown}}

    @staticmethod
    def _statuses(text: str) -> tuple[str, ...]:
        if text.upper() == "ALL":
            return STATUSES
        statuses = tuple(text.split(","))
        if not set(statuses) <= set(STATUSES):
            raise refusal("InvalidStatus.NotFound", action="DescribeImages")
        return statuses

    def _wanted_image(self, image: Image, p: Parameters) -> bool:
        ids = p.get("ImageId", image.image_id).split(",")
        public = p.get("IsPublic", image.owner_alias == "system")
        snapshot = p.get("SnapshotId")
        return (
            image.image_id in ids
            and p.get("ImageName", image.image_name) == image.image_name
            and p.get("ImageFamily", image.image_family) == image.image_family
            and p.get("ImageOwnerAlias", image.owner_alias) == image.owner_alias
            and p.get("ResourceGroupId", image.resource_group_id) == image.resource_group_id
            and public == (image.owner_alias == "system")
            and (snapshot is None or any(disk.snapshot_id == snapshot for disk in image.disks))
            and tagged(image.tags, p.list("Tag"), self.now())
        )

    @action("CreateImage")
    def create_image(self, p: Parameters) -> Answer:
        """An image of all disks of an instance, or of one complete snapshot of a system disk."""
        mismatch = refusal("IdempotenceParamNotMatch")
        if before := self.tokens.recall("CreateImage", p, mismatch):
            return before
        p.covers(*_COVERED)
        if set(p) - _COVERED:
            raise uncovered(f"parameter {', '.join(sorted(set(p) - _COVERED))} of CreateImage")
        tags = self.checked_tags(p)
        self._check_name(p.get("ImageName"))
        self._check_source(p)
        if len([image for image in self.images.values() if image.owner_alias == "self"]) >= self.image_quota:
            raise refusal("QuotaExceed.Image")
        if p.bool("DryRun"):
            raise refusal("DryRunOperation")
        image = self._start_image(p, tags)
        return self.tokens.remember("CreateImage", p, {"ImageId": image.image_id})

    def _check_name(self, name: str | None) -> None:
        if name is None:
            return
        if not _NAME.match(name):
            raise refusal("InvalidImageName.Malformed")
        if any(image.image_name == name for image in self.images.values()):
            raise refusal("InvalidImageName.Duplicated")

    def _check_source(self, p: Parameters) -> None:
        if "InstanceId" in p:
            instance = self.instance(p["InstanceId"])
            if instance.status not in ("Running", "Stopped"):
                raise refusal("IncorrectInstanceStatus", action="CreateImage")
            if any(lock.reason == "security" for lock in instance.locks):
                raise refusal("InstanceLockedForSecurity", action="CreateImage")
            self.check_snapshot_possible(self._imaged_disks(instance.instance_id))
        elif "SnapshotId" in p:
            self._check_snapshot(self.snapshots.get(p["SnapshotId"]))
        else:
            raise missing("SnapshotId or InstanceId or DiskDeviceMapping")

    def _imaged_disks(self, instance_id: str) -> list[Disk]:
        """The system disk, and the data disks that are not local: those have no snapshots and are not in an image."""
        return [
            disk
            for disk in self.disks_of(instance_id)
            if disk.type == "system" or disk.category not in LOCAL_CATEGORIES
        ]

    def _check_snapshot(self, snapshot: Snapshot | None) -> None:
        if snapshot is None:
            raise refusal("InvalidSnapshotId.NotFound")
        if snapshot.status != "accomplished":
            raise refusal("InvalidSnapshotId.NotReady")
        if snapshot.disk_type != "system":
            raise refusal("OperationDenied")

    def _start_image(self, p: Parameters, tags: dict[str, str]) -> Image:
        now, times = self.now(), self.timings
        image = Image(
            region=self.known_region(p),
            created_at=now,
            visible_at=now + times.image_visible,
            tags=self.tags_from(tags, now),
            resource_group_id=p.get("ResourceGroupId", ""),
            image_id=self.cloud.new_id("m"),
            image_name=p.get("ImageName", ""),
            disks=[],
            available_at=now + times.image,
            description=p.get("Description", ""),
            image_family=p.get("ImageFamily", ""),
            image_version=p.get("ImageVersion", ""),
            source_instance_id=p.get("InstanceId", ""),
            usable=None if times.usable is None else False,
        )
        image.image_name = image.image_name or image.image_id
        image.disks = self._mappings(p, image, tags)
        self.images[image.image_id] = image
        self._schedule(image)
        return image

    def _mappings(self, p: Parameters, image: Image, tags: dict[str, str]) -> list[DiskMapping]:
        if "InstanceId" not in p:
            snapshot = self.snapshots[p["SnapshotId"]]
            return [DiskMapping("/dev/xvda", "system", snapshot.size, snapshot.snapshot_id, snapshot.encrypted)]
        mappings = []
        for disk in self._imaged_disks(p["InstanceId"]):
            name = f"Created_from_{image.image_id}"
            snapshot = self.start_snapshot(disk, name=name, tags=tags, image_id=image.image_id)
            kept = (snapshot.snapshot_id, disk.encrypted, disk.kms_key_id)
            mappings.append(DiskMapping(disk.device, disk.type, disk.size, *kept))
        return mappings

    def _schedule(self, image: Image) -> None:
        if self.failing_images:
            image.fails_at = image.created_at + self.failing_images.pop(0)
            self.scheduler.at(image.fails_at, self._fail, image.image_id)
            return
        if self.timings.usable is not None:
            self.scheduler.at(image.created_at + self.timings.usable, self._make_usable, image.image_id)
        self.scheduler.at(image.available_at, self._make_available, image.image_id)

    def _make_usable(self, _moment: float, image_id: str) -> None:
        image = self.images.get(image_id)
        if image and image.status == "Creating":
            image.usable = True

    def _make_available(self, _moment: float, image_id: str) -> None:
        image = self.images.get(image_id)
        if image and image.status == "Creating":
            image.status = "Available"
            image.usable = None if image.usable is None else True

    def _fail(self, _moment: float, image_id: str) -> None:
        """Its snapshots go on: nothing says that they stop, and so the disks stay busy."""
        image = self.images.get(image_id)
        if image and image.status == "Creating":
            image.status = "CreateFailed"
            image.usable = None if image.usable is None else False

    @action("DeleteImage")
    def delete_image(self, p: Parameters) -> Answer:
        """Delete a custom image; its snapshots stay. An unknown id is no error.

        Whether an image in creation can be deleted is not documented: it cannot, with Force neither.
        """
        image = self.images.get(p["ImageId"])
        force = p.bool("Force")
        if image is None or image.owner_alias != "self" or image.region != self.known_region(p):
            return {}
        if image.status in ("Creating", "Waiting"):
            raise refusal("IncorrectImageStatus")
        if not force and any(instance.image_id == image.image_id for instance in self.instances.values()):
            raise refusal("ImageUsingByInstance")
        del self.images[image.image_id]
        return {}

    def add_public_image(self, image_id: str, size: int = 20) -> Image:
        """Seed a public image, with a system disk of ``size`` GiB."""
        image = Image(
            region=self.cloud.region,
            created_at=self.now() - 86400 * 365,
            visible_at=self.now(),
            image_id=image_id,
            image_name=image_id,
            disks=[DiskMapping("/dev/xvda", "system", size, "")],
            available_at=self.now(),
            owner_alias="system",
            status="Available",
            usable=None if self.timings.usable is None else True,
        )
        self.images[image_id] = image
        return image
