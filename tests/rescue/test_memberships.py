"""Memberships: all of them found, each given back exactly, and nobody else's touched."""

from __future__ import annotations

import pytest

from simulator import proof
from simulator.slb.model import BackendServer
from tests.rescue.reading import places, replacements
from tests.rescue.stage import NEIGHBOUR, SOURCE, stage


def test_more_than_20_places_in_one_group() -> None:
    """One request takes 20 elements: 45 ports are three requests each way."""
    here = stage()
    for port in range(9000, 9045):
        here.fleet.vserver_group.add(SOURCE, port=port, weight=port % 101)
    here.before = here.cloud.state()
    here.rescues()
    assert len(here.calls("AddVServerGroupBackendServers")) == 3


@pytest.mark.parametrize("count", [100, 101, 230])
def test_more_load_balancers_than_a_page(count: int) -> None:
    """The source is in the last load balancer only: every page is read."""
    here = stage()
    balancers = [here.add_balancer(f"more-{number}") for number in range(count - 1)]
    balancers[-1].default_group.add(SOURCE, weight=3)
    here.before = here.cloud.state()
    assert len(here.rescues()["memberships"]) == 3
    assert len(here.calls("DescribeLoadBalancers")) == -(-count // 100)


@pytest.mark.parametrize("finds", [True, False])
def test_a_member_of_vserver_groups_only(finds: bool) -> None:  # noqa: FBT001 - whether ServerId finds such members is not documented
    """Right either way, whatever ``DescribeLoadBalancers(ServerId)`` finds."""
    here = stage()
    here.cloud.slb.server_id_finds_vserver_members = finds
    here.fleet.load_balancer.default_group.drop_server(SOURCE)
    here.before = here.cloud.state()
    assert len(here.rescues()["memberships"]) == 1


def test_master_slave_groups_are_reported() -> None:
    """No API changes them: the group is as it was, and the answer says what to do."""
    here = stage()
    pair = here.cloud.slb.add_master_slave_group(here.fleet.load_balancer, "pair", SOURCE, NEIGHBOUR, 80)
    here.cloud.slb.add_listener(here.fleet.load_balancer, 22, "tcp", pair)
    here.before = here.cloud.state()
    answer = here.rescues()
    group = here.fleet.load_balancer.master_slave_groups[0]
    assert any(group.id in text and "Master" in text for text in answer["warnings"])
    assert [member.server_id for member in group] == [SOURCE, NEIGHBOUR]


@pytest.mark.parametrize(("protocol", "reads"), [("", 0), ("https", 0), ("tcp", 1), ("udp", 1)])
def test_master_slave_groups_are_read_where_there_can_be_one(protocol: str, reads: int) -> None:
    """Listeners for HTTP and HTTPS take no master/slave group, and without a listener no group gets a request."""
    here = stage()
    here.fleet.load_balancer.listeners.clear()
    if protocol:
        here.cloud.slb.add_listener(here.fleet.load_balancer, 8443, protocol)
    here.before = here.cloud.state()
    here.rescues()
    assert [call.action for call in here.cloud.calls].count("DescribeMasterSlaveServerGroups") == reads


def test_a_source_with_weight_0_everywhere() -> None:
    """Its replacement gets the same; the answer says so, since another program may have drained the source."""
    here = stage()
    for group in (here.fleet.load_balancer.default_group, here.fleet.vserver_group):
        next(member for member in group if member.server_id == SOURCE).weight = 0
    here.before = here.cloud.state()
    assert any("weight 0 in all its server groups" in text for text in here.rescues()["warnings"])


def test_a_network_card_as_a_member() -> None:
    """Members of type eni are drained and removed; the place is reported, since the replacement has other cards."""
    card = {"NetworkInterfaceId": "eni-bp1second", "Type": "Secondary", "PrimaryIpAddress": "172.16.0.99"}
    here = stage(attributes={"secondary_network_interfaces": [card]})
    here.fleet.vserver_group.add("eni-bp1second", port=8080, weight=50, type="eni", server_ip="172.16.0.99")
    here.fleet.vserver_group.add("eni-bp1foreign", port=8080, weight=50, type="eni", server_ip="172.16.0.98")
    here.before = here.cloud.state()
    answer = here.deliver()
    assert any("eni-bp1second" in text and "network card" in text for text in answer["not_carried"])
    assert places(here, "eni-bp1second") == 0
    assert places(here, "eni-bp1foreign") == 1
    assert places(here, replacements(here)[0]["InstanceId"]) == 2


@pytest.mark.parametrize("weight", [0, 1, 100])
@pytest.mark.parametrize("description", ["", "web", "a-b_c/d.e"])
def test_weights_and_descriptions_are_exact(weight: int, description: str) -> None:
    """Also weight 0, which is somebody's own drain, and members without a description."""
    here = stage(weight=weight, description=description)
    here.rescues()


@pytest.mark.parametrize(
    "when",
    ["SetBackendServers", "CreateImage", "RemoveVServerGroupBackendServers", "RunInstances", "AddBackendServers"],
)
def test_a_group_deleted_meanwhile(when: str) -> None:
    """The rescue goes on without it: the other places are given back, and no error is raised."""
    here = stage()
    here.meanwhile(when, here.fleet.load_balancer.vserver_groups.clear, only=1)
    here.deliver()
    new = replacements(here)[0]["InstanceId"]
    assert places(here, new) == 1
    assert places(here, SOURCE) == 0


def test_a_load_balancer_deleted_meanwhile() -> None:
    """Gone with all its groups: reported, and the rest is finished."""
    here = stage()
    here.meanwhile("CreateImage", here.cloud.slb.load_balancers.clear, only=1)
    here.deliver()
    assert replacements(here)[0]["Status"] == "Running"
    here.finishes()


@pytest.mark.parametrize(
    "when", ["SetVServerGroupAttribute", "RemoveVServerGroupBackendServers", "AddVServerGroupBackendServers"]
)
def test_somebody_elses_changes_stay(when: str) -> None:
    """A neighbour's new weight and a new member, made while the rescue runs, are not undone."""
    here = stage()

    def change() -> None:
        for member in here.fleet.vserver_group:
            member.weight = 5 if member.server_id == NEIGHBOUR else member.weight
        here.fleet.vserver_group.members.append(BackendServer(NEIGHBOUR, 9999, 12))

    here.meanwhile(when, change, only=1)
    here.deliver()
    group = proof.memberships(here.state)[here.fleet.vserver_group.id]
    assert (NEIGHBOUR, 8080, 5, "ecs", "web") in group
    assert (NEIGHBOUR, 9999, 12, "ecs", "") in group
    assert (replacements(here)[0]["InstanceId"], 8080, 80, "ecs", "web") in group


def test_somebody_removed_the_source_already() -> None:
    """A place that an operator gave up by hand meanwhile is given to the replacement: the journal says what was."""
    here = stage()
    here.meanwhile("CreateImage", lambda: here.fleet.load_balancer.default_group.drop_server(SOURCE), only=1)
    here.rescues()


def test_stale_listing_of_a_released_server() -> None:
    """A released server that CLB still lists for a while does not keep the call from ending."""
    here = stage(settings={"SPOTKEEPER_STOP_SOURCE": "never"}, timeout=900, notice=12.0)
    here.cloud.slb.stale_seconds = 120.0
    here.finishes()
    here.advance(300)
    assert places(here, SOURCE) == 0


def test_the_large_case() -> None:
    """20 CLBs of 5 vServer groups, the source a member of 3: 200 API calls at most (189 when this was written)."""
    here = stage()
    balancers = [here.add_balancer(f"more-{number}") for number in range(19)]
    for balancer in balancers:
        for index in range(5):
            here.cloud.slb.add_vserver_group(balancer, f"g{index}").add(NEIGHBOUR, port=80)
    for index in range(4):
        here.cloud.slb.add_vserver_group(here.fleet.load_balancer, f"g{index}")
    balancers[-1].vserver_groups[2].add(SOURCE, port=443, weight=9)
    here.before = here.cloud.state()
    assert len(here.rescues()["memberships"]) == 3
    assert len(here.calls()) <= 200
