"""Snapshots: made by CreateSnapshot or on behalf of an image, described, deleted."""

from __future__ import annotations

from simulator.actions import Answer, Parameters, action, invalid
from simulator.ecs import documents
from simulator.ecs.disks import LOCAL_CATEGORIES
from simulator.ecs.model import Disk, Snapshot
from simulator.ecs.paging import either
from simulator.ecs.store import tagged, wanted_ids
from simulator.ecs.tags import TagActions
from simulator.error_catalogue import refusal

_SAME_VALUE = {"SnapshotName": "snapshot_name", "DiskId": "disk_id", "InstanceId": "instance_id"}
_COVERED = {"DiskId", "SnapshotName", "Description", "Tag", "ClientToken", "RegionId"}


class SnapshotActions(TagActions):
    """Snapshot actions."""

    @action("DescribeSnapshots")
    def describe_snapshots(self, p: Parameters) -> Answer:
        """Snapshots by id, disk, instance, name, status and tags."""
        p.covers(*_SAME_VALUE, "Status", "SourceDiskType", "Tag")
        ids = wanted_ids(p, "SnapshotIds")
        found = [
            snapshot
            for snapshot in self.visible(p, self.snapshots.values())
            if (ids is None or snapshot.snapshot_id in ids) and self._wanted_snapshot(snapshot, p)
        ]
        page, about = either(p, found)
        return {**about, "Snapshots": {"Snapshot": [documents.snapshot(snapshot, self.now()) for snapshot in page]}}

    def _wanted_snapshot(self, snapshot: Snapshot, p: Parameters) -> bool:
        status = p.get("Status", "all")
        if status not in ("all", "progressing", "accomplished", "failed"):
            raise invalid("Status", "it must be progressing, accomplished, failed or all")
        return (
            status in ("all", snapshot.status)
            and all(getattr(snapshot, _SAME_VALUE[name]) == p[name] for name in _SAME_VALUE if name in p)
            and p.get("SourceDiskType", snapshot.disk_type) in (snapshot.disk_type, snapshot.disk_type.capitalize())
            and tagged(snapshot.tags, p.list("Tag"), self.now())
        )

    @action("CreateSnapshot")
    def create_snapshot(self, p: Parameters) -> Answer:
        """One snapshot of one disk; refused while an earlier snapshot of the disk is in progress."""
        mismatch = refusal("IdempotentParameterMismatch")
        if before := self.tokens.recall("CreateSnapshot", p, mismatch):
            return before
        disk = self.disks.get(p["DiskId"])
        if disk is None:
            raise refusal("InvalidDiskId.NotFound")
        p.covers(*_COVERED)
        if set(p) - _COVERED:
            raise invalid(min(set(p) - _COVERED), "the embedded cloud does not cover it")
        self.check_snapshot_possible([disk])
        made = self.start_snapshot(disk, name=p.get("SnapshotName", ""), tags=self.checked_tags(p))
        made.description = p.get("Description", "")
        return self.tokens.remember("CreateSnapshot", p, {"SnapshotId": made.snapshot_id})

    def check_snapshot_possible(self, disks: list[Disk]) -> None:
        """Refuse a second snapshot of a disk while another is in progress, and any snapshot of a local disk."""
        busy = {snapshot.disk_id for snapshot in self.snapshots.values() if snapshot.status == "progressing"}
        for disk in disks:
            if disk.disk_id in busy:
                raise refusal("IncorrectDiskStatus.CreatingSnapshot")
            if disk.category in LOCAL_CATEGORIES:
                raise refusal("InvalidDiskCategory.CreateImage")

    def start_snapshot(self, disk: Disk, *, name: str, tags: dict[str, str], image_id: str = "") -> Snapshot:
        """A new snapshot, complete after ``timings.snapshot`` seconds."""
        now = self.now()
        snapshot = Snapshot(
            region=disk.region,
            created_at=now,
            visible_at=now + self.timings.snapshot_visible,
            tags=self.tags_from(tags, now),
            snapshot_id=self.cloud.new_id("s"),
            disk_id=disk.disk_id,
            disk_type=disk.type,
            size=disk.size,
            accomplished_at=now + self.timings.snapshot,
            snapshot_name=name,
            instance_id=disk.instance_id,
            image_id=image_id,
            encrypted=disk.encrypted,
            kms_key_id=disk.kms_key_id,
        )
        self.snapshots[snapshot.snapshot_id] = snapshot
        self.scheduler.at(snapshot.accomplished_at, self._accomplish, snapshot.snapshot_id)
        return snapshot

    def start_automatic_snapshot(self, disk: Disk) -> Snapshot:
        """Seed an automatic snapshot: while it is in progress, CreateImage and CreateSnapshot are refused."""
        snapshot = self.start_snapshot(disk, name="auto2.0", tags={})
        snapshot.automatic = True
        return snapshot

    def _accomplish(self, _moment: float, snapshot_id: str) -> None:
        if snapshot_id in self.snapshots:
            self.snapshots[snapshot_id].status = "accomplished"

    @action("DeleteSnapshot")
    def delete_snapshot(self, p: Parameters) -> Answer:
        """Delete a snapshot that no image is made of. Force is for disks made from it, not for images."""
        snapshot_id = p["SnapshotId"]
        p.bool("Force")
        if snapshot_id not in self.snapshots:
            raise refusal("InvalidSnapshotId.NotFound")
        if any(mapping.snapshot_id == snapshot_id for image in self.images.values() for mapping in image.disks):
            raise refusal("SnapshotCreatedImage")
        del self.snapshots[snapshot_id]
        return {}
