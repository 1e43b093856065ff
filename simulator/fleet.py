"""The fleet of the drill: one spot instance that is about to be reclaimed, two healthy instances, one CLB."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

from simulator.cloud import Cloud
from simulator.ecs import DiskSpec
from simulator.ecs.model import Instance
from simulator.ecs.power import NOTICE
from simulator.slb.model import LoadBalancer, VServerGroup

INSTANCE_ID = "i-bp1ecr012345675go2go"
ACCOUNT_ID = "1690701234567830"
EVENT_TIME = 1554783506.922
"""Of the documented sample event, its masks filled in."""
IMAGE_ID = "aliyun_3_x64_20G_alibase_20240528.vhd"
BUCKET = "spotkeeper-journal"
MANAGED_TAG = {"spotkeeper:managed": "true"}
USER_DATA = b64encode(b"#!/bin/sh\nsystemctl start web\n").decode()


@dataclass(frozen=True)
class FleetSpec:
    """The settings of the fleet."""

    vpc_id: str = "vpc-bp1fleet0000000000vpc"
    zone_id: str = "cn-hangzhou-h"
    vswitch_id: str = "vsw-bp1fleet000000000000h"
    other_zone_id: str = "cn-hangzhou-i"
    other_vswitch_id: str = "vsw-bp1fleet000000000000i"
    security_group_ids: tuple[str, ...] = ("sg-bp1fleet0000000000web", "sg-bp1fleet0000000000ops")
    instance_type: str = "ecs.g7.large"
    tags: dict[str, str] = field(default_factory=lambda: {**MANAGED_TAG, "service": "shop", "team": "web"})
    disks: tuple[DiskSpec, ...] = (
        DiskSpec("cloud_essd", 40, "PL0"),
        DiskSpec("cloud_essd", 100, "PL1", "/dev/xvdb"),
        DiskSpec("cloud_efficiency", 200, "", "/dev/xvdc", delete_with_instance=False),
    )
    spot: bool = True
    spot_price_limit: float | None = None
    """None: SpotAsPriceGo."""
    spot_interruption_behavior: str = "Terminate"
    attributes: dict[str, Any] = field(default_factory=dict)
    """Further attributes of the event's instance, named like those of ``Instance``."""
    bystanders: int = 2
    weight: int = 80
    port: int = 8080
    description: str = "web"
    locked: bool = True
    lock_delay: float = 0.0
    notice: float = NOTICE
    sold_out: bool = True
    """Nothing left of the same type in the same zone as a spot instance; everything else has stock."""


@dataclass(frozen=True)
class Fleet:
    """The seeded resources."""

    spec: FleetSpec
    source: Instance
    bystanders: list[Instance]
    load_balancer: LoadBalancer
    vserver_group: VServerGroup


def drill_fleet(
    cloud: Cloud, event_instance_id: str = INSTANCE_ID, account_id: str | None = None, **changes: Any
) -> Fleet:
    """Seed ``cloud`` with the fleet; ``changes`` are fields of ``FleetSpec``.

    The instance is under its reclaim lock from now on, and released ``notice`` seconds from now.
    """
    spec = FleetSpec(**changes)
    cloud.account_id = account_id or cloud.account_id
    _add_surroundings(cloud, spec)
    source = _add_source(cloud, event_instance_id, spec)
    bystanders = [_add_bystander(cloud, number, spec) for number in range(1, spec.bystanders + 1)]
    balancer, group = _add_load_balancer(cloud, [source, *bystanders], spec)
    if spec.sold_out:
        cloud.ecs.stock[spec.zone_id, spec.instance_type, "spot"] = 0
    if spec.locked:
        cloud.ecs.reclaim(event_instance_id, spec.lock_delay, spec.notice)
    return Fleet(spec, source, bystanders, balancer, group)


def _add_surroundings(cloud: Cloud, spec: FleetSpec) -> None:
    ecs = cloud.ecs
    ecs.add_vswitch(spec.vswitch_id, spec.vpc_id, spec.zone_id)
    ecs.add_vswitch(spec.other_vswitch_id, spec.vpc_id, spec.other_zone_id)
    ecs.security_groups.update(dict.fromkeys(spec.security_group_ids, spec.vpc_id))
    ecs.key_pairs.add("web-key")
    ecs.ram_roles.add("web-role")
    ecs.resource_groups.add("rg-acfmfleet000000")
    ecs.add_public_image(IMAGE_ID)
    cloud.oss.add_bucket(BUCKET)


def _add_source(cloud: Cloud, instance_id: str, spec: FleetSpec) -> Instance:
    attributes: dict[str, Any] = {
        "instance_name": "web-1",
        "host_name": "web-1",
        "description": "shop front",
        "key_pair_name": "web-key",
        "ram_role_name": "web-role",
        "user_data": USER_DATA,
        "internet_max_bandwidth_out": 5,
        "public_ip": "47.96.0.10",
        "http_tokens": "required",
        "resource_group_id": "rg-acfmfleet000000",
        **_spot(spec),
        **spec.attributes,
    }
    return cloud.ecs.add_instance(
        instance_id,
        vswitch_id=spec.vswitch_id,
        security_group_ids=list(spec.security_group_ids),
        image_id=IMAGE_ID,
        instance_type=spec.instance_type,
        tags=spec.tags,
        disks=spec.disks,
        **attributes,
    )


def _spot(spec: FleetSpec) -> dict[str, Any]:
    if not spec.spot:
        return {}
    limit = spec.spot_price_limit
    strategy = {"spot_strategy": "SpotAsPriceGo"}
    priced = {"spot_strategy": "SpotWithPriceLimit", "spot_price_limit": limit}
    return (strategy if limit is None else priced) | {
        "spot_duration": 1,
        "spot_interruption_behavior": spec.spot_interruption_behavior,
    }


def _add_bystander(cloud: Cloud, number: int, spec: FleetSpec) -> Instance:
    """A healthy instance in the same groups, which has to stay unchanged."""
    return cloud.ecs.add_instance(
        f"i-bp1bystander{number:08}",
        vswitch_id=spec.vswitch_id,
        security_group_ids=list(spec.security_group_ids),
        image_id=IMAGE_ID,
        instance_type=spec.instance_type,
        tags=spec.tags,
        spot_strategy="SpotAsPriceGo",
        spot_duration=1,
    )


def _add_load_balancer(cloud: Cloud, members: list[Instance], spec: FleetSpec) -> tuple[LoadBalancer, VServerGroup]:
    balancer = cloud.slb.add_load_balancer("shop", vpc_id=spec.vpc_id)
    group = cloud.slb.add_vserver_group(balancer, "web")
    for member in members:
        balancer.default_group.add(member.instance_id, weight=spec.weight, description=spec.description)
        group.add(member.instance_id, port=spec.port, weight=spec.weight, description=spec.description)
    cloud.slb.add_listener(balancer, 80)
    cloud.slb.add_listener(balancer, 443, "https", group)
    return balancer, group


def add_load_balancers(cloud: Cloud, seeded: Fleet, total: int, groups: int) -> None:
    """More CLBs and vServer groups, to ``total`` with ``groups`` each; the source is in three of the groups at most."""
    for number in range(2, total + 1):
        balancer = cloud.slb.add_load_balancer(f"other-{number}", vpc_id=seeded.spec.vpc_id)
        added = [cloud.slb.add_vserver_group(balancer, f"group-{index}") for index in range(groups)]
        for group in added:
            group.add(seeded.bystanders[0].instance_id, port=80, weight=100)
        if number == 2:  # the drill's own CLB has the other two
            added[0].add(seeded.source.instance_id, port=9090, weight=30)
    for spare in range(2, groups + 1):
        cloud.slb.add_vserver_group(seeded.load_balancer, f"spare-{spare}")
