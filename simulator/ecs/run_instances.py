"""RunInstances: new instances with their disks, from an image."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from simulator.actions import Answer, Parameters, action
from simulator.ecs.launch_checks import LaunchChecks
from simulator.ecs.launch_parameters import PLAIN, SHOWN
from simulator.ecs.model import Disk, DiskMapping, Image, Instance, VSwitch
from simulator.ecs.stock import Key, spot_price
from simulator.error_catalogue import refusal


class Launching(LaunchChecks):
    """RunInstances."""

    @action("RunInstances")
    def run_instances(self, p: Parameters) -> Answer:
        """New instances; all or none, or at least MinAmount."""
        mismatch = refusal("IdempotentParameterMismatch", action="RunInstances")
        if before := self.tokens.recall("RunInstances", p, mismatch):
            return before
        tags = self.checked_tags(p)
        image, vswitch = self.check_launch(p)
        if "AutoReleaseTime" in p:
            release_time(p, self.now())
        if p.bool("DryRun"):
            raise refusal("DryRunOperation")
        amount = self._amount_in_stock(p, vswitch)
        made = [self._launch(p, image, vswitch, tags) for _ in range(amount)]
        price = amount * spot_price(p["InstanceType"])
        answer = {"InstanceIdSets": {"InstanceIdSet": [instance.instance_id for instance in made]}, "TradePrice": price}
        return self.tokens.remember("RunInstances", p, answer)

    def _amount_in_stock(self, p: Parameters, vswitch: VSwitch) -> int:
        """How many can be made, taken from the stock.

        Raises ApiError (``OperationDenied.NoStock``) where that is less than wanted.
        """
        key = stock_key(vswitch.zone_id, p)
        amount = p.int("Amount", 1)
        left = self.stock.left(key, self.now())
        if left is not None and left < p.int("MinAmount", amount):
            raise refusal("OperationDenied.NoStock")
        amount = amount if left is None else min(amount, left)
        self.stock.take(key, amount)
        return amount

    def _launch(self, p: Parameters, image: Image, vswitch: VSwitch, tags: dict[str, str]) -> Instance:
        now = self.now()
        groups = p.list("SecurityGroupIds") or [p["SecurityGroupId"]]
        instance = Instance(
            region=self.cloud.region,
            created_at=now,
            visible_at=now + self.timings.instance_visible,
            tags=self.tags_from(tags, now),
            instance_id=self.cloud.new_id("i"),
            zone_id=vswitch.zone_id,
            vpc_id=vswitch.vpc_id,
            vswitch_id=vswitch.vswitch_id,
            private_ip=vswitch.take(p.get("PrivateIpAddress")),
            security_group_ids=[str(group) for group in groups],
            instance_type=p["InstanceType"],
            image_id=image.image_id,
            network_interface_id=self.cloud.new_id("eni"),
            deletable_at=now + self.timings.initializing,
            launched_with={name: value for name, value in p.plain().items() if name != "Password"},
        )
        for name, attribute in PLAIN.items():
            if name in p:
                setattr(instance, attribute, p[name])
        _derive(instance, p)
        self.instances[instance.instance_id] = instance
        self._make_disks(p, image, instance, tags)
        if "AutoReleaseTime" in p:
            instance.auto_release_time = str(p["AutoReleaseTime"])
            self.scheduler.at(release_time(p, now), self._auto_release, instance.instance_id)
        self.scheduler.at(now + self.timings.boot / 4, self.arrive, instance.instance_id, "Pending", "Starting")
        self.scheduler.at(now + self.timings.boot, self.arrive, instance.instance_id, "Starting", "Running")
        return instance

    def _auto_release(self, moment: float, instance_id: str) -> None:
        if instance := self.instances.get(instance_id):
            self.cloud.ecs.release(instance, moment, "AutoReleaseTime")

    def _make_disks(self, p: Parameters, image: Image, instance: Instance, tags: dict[str, str]) -> None:
        """The system disk, the image's data disks (matched by Device with ``DataDisk.N``), then the remaining elements.

        Tags of the call go to the disks as well.
        """
        asked = {disk.get("Device", f"#{number}"): disk for number, disk in enumerate(p.list("DataDisk"))}
        for mapping in image.disks:
            requested = p.get("SystemDisk", {}) if mapping.type == "system" else asked.pop(mapping.device, {})
            self._make_disk(instance, mapping, requested, tags)
        taken = {mapping.device for mapping in image.disks} | set(asked)
        free = iter([device for device in _DEVICES if device not in taken])
        for name, requested in asked.items():
            device = next(free) if name.startswith("#") else name
            self._make_disk(instance, DiskMapping(device, "data", int(requested["Size"]), ""), requested, tags)

    def _make_disk(
        self, instance: Instance, source: DiskMapping, requested: dict[str, Any], tags: dict[str, str]
    ) -> Disk:
        now = self.now()
        category = requested.get("Category", "cloud_essd" if requested.get("PerformanceLevel") else "cloud_efficiency")
        level = requested.get("PerformanceLevel", "PL1") if category == "cloud_essd" else ""
        disk = Disk(
            region=instance.region,
            created_at=now,
            visible_at=now + self.timings.disk_visible,
            tags=self.tags_from(tags, now),
            resource_group_id=instance.resource_group_id,
            disk_id=self.cloud.new_id("d"),
            zone_id=instance.zone_id,
            type=source.type,
            category=category,
            size=int(requested.get("Size", source.size)),
            instance_id=instance.instance_id,
            device=source.device,
            performance_level=level,
            provisioned_iops=requested.get("ProvisionedIops"),
            bursting_enabled=bool(requested.get("BurstingEnabled", False)),
            encrypted=str(requested.get("Encrypted", source.encrypted)).lower() == "true",
            kms_key_id=requested.get("KMSKeyId", source.kms_key_id),
            delete_with_instance=bool(requested.get("DeleteWithInstance", True)),
            auto_snapshot_policy_id=requested.get("AutoSnapshotPolicyId", ""),
            disk_name=requested.get("DiskName", ""),
            description=requested.get("Description", ""),
            source_snapshot_id=source.snapshot_id if source.type == "data" else "",
            image_id=instance.image_id if source.type == "system" else "",
            attached_at=now,
        )
        self.disks[disk.disk_id] = disk
        return disk


_DEVICES = [f"/dev/xvd{letter}" for letter in "bcdefghijklmnopqrstuvwxyz"]


SOONEST_RELEASE, LATEST_RELEASE = 1_800.0, 3 * 365 * 86_400.0
"""Seconds from the launch to AutoReleaseTime (RunInstances)."""


def release_time(p: Parameters, now: float) -> float:
    """AutoReleaseTime, ``yyyy-MM-ddTHH:mm:ssZ``, as a moment.

    Raises ApiError for another format, or a time that is not half an hour to three years from now.
    """
    try:
        moment = datetime.strptime(p["AutoReleaseTime"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        raise refusal("InvalidAutoReleaseTime.Malformed") from None
    if not SOONEST_RELEASE <= moment - now <= LATEST_RELEASE:
        raise refusal("InvalidAutoReleaseTime")
    return moment


def stock_key(zone_id: str, p: Parameters) -> Key:
    """The row of the stock table that a launch takes from."""
    return zone_id, p["InstanceType"], "on-demand" if p.get("SpotStrategy", "NoSpot") == "NoSpot" else "spot"


def _derive(instance: Instance, p: Parameters) -> None:
    """Attributes that follow from others."""
    short = instance.instance_id.removeprefix("i-")
    instance.instance_name = instance.instance_name or instance.instance_id
    instance.host_name = instance.host_name or f"iZ{short}Z"
    if instance.internet_max_bandwidth_out > 0:
        instance.public_ip = f"47.96.{sum(map(ord, short)) % 250}.{sum(map(ord, short[::2])) % 250 + 1}"
    options = dict(p.get("CpuOptions", {}))
    cores = {"CoreCount": options.pop("Core")} if "Core" in options else {}
    instance.cpu_options = {**cores, **options}
    instance.login_as_non_root = bool(p.get("ImageOptions", {}).get("LoginAsNonRoot", False))
    instance.settings = {shown: p[name] for name, shown in SHOWN.items() if name in p}
