"""Instances, disks, images and snapshots, and the times that their changes take."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any


@dataclass
class Timings:
    """How long things take, in seconds of the virtual clock. With zeros everything is ready at first look.

    The ``*_visible`` times are eventual consistency: until then a Describe does not show the change.
    """

    image: float = 0.0
    """From CreateImage to status Available."""
    usable: float | None = 0.0
    """From CreateImage to ``Usable`` true; None: the field is absent, as before 2026. Never later than Available."""
    snapshot: float = 0.0
    """From CreateImage or CreateSnapshot to status accomplished; may be longer than ``image``."""
    boot: float = 0.0
    """From RunInstances or StartInstance to status Running."""
    stop: float = 0.0
    """From StopInstance to status Stopped."""
    initializing: float = 60.0
    """So long a new instance cannot be deleted."""
    instance_visible: float = 0.0
    disk_visible: float = 0.0
    image_visible: float = 0.0
    snapshot_visible: float = 0.0
    tags_visible: float = 0.0


@dataclass
class Tags:
    """Tags with the moments from which Describe shows each change."""

    changes: list[tuple[float, str, str | None]] = field(default_factory=list)

    def set(self, key: str, value: str | None, visible_at: float) -> None:
        """Set, or with None remove, one tag."""
        self.changes.append((visible_at, key, value))

    def seen(self, now: float) -> dict[str, str]:
        """The tags that a Describe shows at ``now``."""
        return self._replay([change for change in self.changes if change[0] <= now])

    def true(self) -> dict[str, str]:
        """The tags that are set."""
        return self._replay(self.changes)

    @staticmethod
    def _replay(changes: list[tuple[float, str, str | None]]) -> dict[str, str]:
        tags = {key: value for _, key, value in changes}
        return {key: value for key, value in tags.items() if value is not None}


@dataclass
class Resource:
    """A resource: region, creation time, tags."""

    region: str
    created_at: float
    visible_at: float
    tags: Tags = field(default_factory=Tags, kw_only=True)
    resource_group_id: str = field(default="", kw_only=True)


@dataclass(frozen=True)
class Lock:
    """An operation lock; Describe shows it from ``visible_at`` on."""

    reason: str
    visible_at: float


@dataclass(kw_only=True)
class Instance(Resource):
    """An ECS instance; attributes are named like DescribeInstances' fields."""

    instance_id: str
    zone_id: str
    vpc_id: str
    vswitch_id: str
    private_ip: str
    security_group_ids: list[str]
    instance_type: str
    image_id: str
    os_type: str = "linux"
    """``linux`` or ``windows``."""
    instance_name: str = ""
    host_name: str = ""
    description: str = ""
    key_pair_name: str = ""
    password: str = ""
    ram_role_name: str = ""
    user_data: str = ""
    """Base64, as it was sent."""
    spot_strategy: str = "NoSpot"
    spot_price_limit: float = 0.0
    spot_duration: int | None = None
    spot_interruption_behavior: str = "Terminate"
    internet_charge_type: str = "PayByTraffic"
    internet_max_bandwidth_out: int = 0
    internet_max_bandwidth_in: int = 0
    public_ip: str = ""
    eip_address: dict[str, Any] = field(default_factory=dict)
    secondary_network_interfaces: list[dict[str, Any]] = field(default_factory=list)
    ipv6_addresses: list[str] = field(default_factory=list)
    network_interface_id: str = ""
    credit_specification: str = ""
    deployment_set_id: str = ""
    deployment_set_group_no: int | None = None
    http_endpoint: str = "enabled"
    http_tokens: str = "optional"
    http_put_response_hop_limit: int = 1
    security_enhancement_strategy: str = "Active"
    deletion_protection: bool = False
    auto_release_time: str = ""
    login_as_non_root: bool = False
    cpu_options: dict[str, Any] = field(default_factory=dict)
    """``CpuOptions`` as DescribeInstances shows it, where it is not the default of the type."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Fields that DescribeInstances shows and that change nothing else here."""
    status: str = "Pending"
    stopped_mode: str = "Not-applicable"
    deletable_at: float = 0.0
    started_at: float = 0.0
    locks: list[Lock] = field(default_factory=list)
    release_at: float | None = None
    launched_with: dict[str, Any] = field(default_factory=dict)
    """The parameters of the RunInstances call that made it; empty for a seeded instance."""

    @property
    def is_spot(self) -> bool:
        """Whether it can be reclaimed."""
        return self.spot_strategy != "NoSpot"

    @property
    def charge(self) -> str:
        """The third part of a key of the stock table."""
        return "spot" if self.is_spot else "on-demand"

    def visible_locks(self, now: float) -> list[str]:
        """Reasons of the locks that Describe shows at ``now``."""
        return [lock.reason for lock in self.locks if lock.visible_at <= now]


@dataclass(kw_only=True)
class Disk(Resource):
    """A disk; ``instance_id`` is empty while it is attached to nothing."""

    disk_id: str
    zone_id: str
    type: str
    """``system`` or ``data``."""
    category: str
    size: int
    instance_id: str = ""
    device: str = ""
    performance_level: str = ""
    provisioned_iops: int | None = None
    bursting_enabled: bool = False
    encrypted: bool = False
    kms_key_id: str = ""
    delete_with_instance: bool = True
    delete_auto_snapshot: bool = True
    enable_auto_snapshot: bool = False
    auto_snapshot_policy_id: str = ""
    portable: bool = True
    multi_attach: bool = False
    disk_name: str = ""
    description: str = ""
    source_snapshot_id: str = ""
    image_id: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    """Fields that DescribeDisks shows and that change nothing else here."""
    attached_at: float | None = None
    detached_at: float | None = None

    @property
    def status(self) -> str:
        """``In_use`` or ``Available``."""
        return "In_use" if self.instance_id else "Available"


@dataclass(kw_only=True)
class Snapshot(Resource):
    """A snapshot; ``image_id`` names the image that it was made for."""

    snapshot_id: str
    disk_id: str
    disk_type: str
    size: int
    accomplished_at: float
    snapshot_name: str = ""
    description: str = ""
    instance_id: str = ""
    image_id: str = ""
    encrypted: bool = False
    kms_key_id: str = ""
    automatic: bool = False
    status: str = "progressing"


@dataclass(frozen=True)
class DiskMapping:
    """One disk in an image."""

    device: str
    type: str
    size: int
    snapshot_id: str
    encrypted: bool = False
    kms_key_id: str = ""


@dataclass(kw_only=True)
class Image(Resource):
    """An image; ``owner_alias`` is ``self`` for a custom image, ``system`` for a public image."""

    image_id: str
    image_name: str
    disks: list[DiskMapping]
    available_at: float
    owner_alias: str = "self"
    description: str = ""
    image_family: str = ""
    image_version: str = ""
    source_instance_id: str = ""
    os_type: str = "linux"
    status: str = "Creating"
    usable: bool | None = False
    fails_at: float | None = None

    @property
    def size(self) -> int:
        """GiB of the system disk, the least that a system disk made from it may have."""
        return next((disk.size for disk in self.disks if disk.type == "system"), 0)

    @property
    def ready(self) -> bool:
        """Whether instances can be made from it."""
        return self.status == "Available" or (self.status == "Creating" and self.usable is True)


@dataclass
class VSwitch:
    """A vSwitch; ``free_addresses`` None: as many as needed."""

    vswitch_id: str
    vpc_id: str
    zone_id: str
    network: str
    """The first two bytes, ``172.16``."""
    free_addresses: int | None = None
    used: set[str] = field(default_factory=set)

    def take(self, wanted: str | None = None) -> str:
        """``wanted``, or the lowest address that is free."""
        number = 10
        address = wanted or self._address(number)
        while wanted is None and address in self.used:
            number += 1
            address = self._address(number)
        self.used.add(address)
        if self.free_addresses is not None:
            self.free_addresses -= 1
        return address

    def give_back(self, address: str) -> None:
        """The address is free again."""
        self.used.discard(address)
        if self.free_addresses is not None:
            self.free_addresses += 1

    def _address(self, number: int) -> str:
        return f"{self.network}.{number // 250}.{number % 250 + 1}"


def utc(moment: float | None, *, minutes: bool = False) -> str:
    """A moment as the API writes it: ``2019-04-09T04:18:26Z``, for instances without seconds; empty for None."""
    if moment is None:
        return ""
    form = "%Y-%m-%dT%H:%MZ" if minutes else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.fromtimestamp(moment, timezone.utc).strftime(form)
