"""Disks: described, modified, deleted."""

from __future__ import annotations

from simulator.actions import Answer, Parameters, action, invalid, missing
from simulator.ecs import documents
from simulator.ecs.model import Disk
from simulator.ecs.paging import either
from simulator.ecs.store import EcsStore, tagged, wanted_ids
from simulator.error_catalogue import refusal
from simulator.wire import ApiError

LOCAL_CATEGORIES = ("ephemeral", "ephemeral_ssd", "local_hdd_pro", "local_ssd_pro")
_MODIFIABLE = {
    "DeleteWithInstance": "delete_with_instance",
    "DeleteAutoSnapshot": "delete_auto_snapshot",
    "EnableAutoSnapshot": "enable_auto_snapshot",
    "BurstingEnabled": "bursting_enabled",
    "DiskName": "disk_name",
    "Description": "description",
}
_SAME_VALUE = {
    "InstanceId": "instance_id",
    "Category": "category",
    "DiskName": "disk_name",
    "ZoneId": "zone_id",
    "Portable": "portable",
    "Encrypted": "encrypted",
    "DeleteWithInstance": "delete_with_instance",
    "ResourceGroupId": "resource_group_id",
}
_MOST = 100


class DiskActions(EcsStore):
    """Disk actions."""

    @action("DescribeDisks")
    def describe_disks(self, p: Parameters) -> Answer:
        """Disks by id, instance, type, status, tags and plain attributes."""
        p.covers(*_SAME_VALUE, "DiskType", "Status", "Tag")
        ids = wanted_ids(p, "DiskIds")
        found = [
            disk
            for disk in self.visible(p, self.disks.values())
            if (ids is None or disk.disk_id in ids) and self._wanted_disk(disk, p)
        ]
        page, about = either(p, found, largest=500)
        return {**about, "Disks": {"Disk": [documents.disk(disk, self.now()) for disk in page]}}

    def _wanted_disk(self, disk: Disk, p: Parameters) -> bool:
        kind = p.get("DiskType", "all")
        if kind not in ("all", "system", "data"):
            raise invalid("DiskType", "it must be all, system or data")
        status = p.get("Status", "All")
        return (
            kind in ("all", disk.type)
            and status in ("All", disk.status)
            and all(
                getattr(disk, _SAME_VALUE[name]) == p[name] for name in _SAME_VALUE if name in p and p[name] != "All"
            )
            and tagged(disk.tags, p.list("Tag"), self.now())
        )

    @action("ModifyDiskAttribute")
    def modify_disk_attribute(self, p: Parameters) -> Answer:
        """Change up to 100 disks; where a disk refuses, none is changed."""
        disks = self._named_disks(p)
        for disk in disks:
            self._check_modification(disk, p)
        for disk in disks:
            for name, attribute in _MODIFIABLE.items():
                if name in p:
                    setattr(disk, attribute, p[name])
        return {}

    def _named_disks(self, p: Parameters) -> list[Disk]:
        if ("DiskId" in p) == ("DiskIds" in p):
            raise missing("DiskId") if "DiskId" not in p else invalid("DiskIds", "DiskId was sent as well")
        ids = [p["DiskId"]] if "DiskId" in p else p.list("DiskIds")
        if len(ids) > _MOST:
            raise invalid("DiskIds", f"there are more than {_MOST}")
        unknown = [disk for disk in ids if disk not in self.disks]
        if unknown:
            raise refusal("InvalidDiskId.NotFound")
        return [self.disks[disk] for disk in ids]

    def _check_modification(self, disk: Disk, p: Parameters) -> None:
        host = self.instances.get(disk.instance_id)
        if self.lock_refuses_disk_changes and host and any(lock.reason == "Recycling" for lock in host.locks):
            raise ApiError(403, self.lock_refuses_disk_changes, "The instance that the disk is attached to is locked.")
        if p.get("DeleteWithInstance") is None:
            return
        if disk.multi_attach:
            raise _conflict("Multi attach disk cannot be set to DeleteWithInstance attribute.")
        if p["DeleteWithInstance"]:
            return
        if disk.disk_id in self.disks_that_refuse:
            raise ApiError(403, self.disks_that_refuse[disk.disk_id], "The specified disk refuses the change.")
        if disk.category in LOCAL_CATEGORIES or (disk.category == "cloud" and not disk.portable):
            raise _conflict("The specified disk is not portable and cannot be set to DeleteWithInstance attribute.")

    @action("DeleteDisk")
    def delete_disk(self, p: Parameters) -> Answer:
        """Delete a disk that is attached to nothing, with its incomplete snapshots."""
        disk = self.disks.get(p["DiskId"])
        if disk is None:
            raise refusal("InvalidDiskId.NotFound")
        if disk.instance_id:
            raise refusal("IncorrectDiskStatus")
        self.drop_disk(disk)
        return {}

    def drop_disk(self, disk: Disk) -> None:
        """Delete the disk, and with it its snapshots that are not complete.

        CreateSnapshot documents this for a disk whose scheduled release comes during snapshot creation. The fate of an
        image that waits for such a snapshot is not documented: it is spoiled (``spoil_images``).
        """
        del self.disks[disk.disk_id]
        lost = {
            snapshot.snapshot_id
            for snapshot in self.snapshots.values()
            if snapshot.disk_id == disk.disk_id and snapshot.status == "progressing"
        }
        for snapshot_id in lost:
            del self.snapshots[snapshot_id]
        self.spoil_images(lost)

    def spoil_images(self, lost_snapshots: set[str]) -> None:
        """Images that lost a snapshot: an image in creation fails, an Available image becomes UnAvailable."""
        spoiled = {"Available": "UnAvailable", "Creating": "CreateFailed"}
        for image in self.images.values():
            if any(mapping.snapshot_id in lost_snapshots for mapping in image.disks):
                image.status = spoiled.get(image.status, image.status)
                image.usable = None if image.usable is None else False


def _conflict(message: str) -> ApiError:
    return refusal("DeleteWithInstance.Conflict", message)
