"""The Describe operations for regions, zones, vSwitches, security groups and instance types with stock."""

from __future__ import annotations

from simulator.actions import Answer, Parameters, action, uncovered
from simulator.ecs.model import VSwitch
from simulator.ecs.paging import either, numbered
from simulator.ecs.stock import INSTANCE_TYPES
from simulator.ecs.store import REGIONS, EcsStore


class Catalogue(EcsStore):
    """Describe operations for resources that no operation here creates."""

    @action("DescribeRegions")
    def describe_regions(self, p: Parameters) -> Answer:
        """The regions; only the cloud's own region has resources."""
        p.covers("AcceptLanguage")
        names = sorted({*REGIONS, self.cloud.region})
        regions = [
            {"RegionId": name, "LocalName": name, "RegionEndpoint": f"ecs.{name}.aliyuncs.com"} for name in names
        ]
        return {"Regions": {"Region": regions}}

    @action("DescribeZones")
    def describe_zones(self, p: Parameters) -> Answer:
        """Zones in which there are vSwitches."""
        here = self.known_region(p) == self.cloud.region
        p.covers("AcceptLanguage", "Verbose")
        zones = sorted({vswitch.zone_id for vswitch in self.vswitches.values()}) if here else []
        return {"Zones": {"Zone": [{"ZoneId": zone, "LocalName": zone} for zone in zones]}}

    @action("DescribeVSwitches")
    def describe_vswitches(self, p: Parameters) -> Answer:
        """vSwitches, by id, VPC and zone."""
        p.covers("VSwitchId", "VpcId", "ZoneId")
        here = self.known_region(p) == self.cloud.region
        found = [
            vswitch
            for vswitch in self.vswitches.values()
            if here
            and p.get("VSwitchId", vswitch.vswitch_id) == vswitch.vswitch_id
            and p.get("VpcId", vswitch.vpc_id) == vswitch.vpc_id
            and p.get("ZoneId", vswitch.zone_id) == vswitch.zone_id
        ]
        page, about = numbered(p, found, largest=50)
        return {**about, "VSwitches": {"VSwitch": [_vswitch(vswitch) for vswitch in page]}}

    @action("DescribeSecurityGroups")
    def describe_security_groups(self, p: Parameters) -> Answer:
        """Security groups, by VPC."""
        vpc = p.get("VpcId")
        here = self.known_region(p) == self.cloud.region
        found = [
            {"SecurityGroupId": group, "SecurityGroupName": group, "VpcId": owner, "SecurityGroupType": "normal"}
            for group, owner in self.security_groups.items()
            if here and vpc in (None, owner)
        ]
        page, about = either(p, found)
        return {**about, "RegionId": self.known_region(p), "SecurityGroups": {"SecurityGroup": list(page)}}

    @action("DescribeAvailableResource")
    def describe_available_resource(self, p: Parameters) -> Answer:
        """Instance types with stock per zone; only DestinationResource InstanceType is covered."""
        if p["DestinationResource"] != "InstanceType":
            raise uncovered(f"DestinationResource {p['DestinationResource']}")
        p.covers("InstanceChargeType", "SpotDuration", "IoOptimized", "ResourceType", "ZoneId")
        charge = "on-demand" if p.get("SpotStrategy", "NoSpot") == "NoSpot" else "spot"
        wanted = p.get("InstanceType")
        zones = sorted({vswitch.zone_id for vswitch in self.vswitches.values()})
        types = [name for name in sorted(INSTANCE_TYPES) if wanted in (None, name)]
        shown = [self._zone(zone, types, charge) for zone in zones if p.get("ZoneId", zone) == zone]
        return {"AvailableZones": {"AvailableZone": shown if self.known_region(p) == self.cloud.region else []}}

    def _zone(self, zone: str, types: list[str], charge: str) -> Answer:
        supported = [
            {"Value": name, **_availability(self.stock.left((zone, name, charge), self.now()) != 0)} for name in types
        ]
        resource = {"Type": "InstanceType", "SupportedResources": {"SupportedResource": supported}}
        resources = {"AvailableResources": {"AvailableResource": [resource]}}
        stocked = any(kind["Status"] == "Available" for kind in supported)
        return {"RegionId": self.cloud.region, "ZoneId": zone, **_availability(stocked), **resources}

    def add_vswitch(self, vswitch_id: str, vpc_id: str, zone_id: str) -> VSwitch:
        """Seed a vSwitch."""
        self.vswitches[vswitch_id] = VSwitch(vswitch_id, vpc_id, zone_id, f"172.{16 + len(self.vswitches) % 16}")
        return self.vswitches[vswitch_id]


def _availability(stocked: bool) -> dict[str, str]:  # noqa: FBT001 - it is about nothing else
    if stocked:
        return {"Status": "Available", "StatusCategory": "WithStock"}
    return {"Status": "SoldOut", "StatusCategory": "WithoutStock"}


def _vswitch(vswitch: VSwitch) -> Answer:
    return {
        "VSwitchId": vswitch.vswitch_id,
        "VpcId": vswitch.vpc_id,
        "ZoneId": vswitch.zone_id,
        "CidrBlock": f"{vswitch.network}.0.0/16",
        "Status": "Available",
        "AvailableIpAddressCount": 250 if vswitch.free_addresses is None else vswitch.free_addresses,
    }
