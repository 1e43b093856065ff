"""Where somebody else does something: the cloud, its fleet, and the records that the rescue is going to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from simulator import fleet
from simulator.cloud import Cloud
from simulator.fleet import BUCKET, Fleet
from simulator.oss.buckets import StoredObject

EPISODE_TAG = "spotkeeper:episode"
ID_FIELDS = {"instances": "InstanceId", "disks": "DiskId", "images": "ImageId", "snapshots": "SnapshotId"}

Records = Mapping[str, tuple[str, bytes]]
"""Name of a record -> its key in the bucket and its content, as a rescue that nothing disturbs writes it."""


@dataclass(frozen=True)
class Scene:
    """Where deeds are done; ``records`` are those that this rescue is going to write."""

    cloud: Cloud
    fleet: Fleet
    records: Records

    @property
    def tags(self) -> dict[str, str]:
        """Copied from what a rescue makes."""
        return {**fleet.MANAGED_TAG, EPISODE_TAG: f"{self.fleet.source.instance_id}/1"}

    @property
    def known(self) -> dict[str, set[str]]:
        """The ids of all there is in ECS."""
        ecs = self.cloud.ecs
        return {kind: set(getattr(ecs, kind)) for kind in ID_FIELDS}

    @property
    def objects(self) -> dict[str, StoredObject]:
        """What is in the journal's bucket now, by key."""
        return dict(self.cloud.oss.buckets[BUCKET].objects)

    def write(self, name: str, body: bytes) -> bool:
        """Put an object where the record is, or is going to be."""
        return self.put(self.records[name][0], body)

    def put(self, key: str, body: bytes) -> bool:
        """Put an object, whatever is there."""
        objects = self.cloud.oss.buckets[BUCKET].objects
        now = self.cloud.now()
        standing = objects.get(key)
        objects[key] = replace(standing, body=body, last_modified=now) if standing else StoredObject(body, now)
        return True


Act = Callable[[Scene], bool]
"""Answers False where it cannot be done."""
