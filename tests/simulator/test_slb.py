"""CLB of the embedded cloud, asked through the real SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from simulator import schema
from simulator.cloud import Cloud
from simulator.error_catalogue import refusal
from simulator.slb.model import LoadBalancer, VServerGroup
from simulator.slb.refusals import CONFLICTS
from simulator.transport import in_process
from tests.simulator.answers import misfits
from tests.simulator.sdk import NOON, Slb

Members = list[tuple[str, int, int]]


class Fleet:
    """Three running instances in one VPC; a CLB with a default group, two vServer groups and a master/slave group."""

    def __init__(self) -> None:
        self.cloud = Cloud(NOON)
        self.slb = self.cloud.slb
        for vpc_id in ("vpc-1", "vpc-2"):
            self.cloud.ecs.add_vswitch(f"vsw-{vpc_id}", vpc_id, "cn-hangzhou-h")
        self.first, self.second, self.third = (self.add_instance() for _ in range(3))
        self.balancer = self.slb.add_load_balancer("web", vpc_id="vpc-1", tags={"team": "shop"})
        self.balancer.default_group.add(self.first, weight=80, description="front")
        self.balancer.default_group.add(self.second)
        self.group = self.slb.add_vserver_group(self.balancer, "api")
        self.group.add(self.first, port=8080, weight=60, description="api/v1")
        self.group.add(self.first, port=8081, weight=40)
        self.empty_group = self.slb.add_vserver_group(self.balancer, "spare")
        self.pair = self.slb.add_master_slave_group(self.balancer, "pair", self.first, self.second, 3306)
        self.slb.add_listener(self.balancer, 80, backend_port=8000)
        self.slb.add_listener(self.balancer, 443, "https", self.group)
        self.slb.add_listener(self.balancer, 3306, "tcp", self.pair)

    def add_instance(self, vpc_id: str = "vpc-1") -> str:
        """A running instance; answers its id."""
        made = self.cloud.ecs.add_instance(
            self.cloud.new_id("i"), vswitch_id=f"vsw-{vpc_id}", security_group_ids=["sg-1"], image_id="m-1"
        )
        return made.instance_id

    def members(self, group: VServerGroup | None = None) -> Members:
        """What is in a group (by default the default group): id, port, weight."""
        chosen = group or self.balancer.default_group
        return [(it.server_id, it.port, it.weight) for it in chosen]


@pytest.fixture
def fleet() -> Fleet:
    """A seeded cloud."""
    return Fleet()


@pytest.fixture
def slb(fleet: Fleet) -> Iterator[Slb]:
    """The SDK's client for it."""
    with in_process(fleet.cloud) as url:
        yield Slb(fleet.cloud, url)


def servers(*elements: dict[str, Any]) -> str:
    """The parameter BackendServers."""
    return json.dumps(list(elements))


# -- answers ---------------------------------------------------------------------------------------------------------


def parameters_of(fleet: Fleet, action: str) -> dict[str, Any]:
    """Parameters to which an action, if it has them, has much to say."""
    add = servers({"ServerId": fleet.third, "Port": 80, "Description": "new"})
    change = servers({"ServerId": fleet.first, "Port": 8080})
    listeners = action == "DescribeLoadBalancerListeners"
    return {
        "LoadBalancerId": [fleet.balancer.id] if listeners else fleet.balancer.id,
        "VServerGroupId": fleet.group.id,
        "MasterSlaveServerGroupId": fleet.pair.id,
        "IncludeListener": True,
        "IncludeRule": True,
        "MaxResults": 2,
        "BackendServers": add if action.startswith("Add") else change,
        "OldBackendServers": change,
        "NewBackendServers": add,
    }


ACTIONS = sorted(Cloud(NOON).slb.actions)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_answer_fits_the_sdk(fleet: Fleet, slb: Slb, action: str) -> None:
    """No action answers with a field that the SDK's model drops, or with a value of another type."""
    parameters = parameters_of(fleet, action)
    known = {name.rstrip("!") for name in schema.table("slb")[action]}
    assert misfits(fleet.cloud, slb, action, {name: parameters[name] for name in parameters.keys() & known}) == []


# -- looking ---------------------------------------------------------------------------------------------------------


def found_by(slb: Slb, **filters: Any) -> list[str]:
    """Names of the CLBs on the single page of a listing with these filters."""
    body = slb("DescribeLoadBalancers", PageNumber=1, PageSize=100, **filters)
    assert body["TotalCount"] == len(body["LoadBalancers"]["LoadBalancer"])
    return [row["LoadBalancerName"] for row in body["LoadBalancers"]["LoadBalancer"]]


def test_load_balancers_come_in_pages(fleet: Fleet, slb: Slb) -> None:
    """Twenty-five CLBs in pages of ten are three pages without gaps or repetitions."""
    for number in range(24):
        fleet.slb.add_load_balancer(f"lb{number}")
    names: list[str] = []
    for page in (1, 2, 3, 4):
        body = slb("DescribeLoadBalancers", PageNumber=page, PageSize=10)
        assert (body["TotalCount"], body["PageNumber"], body["PageSize"]) == (25, page, 10)
        names += [row["LoadBalancerName"] for row in body["LoadBalancers"]["LoadBalancer"]]
    assert names == ["web", *(f"lb{number}" for number in range(24))]


@pytest.mark.parametrize(
    ("paging", "code"),
    [
        ({"PageSize": 50}, "MissingParameter"),
        ({"PageNumber": 1, "PageSize": 101}, "InvalidParameter"),
        ({"PageNumber": 0}, "InvalidParameter"),
        ({"PageNumber": 1, "PageSize": 0}, "InvalidParameter"),
    ],
)
def test_pages_that_cannot_be(slb: Slb, paging: dict[str, int], code: str) -> None:
    """A page size needs a page number and is at most 100."""
    assert slb.refused("DescribeLoadBalancers", **paging) == (400, code)


def test_load_balancers_by_filter(fleet: Fleet, slb: Slb) -> None:
    """Each filter keeps what matches and drops the rest; an unknown value drops all."""
    inner = fleet.slb.add_load_balancer("inner", vpc_id="vpc-2", address_type="intranet")
    assert found_by(slb) == ["web", "inner"]
    assert found_by(slb, VpcId="vpc-2") == ["inner"]
    assert found_by(slb, AddressType="internet") == ["web"]
    assert found_by(slb, LoadBalancerId=f"{inner.id},{fleet.balancer.id}") == ["web", "inner"]
    assert found_by(slb, LoadBalancerName="web") == ["web"]
    assert found_by(slb, Tag=[{"Key": "team", "Value": "shop"}]) == ["web"]
    assert found_by(slb, Tag=[{"Key": "team", "Value": "other"}]) == []
    assert found_by(slb, Tags='{"team": "shop"}') == ["web"]
    assert found_by(slb, ServerIntranetAddress=fleet.cloud.ecs.instances[fleet.second].private_ip) == ["web"]
    assert found_by(slb, ServerId="i-none") == []


def test_the_server_filter_may_or_may_not_see_vserver_groups(fleet: Fleet, slb: Slb) -> None:
    """No document says whether ServerId finds a server that is only in a vServer group: the knob has both."""
    fleet.empty_group.add(fleet.third, port=80)
    assert found_by(slb, ServerId=fleet.first) == ["web"]
    assert found_by(slb, ServerId=fleet.third) == []
    fleet.slb.server_id_finds_vserver_members = True
    assert found_by(slb, ServerId=fleet.third) == ["web"]


def test_groups_show_their_members_where_documented(fleet: Fleet, slb: Slb) -> None:
    """The default group has no ports; the list of vServer groups has neither servers nor their count."""
    default = slb("DescribeLoadBalancerAttribute", LoadBalancerId=fleet.balancer.id)["BackendServers"]["BackendServer"]
    assert [(row["ServerId"], row["Weight"], row["Description"]) for row in default] == [
        (fleet.first, 80, "front"),
        (fleet.second, 100, ""),
    ]
    groups = slb("DescribeVServerGroups", LoadBalancerId=fleet.balancer.id, IncludeListener=True)
    first, second = groups["VServerGroups"]["VServerGroup"]
    assert [first["VServerGroupId"], second["VServerGroupId"]] == [fleet.group.id, fleet.empty_group.id]
    assert "ServerCount" not in first
    assert [row["Port"] for row in first["AssociatedObjects"]["Listeners"]["Listener"]] == [443]
    members = slb("DescribeVServerGroupAttribute", VServerGroupId=fleet.group.id)["BackendServers"]["BackendServer"]
    assert [(row["ServerId"], row["Port"], row["Weight"]) for row in members] == [
        (fleet.first, 8080, 60),
        (fleet.first, 8081, 40),
    ]


def test_master_slave_groups_show_their_roles(fleet: Fleet, slb: Slb) -> None:
    """Two members, the first of them the master."""
    listed = slb("DescribeMasterSlaveServerGroups", LoadBalancerId=fleet.balancer.id)["MasterSlaveServerGroups"]
    assert [row["MasterSlaveServerGroupId"] for row in listed["MasterSlaveServerGroup"]] == [fleet.pair.id]
    found = slb("DescribeMasterSlaveServerGroupAttribute", MasterSlaveServerGroupId=fleet.pair.id)
    members = found["MasterSlaveBackendServers"]["MasterSlaveBackendServer"]
    assert [(row["ServerId"], row["Port"], row["ServerType"]) for row in members] == [
        (fleet.first, 3306, "Master"),
        (fleet.second, 3306, "Slave"),
    ]


def test_listeners_come_by_token(fleet: Fleet, slb: Slb) -> None:
    """Three listeners in pages of two; each names the group it forwards to."""
    asked = {"LoadBalancerId": [fleet.balancer.id]}
    first = slb("DescribeLoadBalancerListeners", **asked, MaxResults=2)
    second = slb("DescribeLoadBalancerListeners", **asked, MaxResults=2, NextToken=first["NextToken"])
    listeners = first["Listeners"] + second["Listeners"]
    assert [row["ListenerPort"] for row in listeners] == [80, 443, 3306]
    assert [row.get("VServerGroupId") for row in listeners] == [None, fleet.group.id, None]
    assert second["Listeners"][0]["TCPListenerConfig"]["MasterSlaveServerGroupId"] == fleet.pair.id
    assert (first["TotalCount"], second.get("NextToken")) == (3, None)
    assert "NextToken" not in slb("DescribeLoadBalancerListeners", **asked, MaxResults=3)


def test_an_empty_list_may_come_without_its_container(fleet: Fleet, slb: Slb) -> None:
    """By default the container is there and empty; the knob leaves it out."""
    asked = {"VServerGroupId": fleet.empty_group.id}
    assert slb("DescribeVServerGroupAttribute", **asked)["BackendServers"]["BackendServer"] == []
    fleet.slb.omits_empty_lists = True
    assert "BackendServers" not in slb("DescribeVServerGroupAttribute", **asked)


def test_what_does_not_exist_in_the_region(fleet: Fleet, slb: Slb) -> None:
    """A CLB or group that is unknown, or in another region, is not found."""
    no_balancer, no_group = (404, "InvalidLoadBalancerId.NotFound"), (404, "InvalidParameter")
    there = {"RegionId": "cn-beijing"}
    assert slb.refused("DescribeLoadBalancerAttribute", LoadBalancerId="lb-none") == no_balancer
    assert slb.refused("DescribeLoadBalancerAttribute", **there, LoadBalancerId=fleet.balancer.id) == no_balancer
    assert slb.refused("DescribeVServerGroupAttribute", VServerGroupId="rsp-none") == no_group
    assert slb.refused("DescribeVServerGroupAttribute", **there, VServerGroupId=fleet.group.id) == no_group
    assert slb.refused("DescribeMasterSlaveServerGroupAttribute", MasterSlaveServerGroupId="rsp-none") == no_group
    assert slb("DescribeLoadBalancers", **there)["LoadBalancers"]["LoadBalancer"] == []


# -- health ----------------------------------------------------------------------------------------------------------


def health(fleet: Fleet, slb: Slb, port: int | None = None) -> dict[tuple[str, int], str]:
    """Health by server and backend port."""
    asked = {"LoadBalancerId": fleet.balancer.id} | ({"ListenerPort": port} if port else {})
    rows = slb("DescribeHealthStatus", **asked)["BackendServers"]["BackendServer"]
    return {(row["ServerId"], row["Port"]): row["ServerHealthStatus"] for row in rows}


def test_health_is_that_of_servers_behind_running_listeners(fleet: Fleet, slb: Slb) -> None:
    """The spare group has no listener and does not show up; a stopped listener's servers vanish."""
    fleet.empty_group.add(fleet.third, port=80)
    assert health(fleet, slb) == {
        (fleet.first, 8000): "normal",
        (fleet.second, 8000): "normal",
        (fleet.first, 8080): "normal",
        (fleet.first, 8081): "normal",
        (fleet.first, 3306): "normal",
        (fleet.second, 3306): "normal",
    }
    fleet.balancer.listeners[0].status = "stopped"
    assert (fleet.second, 8000) not in health(fleet, slb)
    assert set(health(fleet, slb, 443)) == {(fleet.first, 8080), (fleet.first, 8081)}
    unknown = slb.refused("DescribeHealthStatus", LoadBalancerId=fleet.balancer.id, ListenerPort=1)
    assert unknown == (404, "ListenerNotFound")


def test_a_new_member_is_unavailable_until_it_has_been_checked(fleet: Fleet, slb: Slb) -> None:
    """health_seconds after it was added, not earlier, it is normal."""
    slb("AddBackendServers", LoadBalancerId=fleet.balancer.id, BackendServers=servers({"ServerId": fleet.third}))
    assert health(fleet, slb, 80)[fleet.third, 8000] == "unavailable"
    fleet.cloud.clock.advance(fleet.slb.health_seconds - 0.1)
    assert health(fleet, slb, 80)[fleet.third, 8000] == "unavailable"
    fleet.cloud.clock.advance(0.1)
    assert health(fleet, slb, 80)[fleet.third, 8000] == "normal"


def test_health_of_servers_that_do_not_serve(fleet: Fleet, slb: Slb) -> None:
    """Weight 0 is unavailable; a server that is stopped, or whose service fails, is abnormal."""
    fleet.balancer.default_group.members[0].weight = 0
    fleet.slb.unhealthy.add(fleet.second)
    assert set(health(fleet, slb, 80).values()) == {"unavailable", "abnormal"}
    fleet.cloud.ecs.instances[fleet.first].status = "Stopped"
    assert set(health(fleet, slb, 443).values()) == {"abnormal"}


# -- changing --------------------------------------------------------------------------------------------------------


def test_default_group_weight_zero_removal_and_return(fleet: Fleet, slb: Slb) -> None:
    """The drain and the return of a rescue; weights are text in the answers of Set and Add, numbers in Remove's."""
    element = {"ServerId": fleet.first, "Type": "ecs"}

    def change(verb: str, element: dict[str, Any]) -> list[tuple[str, int | str]]:
        body = slb(f"{verb}BackendServers", LoadBalancerId=fleet.balancer.id, BackendServers=servers(element))
        return [(row["ServerId"], row["Weight"]) for row in body["BackendServers"]["BackendServer"]]

    assert change("Set", {**element, "Weight": 0}) == [(fleet.first, "0"), (fleet.second, "100")]
    assert fleet.members() == [(fleet.first, 0, 0), (fleet.second, 0, 100)]
    assert change("Remove", element) == [(fleet.second, 100)]
    new = {"ServerId": fleet.third, "Weight": "80", "Description": "front"}
    assert change("Add", new) == [(fleet.second, "100"), (fleet.third, "80")]
    assert fleet.members() == [(fleet.second, 0, 100), (fleet.third, 0, 80)]
    assert fleet.balancer.default_group.members[1].description == "front"


def change_group(fleet: Fleet, slb: Slb, verb: str, *elements: dict[str, Any]) -> Any:
    """Add, Remove or Set members of the vServer group with two members."""
    action = "SetVServerGroupAttribute" if verb == "Set" else f"{verb}VServerGroupBackendServers"
    return slb(action, VServerGroupId=fleet.group.id, BackendServers=servers(*elements))


def test_vserver_members_are_server_and_port(fleet: Fleet, slb: Slb) -> None:
    """Setting one port leaves the other alone; removing a port that is not there is no error and no removal."""
    change_group(fleet, slb, "Set", {"ServerId": fleet.first, "Port": 8080, "Weight": 0, "Description": "api/v1"})
    assert fleet.members(fleet.group) == [(fleet.first, 8080, 0), (fleet.first, 8081, 40)]
    assert fleet.group.members[0].description == "api/v1"
    change_group(fleet, slb, "Remove", {"ServerId": fleet.first, "Port": 80})
    assert len(fleet.group.members) == 2
    body = change_group(fleet, slb, "Remove", {"ServerId": fleet.first, "Port": 8081})
    assert [(row["Port"], row["Weight"]) for row in body["BackendServers"]["BackendServer"]] == [(8080, 0)]
    change_group(fleet, slb, "Add", {"ServerId": fleet.third, "Port": "8081", "Weight": 40})
    assert fleet.members(fleet.group) == [(fleet.first, 8080, 0), (fleet.third, 8081, 40)]


def test_addresses_tell_network_interfaces_apart_and_instances_not(fleet: Fleet, slb: Slb) -> None:
    """An ENI may be a member once for each of its addresses; an instance is itself whatever address is given."""
    fleet.group.members.clear()
    for each in ("172.16.0.8", "172.16.0.9"):
        fleet.group.add("eni-1", port=80, type="eni", server_ip=each)
    fleet.group.add(fleet.first, port=80)
    address: dict[str, Any] = {"ServerIp": "172.16.0.8"}
    eni: dict[str, Any] = {"ServerId": "eni-1", "Port": 80, "Type": "eni"}
    change_group(fleet, slb, "Remove", eni)
    assert len(fleet.group.members) == 3
    change_group(fleet, slb, "Remove", {**eni, **address}, {"ServerId": fleet.first, "Port": 80, **address})
    assert [it.server_ip for it in fleet.group] == ["172.16.0.9"]


def test_what_is_not_a_member_is_ignored(fleet: Fleet, slb: Slb) -> None:
    """Set and Remove say nothing about servers that are not there."""
    stranger = {"ServerId": fleet.third, "Port": 80, "Weight": 1}
    before = fleet.slb.state()
    change_group(fleet, slb, "Set", stranger)
    change_group(fleet, slb, "Remove", stranger)
    slb("SetBackendServers", LoadBalancerId=fleet.balancer.id, BackendServers=servers(stranger))
    slb("RemoveBackendServers", LoadBalancerId=fleet.balancer.id, BackendServers=servers(stranger))
    assert fleet.slb.state() == before


def test_set_without_weight_or_description_takes_the_defaults(fleet: Fleet, slb: Slb) -> None:
    """The least friendly reading: an element without them sets weight 100 and clears the description."""
    change_group(fleet, slb, "Set", {"ServerId": fleet.first, "Port": 8080})
    member = fleet.group.members[0]
    assert (member.weight, member.description) == (100, "")


def test_a_group_can_be_renamed(fleet: Fleet, slb: Slb) -> None:
    """SetVServerGroupAttribute without members changes the name alone."""
    body = slb("SetVServerGroupAttribute", VServerGroupId=fleet.group.id, VServerGroupName="renamed")
    assert body["VServerGroupName"] == "renamed"
    assert len(fleet.group.members) == 2


def test_the_first_of_duplicates_wins(fleet: Fleet, slb: Slb) -> None:
    """AddBackendServers documents it for one request."""
    server = {"ServerId": fleet.third, "Port": 80}
    change_group(fleet, slb, "Add", {**server, "Weight": 10}, {**server, "Weight": 90})
    assert fleet.members(fleet.group)[2:] == [(fleet.third, 80, 10)]


def test_members_are_swapped_in_one_step_or_not_at_all(fleet: Fleet, slb: Slb) -> None:
    """ModifyVServerGroupBackendServers: when the new server cannot come, the old server stays."""
    old = {"VServerGroupId": fleet.group.id, "OldBackendServers": servers({"ServerId": fleet.first, "Port": 8080})}
    modify, new = "ModifyVServerGroupBackendServers", {"Port": 8080, "Weight": 60}
    unknown = slb.refused(modify, **old, NewBackendServers=servers({"ServerId": "i-none", **new}))
    assert unknown == (404, "InvalidServerId.NotFound")
    assert len(fleet.group.members) == 2
    slb(modify, **old, NewBackendServers=servers({"ServerId": fleet.third, **new}))
    assert fleet.members(fleet.group) == [(fleet.first, 8081, 40), (fleet.third, 8080, 60)]


# -- refusals --------------------------------------------------------------------------------------------------------

I = "i-x"  # noqa: E741 - reads like the id that it stands for
BAD_SERVERS = [
    ("not JSON", "servers", "BackendServersMalformed"),
    ("single quotes", "[{'ServerId':'i-x','Port':80}]", "BackendServersMalformed"),
    ("no list", servers({"ServerId": I, "Port": 80})[1:-1], "BackendServersMalformed"),
    ("empty", "[]", "BackendServersMalformed"),
    ("lower camel case", servers({"serverId": I, "port": 80}), "BackendServersMalformed"),
    ("no server", servers({"Port": 80}), "BackendServersMalformed"),
    ("an unknown key", servers({"ServerId": I, "Port": 80, "Zone": "h"}), "BackendServersMalformed"),
    ("no object", '["i-x"]', "BackendServersMalformed"),
    ("no port", servers({"ServerId": I}), "InvalidParameter"),
    ("port 0", servers({"ServerId": I, "Port": 0}), "InvalidParameter"),
    ("port 65536", servers({"ServerId": I, "Port": 65536}), "InvalidParameter"),
    ("port null", servers({"ServerId": I, "Port": None}), "InvalidParameter"),
    ("weight 101", servers({"ServerId": I, "Port": 80, "Weight": 101}), "InvalidWeight.Malformed"),
    ("weight -1", servers({"ServerId": I, "Port": 80, "Weight": -1}), "InvalidWeight.Malformed"),
    ("weight true", servers({"ServerId": I, "Port": 80, "Weight": True}), "InvalidWeight.Malformed"),
    ("an empty description", servers({"ServerId": I, "Port": 80, "Description": ""}), "InvalidParameter"),
    ("a blank in it", servers({"ServerId": I, "Port": 80, "Description": "a b"}), "InvalidParameter"),
    ("a long description", servers({"ServerId": I, "Port": 80, "Description": "a" * 81}), "InvalidParameter"),
    ("ALB's type", servers({"ServerId": I, "Port": 80, "Type": "Ecs"}), "InvalidParameter"),
    ("21 elements", servers(*({"ServerId": I, "Port": n} for n in range(1, 22))), "TooManyBackendServers"),
]


@pytest.mark.parametrize(("text", "code"), [row[1:] for row in BAD_SERVERS], ids=[row[0] for row in BAD_SERVERS])
@pytest.mark.parametrize("verb", ["Add", "Remove"])
def test_backend_servers_must_be_as_documented(fleet: Fleet, slb: Slb, verb: str, text: str, code: str) -> None:
    """Everything but a JSON list of up to 20 documented elements is refused, and nothing changes."""
    before = fleet.slb.state()
    refused = slb.refused(f"{verb}VServerGroupBackendServers", VServerGroupId=fleet.group.id, BackendServers=text)
    assert refused == (400, code)
    assert fleet.slb.state() == before


def try_to_add(slb: Slb, balancer: LoadBalancer, server_id: str) -> tuple[int, str]:
    """The refusal to add a server to a default group."""
    element = servers({"ServerId": server_id})
    return slb.refused("AddBackendServers", LoadBalancerId=balancer.id, BackendServers=element)


def test_only_running_servers_of_the_same_network_can_be_added(fleet: Fleet, slb: Slb) -> None:
    """Unknown, stopped, in another VPC, or attached already: refused, and nothing changes."""
    before = fleet.slb.state()
    assert try_to_add(slb, fleet.balancer, "i-none") == (404, "InvalidServerId.NotFound")
    assert try_to_add(slb, fleet.balancer, fleet.first) == (400, "InvalidParameter")
    assert try_to_add(slb, fleet.balancer, fleet.add_instance("vpc-2")) == (400, "NetworkConflict")
    fleet.cloud.ecs.instances[fleet.third].status = "Starting"
    assert try_to_add(slb, fleet.balancer, fleet.third) == (400, "ObtainIpFail")
    assert fleet.slb.state() == before


def test_members_of_an_internet_load_balancer_share_one_vpc(fleet: Fleet, slb: Slb) -> None:
    """Without a VPC of its own the CLB takes servers of any one VPC."""
    balancer = fleet.slb.add_load_balancer("classic")
    balancer.default_group.add(fleet.first)
    stranger = fleet.add_instance("vpc-2")
    assert try_to_add(slb, balancer, stranger) == (400, "InvalidBackendServers.Inconsistent")


@pytest.mark.parametrize("gone", ["stopped", "released"])
def test_a_server_that_does_not_run_cannot_be_removed(fleet: Fleet, slb: Slb, gone: str) -> None:
    """Both Remove operations answer ObtainIpFail; Set does not care."""
    if gone == "stopped":
        fleet.cloud.ecs.instances[fleet.first].status = "Stopped"
    else:
        del fleet.cloud.ecs.instances[fleet.first]
    element = {"ServerId": fleet.first, "Port": 8080, "Weight": 0}
    for group in ({"LoadBalancerId": fleet.balancer.id}, {"VServerGroupId": fleet.group.id}):
        action = "RemoveVServerGroupBackendServers" if "VServerGroupId" in group else "RemoveBackendServers"
        assert slb.refused(action, **group, BackendServers=servers(element)) == (400, "ObtainIpFail")
    change_group(fleet, slb, "Set", element)
    assert fleet.members(fleet.group)[0] == (fleet.first, 8080, 0)


# -- misbehaviour ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(CONFLICTS))
def test_a_busy_load_balancer_refuses_writes_alone(fleet: Fleet, slb: Slb, code: str) -> None:
    """With the documented status; reads and other CLBs go on, and writes do once the time is over."""
    other = fleet.slb.add_load_balancer("other", vpc_id="vpc-1")
    fleet.slb.busy(fleet.balancer.id, 30, code)
    weight = servers({"ServerId": fleet.first, "Weight": 0})
    request = {"LoadBalancerId": fleet.balancer.id, "BackendServers": weight}
    fleet.cloud.clock.advance(29.9)
    assert slb.refused("SetBackendServers", **request) == (refusal(code).status, code)
    assert health(fleet, slb, 80)[fleet.first, 8000] == "normal"
    slb("SetBackendServers", LoadBalancerId=other.id, BackendServers=weight)
    fleet.cloud.clock.advance(0.1)
    slb("SetBackendServers", **request)
    assert fleet.members()[0] == (fleet.first, 0, 0)


def test_a_load_balancer_is_busy_after_a_write(fleet: Fleet, slb: Slb) -> None:
    """Whichever group the next write is for; a refused write does not begin a new period."""
    fleet.slb.configuring_seconds = 2
    element = {"ServerId": fleet.first, "Port": 8080, "Weight": 0}
    change_group(fleet, slb, "Set", element)
    fleet.cloud.clock.advance(1.5)
    request = {"LoadBalancerId": fleet.balancer.id, "BackendServers": servers(element)}
    assert slb.refused("SetBackendServers", **request) == (400, "ServiceIsConfiguring")
    fleet.cloud.clock.advance(0.5)
    slb("SetBackendServers", **request)


def test_busy_knows_its_codes(fleet: Fleet) -> None:
    """A mistyped code is the test's mistake, not a refusal of the cloud's."""
    with pytest.raises(ValueError, match="ServiceIsTired"):
        fleet.slb.busy(fleet.balancer.id, 1, "ServiceIsTired")


def test_a_released_server_leaves_every_group(fleet: Fleet) -> None:
    """At once by default; with stale_seconds it is listed for so long."""
    fleet.slb.server_released(fleet.second)
    assert fleet.members() == [(fleet.first, 0, 80)]
    assert [it.server_id for it in fleet.pair] == [fleet.first]
    fleet.slb.stale_seconds = 45
    fleet.slb.server_released(fleet.first)
    fleet.cloud.clock.advance(44)
    assert len(fleet.slb.state()["LoadBalancers"][0]["VServerGroups"][0]["BackendServers"]) == 2
    fleet.cloud.clock.advance(1)
    assert fleet.slb.state()["LoadBalancers"][0]["VServerGroups"][0]["BackendServers"] == []


# -- state -----------------------------------------------------------------------------------------------------------


def test_the_state_is_json_in_the_apis_words(fleet: Fleet) -> None:
    """Members in the order they were added, in field names of the API."""
    (balancer,) = json.loads(json.dumps(fleet.slb.state()))["LoadBalancers"]
    assert balancer["LoadBalancerName"] == "web"
    assert [it["ServerId"] for it in balancer["BackendServers"]] == [fleet.first, fleet.second]
    assert "Port" not in balancer["BackendServers"][0]
    assert balancer["VServerGroups"][0]["BackendServers"][0] == {
        "ServerId": fleet.first,
        "Port": 8080,
        "Weight": 60,
        "Type": "ecs",
        "ServerIp": "",
        "Description": "api/v1",
    }
    assert [it["ListenerPort"] for it in balancer["Listeners"]] == [80, 443, 3306]
    assert len(balancer["MasterSlaveServerGroups"][0]["MasterSlaveBackendServers"]) == 2
