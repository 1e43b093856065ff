"""CLB of the embedded cloud, asked through the real SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from alibabacloud_slb20140515 import models
from alibabacloud_slb20140515.client import Client
from alibabacloud_tea_openapi.utils_models import Config
from Tea.exceptions import TeaException

from simulator.actions import Parameters
from simulator.cloud import Cloud
from simulator.ecs.model import Instance
from simulator.error_catalogue import refusal
from simulator.slb.model import LoadBalancer, VServerGroup
from simulator.slb.refusals import CONFLICTS
from simulator.transport import in_process

REGION = "cn-hangzhou"
NOON = 1_795_176_000.0
Members = list[tuple[str, int, int]]


class Fleet:
    """Three running instances in one VPC; a CLB with a default group, two vServer groups and a master/slave group."""

    def __init__(self) -> None:
        self.cloud = Cloud(NOON)
        self.slb = self.cloud.slb
        self.one, self.two, self.three = (self.add_instance(f"172.16.0.{n}") for n in (1, 2, 3))
        self.balancer = self.slb.add_load_balancer("web", vpc_id="vpc-1", tags={"team": "shop"})
        self.balancer.default_group.add(self.one, weight=80, description="front")
        self.balancer.default_group.add(self.two)
        self.group = self.slb.add_vserver_group(self.balancer, "api")
        self.group.add(self.one, port=8080, weight=60, description="api/v1")
        self.group.add(self.one, port=8081, weight=40)
        self.empty_group = self.slb.add_vserver_group(self.balancer, "spare")
        self.pair = self.slb.add_master_slave_group(self.balancer, "pair", self.one, self.two, 3306)
        self.slb.add_listener(self.balancer, 80, backend_port=8000)
        self.slb.add_listener(self.balancer, 443, "https", self.group)
        self.slb.add_listener(self.balancer, 3306, "tcp", self.pair)

    def add_instance(self, address: str, vpc_id: str = "vpc-1") -> str:
        """A running instance; answers its id."""
        instance_id = self.cloud.new_id("i")
        self.cloud.ecs.instances[instance_id] = Instance(
            region=REGION,
            created_at=NOON,
            visible_at=NOON,
            instance_id=instance_id,
            zone_id="cn-hangzhou-h",
            vpc_id=vpc_id,
            vswitch_id="vsw-1",
            private_ip=address,
            security_group_ids=["sg-1"],
            instance_type="ecs.c7.large",
            image_id="m-1",
            status="Running",
        )
        return instance_id

    def members(self, group: VServerGroup | None = None) -> Members:
        """What is in a group (without one: the default group): id, port, weight."""
        chosen = group or self.balancer.default_group
        return [(it.server_id, it.port, it.weight) for it in chosen]


@pytest.fixture
def fleet() -> Fleet:
    """A seeded cloud."""
    return Fleet()


@pytest.fixture
def client(fleet: Fleet) -> Iterator[Client]:
    """The SDK's client, pointed at the embedded cloud."""
    with in_process(fleet.cloud) as url:
        key = fleet.cloud.access_key
        yield Client(
            Config(
                access_key_id=key.access_key_id,
                access_key_secret=key.secret,
                endpoint=url.removeprefix("http://"),
                protocol="http",
                region_id=REGION,
            )
        )


def servers(*elements: dict[str, Any]) -> str:
    """The parameter BackendServers."""
    return json.dumps(list(elements))


def refused(call: Any, request: Any) -> tuple[int, str]:
    """HTTP status and code of a call that must be refused."""
    with pytest.raises(TeaException) as caught:
        call(request)
    return caught.value.statusCode, caught.value.code


# -- answers ---------------------------------------------------------------------------------------------------------


def parameters_of(fleet: Fleet, action: str) -> dict[str, Any]:
    """Parameters with which an action has much to say."""
    add = servers({"ServerId": fleet.three, "Port": 80, "Description": "new"})
    change = servers({"ServerId": fleet.one, "Port": 8080})
    p: dict[str, Any] = {"RegionId": REGION, "IncludeListener": True, "IncludeRule": True}
    p["LoadBalancerId"] = ["unused"] if action == "DescribeLoadBalancerListeners" else fleet.balancer.id
    p["VServerGroupId"], p["MasterSlaveServerGroupId"] = fleet.group.id, fleet.pair.id
    p["BackendServers"] = add if action.startswith("Add") else change
    p["OldBackendServers"], p["NewBackendServers"] = change, add
    if action == "DescribeLoadBalancerListeners":
        p |= {"LoadBalancerId": [fleet.balancer.id], "MaxResults": 2}
    return p


def lost(sent: Any, kept: Any, path: str = "") -> list[str]:
    """Where ``kept`` lacks something of ``sent``; it may have more (the model adds empty lists)."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        return [gone for name in sent for gone in lost(sent[name], kept.get(name), f"{path}/{name}")]
    if isinstance(sent, list) and isinstance(kept, list) and len(sent) == len(kept):
        return [gone for n, item in enumerate(sent) for gone in lost(item, kept[n], f"{path}/{n}")]
    return [] if sent == kept else [path]


ACTIONS = sorted(Cloud(NOON).slb.actions)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_field_of_an_answer_exists_in_the_sdk(fleet: Fleet, action: str) -> None:
    """What the SDK's model does not know is lost on the way through it, so the answer would come out different."""
    body = {"RequestId": "R", **fleet.slb.actions[action](Parameters(parameters_of(fleet, action)))}
    model = getattr(models, f"{action}ResponseBody")
    assert lost(body, model().from_map(body).to_map()) == []
    assert len(body) > 1


def test_the_operations_of_a_rescue_are_all_there() -> None:
    """The list is the one that the project's CLB steps need."""
    assert ACTIONS == [
        "AddBackendServers",
        "AddVServerGroupBackendServers",
        "DescribeHealthStatus",
        "DescribeLoadBalancerAttribute",
        "DescribeLoadBalancerListeners",
        "DescribeLoadBalancers",
        "DescribeMasterSlaveServerGroupAttribute",
        "DescribeMasterSlaveServerGroups",
        "DescribeVServerGroupAttribute",
        "DescribeVServerGroups",
        "ModifyVServerGroupBackendServers",
        "RemoveBackendServers",
        "RemoveVServerGroupBackendServers",
        "SetBackendServers",
        "SetVServerGroupAttribute",
    ]


# -- looking ---------------------------------------------------------------------------------------------------------


def found_by(client: Client, **filters: Any) -> list[str]:
    """Names of the CLBs on the one page that a listing with these filters gives."""
    request = models.DescribeLoadBalancersRequest(region_id=REGION, page_number=1, page_size=100, **filters)
    body = client.describe_load_balancers(request).body
    assert body.total_count == len(body.load_balancers.load_balancer)
    return [row.load_balancer_name for row in body.load_balancers.load_balancer]


def test_load_balancers_come_in_pages(fleet: Fleet, client: Client) -> None:
    """Twenty-five CLBs in pages of ten are three pages without gaps or repetitions."""
    for number in range(24):
        fleet.slb.add_load_balancer(f"lb{number}")
    names: list[str] = []
    for page in (1, 2, 3, 4):
        request = models.DescribeLoadBalancersRequest(region_id=REGION, page_number=page, page_size=10)
        body = client.describe_load_balancers(request).body
        assert (body.total_count, body.page_number, body.page_size) == (25, page, 10)
        names += [row.load_balancer_name for row in body.load_balancers.load_balancer]
    assert names == ["web", *(f"lb{number}" for number in range(24))]


@pytest.mark.parametrize(
    ("paging", "code"),
    [
        ({"page_size": 50}, "MissingParameter"),
        ({"page_number": 1, "page_size": 101}, "InvalidParameter"),
        ({"page_number": 0}, "InvalidParameter"),
        ({"page_number": 1, "page_size": 0}, "InvalidParameter"),
    ],
)
def test_pages_that_cannot_be(client: Client, paging: dict[str, int], code: str) -> None:
    """A page size needs a page number and is at most 100."""
    request = models.DescribeLoadBalancersRequest(region_id=REGION, **paging)
    assert refused(client.describe_load_balancers, request) == (400, code)


def test_load_balancers_by_filter(fleet: Fleet, client: Client) -> None:
    """Each filter keeps what matches and drops the rest; an unknown value drops all."""
    inner = fleet.slb.add_load_balancer("inner", vpc_id="vpc-2", address_type="intranet")
    tag = models.DescribeLoadBalancersRequestTag
    assert found_by(client) == ["web", "inner"]
    assert found_by(client, vpc_id="vpc-2") == ["inner"]
    assert found_by(client, address_type="internet") == ["web"]
    assert found_by(client, load_balancer_id=f"{inner.id},{fleet.balancer.id}") == ["web", "inner"]
    assert found_by(client, load_balancer_name="web") == ["web"]
    assert found_by(client, tag=[tag(key="team", value="shop")]) == ["web"]
    assert found_by(client, tag=[tag(key="team", value="other")]) == []
    assert found_by(client, tags='{"team": "shop"}') == ["web"]
    assert found_by(client, server_intranet_address="172.16.0.2") == ["web"]
    assert found_by(client, server_id="i-none") == []


def test_the_server_filter_may_or_may_not_see_vserver_groups(fleet: Fleet, client: Client) -> None:
    """No document says whether ServerId finds a server that is only in a vServer group: the knob has both."""
    fleet.empty_group.add(fleet.three, port=80)
    assert found_by(client, server_id=fleet.one) == ["web"]
    assert found_by(client, server_id=fleet.three) == []
    fleet.slb.server_id_finds_vserver_members = True
    assert found_by(client, server_id=fleet.three) == ["web"]


def test_groups_show_their_members_where_documented(fleet: Fleet, client: Client) -> None:
    """The default group has no ports; the list of vServer groups has neither servers nor their count."""
    default = client.describe_load_balancer_attribute(
        models.DescribeLoadBalancerAttributeRequest(region_id=REGION, load_balancer_id=fleet.balancer.id)
    ).body.backend_servers.backend_server
    assert [(it.server_id, it.weight, it.description) for it in default] == [
        (fleet.one, 80, "front"),
        (fleet.two, 100, ""),
    ]
    groups = client.describe_vserver_groups(
        models.DescribeVServerGroupsRequest(region_id=REGION, load_balancer_id=fleet.balancer.id, include_listener=True)
    ).body.vserver_groups.vserver_group
    assert [it.vserver_group_id for it in groups] == [fleet.group.id, fleet.empty_group.id]
    assert groups[0].server_count is None
    assert [it.port for it in groups[0].associated_objects.listeners.listener] == [443]
    members = client.describe_vserver_group_attribute(
        models.DescribeVServerGroupAttributeRequest(region_id=REGION, vserver_group_id=fleet.group.id)
    ).body.backend_servers.backend_server
    assert [(it.server_id, it.port, it.weight) for it in members] == [(fleet.one, 8080, 60), (fleet.one, 8081, 40)]


def test_master_slave_groups_show_who_is_what(fleet: Fleet, client: Client) -> None:
    """Two members, the first of them the master."""
    listed = client.describe_master_slave_server_groups(
        models.DescribeMasterSlaveServerGroupsRequest(region_id=REGION, load_balancer_id=fleet.balancer.id)
    ).body.master_slave_server_groups.master_slave_server_group
    assert [it.master_slave_server_group_id for it in listed] == [fleet.pair.id]
    members = client.describe_master_slave_server_group_attribute(
        models.DescribeMasterSlaveServerGroupAttributeRequest(
            region_id=REGION, master_slave_server_group_id=fleet.pair.id
        )
    ).body.master_slave_backend_servers.master_slave_backend_server
    assert [(it.server_id, it.port, it.server_type) for it in members] == [
        (fleet.one, 3306, "Master"),
        (fleet.two, 3306, "Slave"),
    ]


def test_listeners_come_by_token(fleet: Fleet, client: Client) -> None:
    """Three listeners in pages of two; each names the group it forwards to."""
    request = models.DescribeLoadBalancerListenersRequest(
        region_id=REGION, load_balancer_id=[fleet.balancer.id], max_results=2
    )
    first = client.describe_load_balancer_listeners(request).body
    request.next_token = first.next_token
    second = client.describe_load_balancer_listeners(request).body
    assert [it.listener_port for it in first.listeners + second.listeners] == [80, 443, 3306]
    assert [it.vserver_group_id for it in first.listeners] == [None, fleet.group.id]
    assert second.listeners[0].tcplistener_config.master_slave_server_group_id == fleet.pair.id
    assert (first.total_count, second.next_token) == (3, None)
    request.next_token, request.max_results = None, 3
    assert client.describe_load_balancer_listeners(request).body.next_token is None


def test_an_empty_list_may_come_without_its_container(fleet: Fleet, client: Client) -> None:
    """By default the container is there and empty; the knob makes the SDK answer None."""
    request = models.DescribeVServerGroupAttributeRequest(region_id=REGION, vserver_group_id=fleet.empty_group.id)
    assert client.describe_vserver_group_attribute(request).body.backend_servers.backend_server == []
    fleet.slb.omits_empty_lists = True
    assert client.describe_vserver_group_attribute(request).body.backend_servers is None


def test_what_does_not_exist_in_the_region(fleet: Fleet, client: Client) -> None:
    """A CLB or group that is unknown, or in another region, is not found."""
    balancer = models.DescribeLoadBalancerAttributeRequest
    group = models.DescribeVServerGroupAttributeRequest
    pair = models.DescribeMasterSlaveServerGroupAttributeRequest
    for request in (
        balancer(region_id=REGION, load_balancer_id="lb-none"),
        balancer(region_id="cn-beijing", load_balancer_id=fleet.balancer.id),
    ):
        assert refused(client.describe_load_balancer_attribute, request) == (404, "InvalidLoadBalancerId.NotFound")
    for request in (
        group(region_id=REGION, vserver_group_id="rsp-none"),
        group(region_id="cn-beijing", vserver_group_id=fleet.group.id),
    ):
        assert refused(client.describe_vserver_group_attribute, request) == (404, "InvalidParameter")
    assert refused(
        client.describe_master_slave_server_group_attribute,
        pair(region_id=REGION, master_slave_server_group_id="rsp-none"),
    ) == (404, "InvalidParameter")
    assert (
        client.describe_load_balancers(
            models.DescribeLoadBalancersRequest(region_id="cn-beijing")
        ).body.load_balancers.load_balancer
        == []
    )


# -- health ----------------------------------------------------------------------------------------------------------


def health(fleet: Fleet, client: Client, port: int | None = None) -> dict[tuple[str, int], str]:
    """Health by server and backend port."""
    request = models.DescribeHealthStatusRequest(
        region_id=REGION, load_balancer_id=fleet.balancer.id, listener_port=port
    )
    rows = client.describe_health_status(request).body.backend_servers.backend_server
    return {(it.server_id, it.port): it.server_health_status for it in rows}


def test_health_is_that_of_servers_behind_running_listeners(fleet: Fleet, client: Client) -> None:
    """The spare group has no listener and does not show up; a stopped listener's servers vanish."""
    fleet.empty_group.add(fleet.three, port=80)
    assert health(fleet, client) == {
        (fleet.one, 8000): "normal",
        (fleet.two, 8000): "normal",
        (fleet.one, 8080): "normal",
        (fleet.one, 8081): "normal",
        (fleet.one, 3306): "normal",
        (fleet.two, 3306): "normal",
    }
    fleet.balancer.listeners[0].status = "stopped"
    assert (fleet.two, 8000) not in health(fleet, client)
    assert set(health(fleet, client, 443)) == {(fleet.one, 8080), (fleet.one, 8081)}
    request = models.DescribeHealthStatusRequest(load_balancer_id=fleet.balancer.id, listener_port=1)
    assert refused(client.describe_health_status, request) == (404, "ListenerNotFound")


def test_a_new_member_is_unavailable_until_it_has_been_checked(fleet: Fleet, client: Client) -> None:
    """health_seconds after it was added, not earlier, it is normal."""
    client.add_backend_servers(
        models.AddBackendServersRequest(
            load_balancer_id=fleet.balancer.id, backend_servers=servers({"ServerId": fleet.three})
        )
    )
    assert health(fleet, client, 80)[fleet.three, 8000] == "unavailable"
    fleet.cloud.clock.advance(fleet.slb.health_seconds - 0.1)
    assert health(fleet, client, 80)[fleet.three, 8000] == "unavailable"
    fleet.cloud.clock.advance(0.1)
    assert health(fleet, client, 80)[fleet.three, 8000] == "normal"


def test_health_of_servers_that_do_not_serve(fleet: Fleet, client: Client) -> None:
    """Weight 0 is unavailable; a stopped server or one whose service fails is abnormal."""
    fleet.balancer.default_group.members[0].weight = 0
    fleet.slb.unhealthy.add(fleet.two)
    assert set(health(fleet, client, 80).values()) == {"unavailable", "abnormal"}
    fleet.cloud.ecs.instances[fleet.one].status = "Stopped"
    assert set(health(fleet, client, 443).values()) == {"abnormal"}


# -- changing --------------------------------------------------------------------------------------------------------


def test_default_group_weight_zero_removal_and_return(fleet: Fleet, client: Client) -> None:
    """The drain and the return of a rescue; weights are text in the answers of Set and Add, numbers in Remove's."""
    lb, element = fleet.balancer.id, {"ServerId": fleet.one, "Type": "ecs"}
    body = client.set_backend_servers(
        models.SetBackendServersRequest(load_balancer_id=lb, backend_servers=servers({**element, "Weight": 0}))
    ).body
    assert [it.weight for it in body.backend_servers.backend_server] == ["0", "100"]
    assert fleet.members() == [(fleet.one, 0, 0), (fleet.two, 0, 100)]
    body = client.remove_backend_servers(
        models.RemoveBackendServersRequest(load_balancer_id=lb, backend_servers=servers(element))
    ).body
    assert [(it.server_id, it.weight) for it in body.backend_servers.backend_server] == [(fleet.two, 100)]
    new = {"ServerId": fleet.three, "Weight": "80", "Description": "front"}
    body = client.add_backend_servers(
        models.AddBackendServersRequest(load_balancer_id=lb, backend_servers=servers(new))
    ).body
    assert [it.weight for it in body.backend_servers.backend_server] == ["100", "80"]
    assert fleet.members() == [(fleet.two, 0, 100), (fleet.three, 0, 80)]
    assert fleet.balancer.default_group.members[1].description == "front"


def change_group(fleet: Fleet, client: Client, verb: str, *elements: dict[str, Any]) -> Any:
    """Add, Remove or Set members of the vServer group with two members."""
    request = {"region_id": REGION, "vserver_group_id": fleet.group.id, "backend_servers": servers(*elements)}
    if verb == "set":
        return client.set_vserver_group_attribute(models.SetVServerGroupAttributeRequest(**request)).body
    title = verb.title()
    model = getattr(models, f"{title}VServerGroupBackendServersRequest")
    return getattr(client, f"{verb}_vserver_group_backend_servers")(model(**request)).body


def test_vserver_members_are_server_and_port(fleet: Fleet, client: Client) -> None:
    """Setting one port leaves the other alone; removing a port that is not there is no error and no removal."""
    change_group(fleet, client, "set", {"ServerId": fleet.one, "Port": 8080, "Weight": 0, "Description": "api/v1"})
    assert fleet.members(fleet.group) == [(fleet.one, 8080, 0), (fleet.one, 8081, 40)]
    assert fleet.group.members[0].description == "api/v1"
    change_group(fleet, client, "remove", {"ServerId": fleet.one, "Port": 80})
    assert len(fleet.group.members) == 2
    body = change_group(fleet, client, "remove", {"ServerId": fleet.one, "Port": 8081})
    assert [(it.port, it.weight) for it in body.backend_servers.backend_server] == [(8080, 0)]
    change_group(fleet, client, "add", {"ServerId": fleet.three, "Port": "8081", "Weight": 40})
    assert fleet.members(fleet.group) == [(fleet.one, 8080, 0), (fleet.three, 8081, 40)]


def test_addresses_tell_network_interfaces_apart_and_instances_not(fleet: Fleet, client: Client) -> None:
    """An ENI may be a member once for each of its addresses; an instance is itself whatever address is given."""
    fleet.group.members.clear()
    for each in ("172.16.0.8", "172.16.0.9"):
        fleet.group.add("eni-1", port=80, type="eni", server_ip=each)
    fleet.group.add(fleet.one, port=80)
    address: dict[str, Any] = {"ServerIp": "172.16.0.8"}
    eni: dict[str, Any] = {"ServerId": "eni-1", "Port": 80, "Type": "eni"}
    change_group(fleet, client, "remove", eni)
    assert len(fleet.group.members) == 3
    change_group(fleet, client, "remove", {**eni, **address}, {"ServerId": fleet.one, "Port": 80, **address})
    assert [it.server_ip for it in fleet.group] == ["172.16.0.9"]


def test_what_is_not_a_member_is_ignored(fleet: Fleet, client: Client) -> None:
    """Set and Remove say nothing about servers that are not there."""
    stranger = {"ServerId": fleet.three, "Port": 80, "Weight": 1}
    before = fleet.slb.state()
    change_group(fleet, client, "set", stranger)
    change_group(fleet, client, "remove", stranger)
    request = {"load_balancer_id": fleet.balancer.id, "backend_servers": servers(stranger)}
    client.set_backend_servers(models.SetBackendServersRequest(**request))
    client.remove_backend_servers(models.RemoveBackendServersRequest(**request))
    assert fleet.slb.state() == before


def test_set_without_weight_or_description_takes_the_defaults(fleet: Fleet, client: Client) -> None:
    """The least friendly reading: an element without them sets weight 100 and clears the description."""
    change_group(fleet, client, "set", {"ServerId": fleet.one, "Port": 8080})
    member = fleet.group.members[0]
    assert (member.weight, member.description) == (100, "")


def test_a_group_can_be_renamed(fleet: Fleet, client: Client) -> None:
    """SetVServerGroupAttribute without members changes the name alone."""
    request = models.SetVServerGroupAttributeRequest(
        region_id=REGION, vserver_group_id=fleet.group.id, vserver_group_name="renamed"
    )
    assert client.set_vserver_group_attribute(request).body.vserver_group_name == "renamed"
    assert len(fleet.group.members) == 2


def test_the_first_of_duplicates_wins(fleet: Fleet, client: Client) -> None:
    """AddBackendServers documents it for one request."""
    change_group(
        fleet,
        client,
        "add",
        {"ServerId": fleet.three, "Port": 80, "Weight": 10},
        {"ServerId": fleet.three, "Port": 80, "Weight": 90},
    )
    assert fleet.members(fleet.group)[2:] == [(fleet.three, 80, 10)]


def test_members_are_swapped_in_one_step_or_not_at_all(fleet: Fleet, client: Client) -> None:
    """ModifyVServerGroupBackendServers: when the new server cannot come, the old one stays."""
    old = servers({"ServerId": fleet.one, "Port": 8080})
    request = models.ModifyVServerGroupBackendServersRequest(
        region_id=REGION,
        vserver_group_id=fleet.group.id,
        old_backend_servers=old,
        new_backend_servers=servers({"ServerId": "i-none", "Port": 8080}),
    )
    assert refused(client.modify_vserver_group_backend_servers, request) == (404, "InvalidServerId.NotFound")
    assert len(fleet.group.members) == 2
    request.new_backend_servers = servers({"ServerId": fleet.three, "Port": 8080, "Weight": 60})
    client.modify_vserver_group_backend_servers(request)
    assert fleet.members(fleet.group) == [(fleet.one, 8081, 40), (fleet.three, 8080, 60)]


# -- refusals --------------------------------------------------------------------------------------------------------

I = "i-x"  # noqa: E741 - reads as one in the table
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
    ("a long one", servers({"ServerId": I, "Port": 80, "Description": "a" * 81}), "InvalidParameter"),
    ("ALB's type", servers({"ServerId": I, "Port": 80, "Type": "Ecs"}), "InvalidParameter"),
    ("21 elements", servers(*({"ServerId": I, "Port": n} for n in range(1, 22))), "TooManyBackendServers"),
]


@pytest.mark.parametrize(("text", "code"), [row[1:] for row in BAD_SERVERS], ids=[row[0] for row in BAD_SERVERS])
@pytest.mark.parametrize("verb", ["Add", "Remove"])
def test_backend_servers_must_be_as_documented(fleet: Fleet, client: Client, verb: str, text: str, code: str) -> None:
    """Everything but a JSON list of up to 20 documented elements is refused, and nothing changes."""
    before = fleet.slb.state()
    model = getattr(models, f"{verb}VServerGroupBackendServersRequest")
    call = getattr(client, f"{verb.lower()}_vserver_group_backend_servers")
    request = model(region_id=REGION, vserver_group_id=fleet.group.id, backend_servers=text)
    assert refused(call, request) == (400, code)
    assert fleet.slb.state() == before


def test_a_python_list_does_not_arrive(fleet: Fleet, client: Client) -> None:
    """The SDK flattens it to BackendServers.1.ServerId, which the API does not read."""
    request = models.AddBackendServersRequest(
        load_balancer_id=fleet.balancer.id, backend_servers=[{"ServerId": fleet.three}]
    )
    assert refused(client.add_backend_servers, request) == (400, "MissingParameter")


def try_to_add(client: Client, balancer: LoadBalancer, server_id: str) -> tuple[int, str]:
    """How adding a server to a default group is refused."""
    request = models.AddBackendServersRequest(
        load_balancer_id=balancer.id, backend_servers=servers({"ServerId": server_id})
    )
    return refused(client.add_backend_servers, request)


def test_only_running_servers_of_the_same_network_can_be_added(fleet: Fleet, client: Client) -> None:
    """Unknown, stopped, in another VPC, or attached already: refused, and nothing changes."""
    before = fleet.slb.state()
    assert try_to_add(client, fleet.balancer, "i-none") == (404, "InvalidServerId.NotFound")
    assert try_to_add(client, fleet.balancer, fleet.one) == (400, "InvalidParameter")
    assert try_to_add(client, fleet.balancer, fleet.add_instance("10.0.0.1", "vpc-2")) == (400, "NetworkConflict")
    fleet.cloud.ecs.instances[fleet.three].status = "Starting"
    assert try_to_add(client, fleet.balancer, fleet.three) == (400, "ObtainIpFail")
    assert fleet.slb.state() == before


def test_members_of_an_internet_load_balancer_share_one_vpc(fleet: Fleet, client: Client) -> None:
    """Without a VPC of its own the CLB takes servers of any one VPC."""
    balancer = fleet.slb.add_load_balancer("classic")
    balancer.default_group.add(fleet.one)
    stranger = fleet.add_instance("10.0.0.1", "vpc-2")
    assert try_to_add(client, balancer, stranger) == (400, "InvalidBackendServers.Inconsistent")


@pytest.mark.parametrize("gone", ["stopped", "released"])
def test_a_server_that_does_not_run_cannot_be_removed(fleet: Fleet, client: Client, gone: str) -> None:
    """Both Remove operations answer ObtainIpFail; Set does not care."""
    if gone == "stopped":
        fleet.cloud.ecs.instances[fleet.one].status = "Stopped"
    else:
        del fleet.cloud.ecs.instances[fleet.one]
    element = {"ServerId": fleet.one, "Port": 8080, "Weight": 0}
    default = models.RemoveBackendServersRequest(load_balancer_id=fleet.balancer.id, backend_servers=servers(element))
    assert refused(client.remove_backend_servers, default) == (400, "ObtainIpFail")
    vserver = models.RemoveVServerGroupBackendServersRequest(
        region_id=REGION, vserver_group_id=fleet.group.id, backend_servers=servers(element)
    )
    assert refused(client.remove_vserver_group_backend_servers, vserver) == (400, "ObtainIpFail")
    change_group(fleet, client, "set", element)
    assert fleet.members(fleet.group)[0] == (fleet.one, 8080, 0)


# -- misbehaviour ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", sorted(CONFLICTS))
def test_a_busy_load_balancer_refuses_writes_alone(fleet: Fleet, client: Client, code: str) -> None:
    """With the documented status; reads and other CLBs go on, and writes do once the time is over."""
    other = fleet.slb.add_load_balancer("other", vpc_id="vpc-1")
    fleet.slb.busy(fleet.balancer.id, 30, code)
    weight = servers({"ServerId": fleet.one, "Weight": 0})
    request = models.SetBackendServersRequest(load_balancer_id=fleet.balancer.id, backend_servers=weight)
    fleet.cloud.clock.advance(29.9)
    assert refused(client.set_backend_servers, request) == (refusal(code).status, code)
    assert health(fleet, client, 80)[fleet.one, 8000] == "normal"
    client.set_backend_servers(models.SetBackendServersRequest(load_balancer_id=other.id, backend_servers=weight))
    fleet.cloud.clock.advance(0.1)
    client.set_backend_servers(request)
    assert fleet.members()[0] == (fleet.one, 0, 0)


def test_a_load_balancer_is_busy_after_a_write(fleet: Fleet, client: Client) -> None:
    """Whichever group the next write is for; a refused write does not begin a new period."""
    fleet.slb.configuring_seconds = 2
    element = {"ServerId": fleet.one, "Port": 8080, "Weight": 0}
    change_group(fleet, client, "set", element)
    fleet.cloud.clock.advance(1.5)
    request = models.SetBackendServersRequest(load_balancer_id=fleet.balancer.id, backend_servers=servers(element))
    assert refused(client.set_backend_servers, request) == (400, "ServiceIsConfiguring")
    fleet.cloud.clock.advance(0.5)
    client.set_backend_servers(request)


def test_busy_knows_its_codes(fleet: Fleet) -> None:
    """A mistyped code is the test's mistake, not a refusal of the cloud's."""
    with pytest.raises(ValueError, match="ServiceIsTired"):
        fleet.slb.busy(fleet.balancer.id, 1, "ServiceIsTired")


def test_a_released_server_leaves_every_group(fleet: Fleet) -> None:
    """At once by default; with stale_seconds it is listed for so long."""
    fleet.slb.server_released(fleet.two)
    assert fleet.members() == [(fleet.one, 0, 80)]
    assert [it.server_id for it in fleet.pair] == [fleet.one]
    fleet.slb.stale_seconds = 45
    fleet.slb.server_released(fleet.one)
    fleet.cloud.clock.advance(44)
    assert len(fleet.slb.state()["LoadBalancers"][0]["VServerGroups"][0]["BackendServers"]) == 2
    fleet.cloud.clock.advance(1)
    assert fleet.slb.state()["LoadBalancers"][0]["VServerGroups"][0]["BackendServers"] == []


# -- state -----------------------------------------------------------------------------------------------------------


def test_the_state_is_json_in_the_apis_words(fleet: Fleet) -> None:
    """Members in the order they were added, in field names of the API."""
    (balancer,) = json.loads(json.dumps(fleet.slb.state()))["LoadBalancers"]
    assert balancer["LoadBalancerName"] == "web"
    assert [it["ServerId"] for it in balancer["BackendServers"]] == [fleet.one, fleet.two]
    assert "Port" not in balancer["BackendServers"][0]
    assert balancer["VServerGroups"][0]["BackendServers"][0] == {
        "ServerId": fleet.one,
        "Port": 8080,
        "Weight": 60,
        "Type": "ecs",
        "ServerIp": "",
        "Description": "api/v1",
    }
    assert [it["ListenerPort"] for it in balancer["Listeners"]] == [80, 443, 3306]
    assert len(balancer["MasterSlaveServerGroups"][0]["MasterSlaveBackendServers"]) == 2
