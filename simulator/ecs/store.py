"""The resources of ECS, their network, the scheduler and the lookups that all operations share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from simulator.actions import Parameters, Product
from simulator.ecs.model import Disk, Image, Instance, Resource, Snapshot, Tags, Timings, VSwitch
from simulator.ecs.stock import Stock
from simulator.ecs.tokens import ClientTokens
from simulator.error_catalogue import refusal
from simulator.scheduler import Scheduler
from simulator.wire import ApiError

if TYPE_CHECKING:
    from simulator.cloud import Cloud

Kind = TypeVar("Kind", bound=Resource)

REGIONS = ("cn-hangzhou", "cn-shanghai", "cn-beijing", "cn-shenzhen", "cn-hongkong", "ap-southeast-1")


class EcsStore(Product):
    """The resources of ECS and the knobs that seeding and tests turn."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__()
        self.cloud = cloud
        self.timings = Timings()
        self.stock = Stock()
        self.scheduler = Scheduler()
        self.tokens = ClientTokens(cloud.now)
        self.instances: dict[str, Instance] = {}
        self.disks: dict[str, Disk] = {}
        self.images: dict[str, Image] = {}
        self.snapshots: dict[str, Snapshot] = {}
        self.released: list[dict[str, Any]] = []
        """Released instances: id, moment, reason, and the disks that were deleted, kept or detached."""
        self.vswitches: dict[str, VSwitch] = {}
        self.security_groups: dict[str, str] = {}
        """Security group -> VPC."""
        self.key_pairs: set[str] = set()
        self.ram_roles: set[str] = set()
        self.deployment_sets: set[str] = set()
        self.invitations: set[str] = set()
        """Parameters of RunInstances that the account may use by invitation."""
        self.resource_groups: set[str] = set()
        self.capacities: dict[str, int] = {}
        """Security group or deployment set -> how many instances it takes; others take any number."""
        self.image_quota = 100
        self.tag_quota = 20
        self.failing_images: list[float] = []
        """Seconds after which the images of the next CreateImage calls fail, one element for each call."""
        self.disks_that_refuse: dict[str, str] = {}
        """Disk -> error code with which it refuses ``DeleteWithInstance=false``, besides the kinds that always do."""
        self.lock_refuses_disk_changes: str | None = None
        """Error code with which a reclaim lock refuses ModifyDiskAttribute; None, as documented: it does not."""

    def now(self) -> float:
        """The virtual moment."""
        return self.cloud.now()

    def progress(self) -> None:
        """Make the changes that are due."""
        self.scheduler.catch_up(self.now())

    def known_region(self, p: Parameters) -> str:
        """The region that a call is for. Other regions than the cloud's own exist and are empty."""
        region = str(p.get("RegionId", self.cloud.region))
        if region != self.cloud.region and region not in REGIONS:
            raise refusal("InvalidRegionId.NotFound")
        return region

    def visible(self, p: Parameters, resources: Iterable[Kind]) -> list[Kind]:
        """Those of the call's region that a Describe shows by now."""
        region, now = self.known_region(p), self.now()
        return [found for found in resources if found.region == region and found.visible_at <= now]

    def instance(self, instance_id: str) -> Instance:
        """The instance, or the API's refusal."""
        if instance_id not in self.instances:
            raise refusal("InvalidInstanceId.NotFound")
        return self.instances[instance_id]

    def disks_of(self, instance_id: str) -> list[Disk]:
        """System disk first, then by device."""
        disks = [disk for disk in self.disks.values() if disk.instance_id == instance_id]
        return sorted(disks, key=lambda disk: (disk.type != "system", disk.device))

    def arrive(self, moment: float, instance_id: str, before: str, after: str) -> None:
        """A status that comes by itself, unless something else has happened meanwhile."""
        instance = self.instances.get(instance_id)
        if instance and instance.status == before:
            instance.status = after
            instance.started_at = moment if after == "Running" else instance.started_at

    def described_instance(self, p: Parameters) -> Instance:
        """The instance ``InstanceId``, where a Describe shows it by now."""
        found = self.instance(p["InstanceId"])
        if found not in self.visible(p, [found]):
            raise refusal("InvalidInstanceId.NotFound")
        return found


def tagged(tags: Tags, wanted: list[dict[str, str]], now: float) -> bool:
    """Whether the tags that a Describe shows include every ``Tag.N`` (without a value: any)."""
    seen = tags.seen(now)
    return all(tag.get("Key", "") in seen and tag.get("Value", "") in ("", seen[tag.get("Key", "")]) for tag in wanted)


def wanted_ids(p: Parameters, name: str, most: int = 100) -> list[str] | None:
    """The ids in a parameter that is one JSON string (``["i-1"]``); None where there is none.

    A value that is not a JSON list of strings does not filter: the answer has all resources.
    Not documented; observed with ``InstanceIds.1``, and the least friendly reading of other values.
    """
    try:
        ids = p.json(name)
    except ApiError:
        return None
    if not isinstance(ids, list) or not all(isinstance(instance_id, str) for instance_id in ids):
        return None
    if len(ids) > most:
        raise ApiError(400, f"Invalid{name}.Malformed", f"The amount of specified {name} exceeds the limit.")
    return ids
