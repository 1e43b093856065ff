"""Resources that carry the tags of a rescue, and are somebody else's."""

from __future__ import annotations

from chaos.deeds.scene import Act, Scene
from simulator import fleet
from simulator.ecs.model import Disk, DiskMapping, Image, Snapshot

DAY = 86400.0


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


FOREIGN: dict[str, Act] = {
    "foreign-instance": foreign_instance,
    "foreign-server": foreign_server,
    "foreign-image": foreign_image,
    "foreign-namesake": foreign_namesake,
    "foreign-disk": foreign_disk,
}
