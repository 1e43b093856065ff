"""Seeding: the resources of a fleet before a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.ecs.model import Disk, Instance
from simulator.ecs.run_instances import Launching

DAY = 86400.0


@dataclass(frozen=True)
class DiskSpec:
    """A disk to be seeded; ``/dev/xvda`` is the system disk. The attributes are those of ``Disk``."""

    category: str = "cloud_essd"
    size: int = 40
    performance_level: str = ""
    device: str = "/dev/xvda"
    delete_with_instance: bool = True
    portable: bool = True
    multi_attach: bool = False
    encrypted: bool = False
    provisioned_iops: int | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    """Further attributes, named like those of ``Disk``."""


class Seeding(Launching):
    """Instances and disks that have been there for a day; no stock is taken, nothing takes time."""

    def add_instance(  # noqa: PLR0913 - an instance needs each of them
        self,
        instance_id: str,
        *,
        vswitch_id: str,
        security_group_ids: list[str],
        image_id: str,
        instance_type: str = "ecs.g7.large",
        tags: dict[str, str] | None = None,
        disks: tuple[DiskSpec, ...] = (DiskSpec(performance_level="PL0"),),
        **attributes: Any,
    ) -> Instance:
        """A running instance with its disks; ``attributes`` are those of ``Instance``."""
        vswitch, then = self.vswitches[vswitch_id], self.now() - DAY
        instance = Instance(
            region=self.cloud.region,
            created_at=then,
            visible_at=then,
            started_at=then,
            tags=self.tags_from(tags or {}, then),
            instance_id=instance_id,
            zone_id=vswitch.zone_id,
            vpc_id=vswitch.vpc_id,
            vswitch_id=vswitch_id,
            private_ip=vswitch.take(),
            security_group_ids=list(security_group_ids),
            instance_type=instance_type,
            image_id=image_id,
            network_interface_id=self.cloud.new_id("eni"),
            **{"status": "Running", "instance_name": instance_id, **attributes},
        )
        self.instances[instance_id] = instance
        for spec in disks:
            self.add_disk(instance, spec)
        return instance

    def add_disk(self, instance: Instance, spec: DiskSpec) -> Disk:
        """A disk attached to an instance; ``/dev/xvda`` is the system disk."""
        system = spec.device == "/dev/xvda"
        disk = Disk(
            region=instance.region,
            created_at=instance.created_at,
            visible_at=instance.created_at,
            attached_at=instance.created_at,
            disk_id=self.cloud.new_id("d"),
            zone_id=instance.zone_id,
            type="system" if system else "data",
            category=spec.category,
            size=spec.size,
            instance_id=instance.instance_id,
            device=spec.device,
            performance_level=spec.performance_level,
            provisioned_iops=spec.provisioned_iops,
            encrypted=spec.encrypted,
            delete_with_instance=spec.delete_with_instance,
            portable=spec.portable,
            multi_attach=spec.multi_attach,
            image_id=instance.image_id if system else "",
            **spec.attributes,
        )
        self.disks[disk.disk_id] = disk
        return disk
