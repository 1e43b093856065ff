"""Rescues: what is interrupted under which circumstances."""

from __future__ import annotations

import json
from dataclasses import replace

from chaos.journal_keys import Record, record_of
from chaos.scenario import REALISTIC, Scenario
from chaos.schedule import Delivery
from simulator.cloud import Cloud
from simulator.fleet import Fleet

OWN_TYPE, OTHER_TYPE, BIG_TYPE = "ecs.g7.large", "ecs.c7.large", "ecs.g7.xlarge"
HERE, THERE = "cn-hangzhou-h", "cn-hangzhou-i"
LADDER = {
    "SPOTKEEPER_FALLBACK_INSTANCE_TYPES": f"{OTHER_TYPE},{BIG_TYPE}",
    "SPOTKEEPER_FALLBACK_VSWITCH_IDS": "vsw-bp1fleet000000000000i",
}
NEVER_RETAIN = {"SPOTKEEPER_RETAIN_DISKS": "never"}


def stock_comes_and_goes(cloud: Cloud, _: Fleet) -> None:
    """The first launch option sells again a little after the second has sold, and nothing sells for a while before."""
    now = cloud.now()
    cloud.ecs.stock[HERE, OWN_TYPE, "spot"] = [(now, 0), (now + 100, None)]
    cloud.ecs.stock[HERE, OTHER_TYPE, "spot"] = [(now, None), (now + 95, 0)]
    cloud.ecs.stock[HERE, BIG_TYPE, "spot"] = 0


def sold_out_for_minutes(cloud: Cloud, _: Fleet) -> None:
    """No option sells for four minutes."""
    cloud.ecs.stock.default = 0
    cloud.ecs.stock[THERE, BIG_TYPE, "spot"] = [(cloud.now(), 0), (cloud.now() + 240, 1)]


def image_fails_once(cloud: Cloud, _: Fleet) -> None:
    """The first image fails after 20 seconds; its snapshots go on for a while."""
    cloud.ecs.failing_images = [20.0]


def busy_load_balancer(cloud: Cloud, fleet: Fleet) -> None:
    """The CLB refuses changes for a minute, and for a moment after each change."""
    cloud.slb.configuring_seconds = 1.0
    cloud.slb.busy(fleet.load_balancer.id, 60.0)


def many_places(cloud: Cloud, fleet: Fleet) -> None:
    """Behind a second CLB on two ports of one group, with weights of their own; empty lists left out of answers."""
    cloud.slb.omits_empty_lists = True
    balancer = cloud.slb.add_load_balancer("api", vpc_id=fleet.spec.vpc_id)
    group = cloud.slb.add_vserver_group(balancer, "api")
    for port, weight in ((9090, 30), (9091, 55)):
        group.add(fleet.source.instance_id, port=port, weight=weight, description=f"api-{port}")
    group.add(fleet.bystanders[0].instance_id, port=9090, weight=0)
    cloud.slb.add_vserver_group(balancer, "spare")
    fleet.load_balancer.default_group.members[0].weight = 0


def neighbours(cloud: Cloud, fleet: Fleet) -> None:
    """Beside its own CLB one that has it twice in a group, one that only reports it, three that have others alone."""
    many_places(cloud, fleet)
    reporting = cloud.slb.add_load_balancer("pair", vpc_id=fleet.spec.vpc_id)
    bystander = fleet.bystanders[0].instance_id
    pair = cloud.slb.add_master_slave_group(reporting, "pair", bystander, fleet.source.instance_id, 22)
    cloud.slb.add_listener(reporting, 22, "tcp", pair)
    for name in ("blog", "wiki", "docs"):
        balancer = cloud.slb.add_load_balancer(name, vpc_id=fleet.spec.vpc_id)
        balancer.default_group.add(bystander, weight=40)
        cloud.slb.add_vserver_group(balancer, f"{name}-group").add(bystander, port=80, weight=20)


def put_back(cloud: Cloud, fleet: Fleet) -> None:
    """What ``state_change`` does once an instance in stop mode runs again: weights as before, and the episode ends."""
    instance_id = fleet.source.instance_id
    cloud.progress()
    cloud.ecs.capacity_back(instance_id)
    cloud.ecs.instances[instance_id].status = "Running"
    for balancer in cloud.slb.load_balancers.values():
        for member in (member for group in balancer.groups for member in group):
            member.weight = fleet.spec.weight if member.server_id == instance_id else member.weight
    objects = cloud.oss.buckets["spotkeeper-journal"].objects
    answer = {"outcome": "done", "reason": "back", "warnings": [], "timeline": []}
    for key in [name for name in objects if record_of(name) == Record(instance_id, "1", "event")]:
        body = json.dumps({"at": cloud.now(), "answer": answer}).encode()
        objects[key.replace("event", "done")] = replace(objects[key], body=body, last_modified=cloud.now())


def _tags(**tags: str) -> dict[str, dict[str, str]]:
    return {"tags": {name.replace("__", ":"): value for name, value in tags.items()}}


SCENARIOS = (
    Scenario("plain"),
    Scenario("realistic", REALISTIC),
    Scenario("many-places", REALISTIC, arrange=many_places),
    Scenario(
        "eventual",
        replace(
            REALISTIC,
            instance_visible=4,
            disk_visible=3,
            image_visible=5,
            snapshot_visible=6,
            tags_visible=7,
            usable=None,
        ),
        changes={"lock_delay": 12.0},
    ),
    Scenario("neighbours", REALISTIC, arrange=neighbours),
    Scenario("stock", REALISTIC, LADDER, arrange=stock_comes_and_goes),
    Scenario("sold-out", REALISTIC, LADDER, arrange=sold_out_for_minutes, timeout=120),
    Scenario("image-fails", replace(REALISTIC, snapshot=30), arrange=image_fails_once),
    Scenario("slow-image", replace(REALISTIC, image=400, usable=380, snapshot=390)),
    Scenario("slow-snapshots", replace(REALISTIC, snapshot=400)),
    Scenario("unretained", replace(REALISTIC, snapshot=120), NEVER_RETAIN),
    Scenario("unretained-slow", replace(REALISTIC, snapshot=400), NEVER_RETAIN),
    Scenario("busy-clb", REALISTIC, arrange=busy_load_balancer),
    Scenario("at-once", REALISTIC, {"SPOTKEEPER_RELAUNCH": "at-once"}),
    Scenario("none", REALISTIC, {"SPOTKEEPER_RELAUNCH": "none"}),
    Scenario("before-image", REALISTIC, {"SPOTKEEPER_STOP_SOURCE": "before-image"}),
    Scenario("before-relaunch", REALISTIC, {"SPOTKEEPER_STOP_SOURCE": "before-relaunch"}),
    Scenario(
        "before-relaunch-told",
        REALISTIC,
        {"SPOTKEEPER_STOP_SOURCE": "before-relaunch", "SPOTKEEPER_REQUIRE_RECYCLING_LOCK": "false"},
        changes={"locked": False, **_tags(spotkeeper__managed="true", **{"spotkeeper__auto-restart": "true"})},
        deliveries=(Delivery(), Delivery(140.0, "stopped"), Delivery(700.0, "stopped")),
    ),
    Scenario(
        "scaling-member",
        REALISTIC,
        changes=_tags(spotkeeper__managed="true", acs__autoscaling__scalingGroupId="asg-bp1fleet"),
    ),
    Scenario("stop-mode", changes={"spot_interruption_behavior": "Stop"}),
    Scenario(
        "stop-mode-back",
        settings={"SPOTKEEPER_REQUIRE_RECYCLING_LOCK": "false"},
        changes={"spot_interruption_behavior": "Stop"},
        steps=((3600.0, put_back),),
        deliveries=(Delivery(), Delivery(4000.0)),
    ),
    Scenario("credentials-expire", REALISTIC, credentials_seconds=40.0),
    Scenario("short-timeout", REALISTIC, timeout=40),
    Scenario("never-arrives", REALISTIC, deliveries=()),
    Scenario("unlocked", changes={"locked": False}),
    Scenario("unmanaged", changes=_tags(service="shop")),
)
