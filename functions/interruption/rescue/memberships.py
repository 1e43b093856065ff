"""The source's places behind CLB: found, set to weight 0, given up, and taken by the replacement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

from rescue.facts import Facts
from rescue.source import look_if_stale
from rescue.tools import Tools
from spotkeeper.backend_servers import (
    Membership,
    add_members,
    list_group,
    remove_members,
    set_weights,
    unless_group_is_gone,
)
from spotkeeper.clients import items
from spotkeeper.clock import Deadline
from spotkeeper.errors import DeadlineReached
from spotkeeper.instances import Described

DRAIN_SHARE = 5
"""Of what is left of the notice the drain may take one in so many parts."""


class Search:
    """Looks through every CLB of the region; can be interrupted and taken up again.

    ``DescribeLoadBalancers(ServerId)`` is not used: whether it finds a server that is only in a vServer group is
    documented nowhere.
    """

    def __init__(self, tools: Tools, server_ids: frozenset[str]) -> None:
        self._tools = tools
        self._server_ids = server_ids
        self._load_balancers: list[str] | None = None
        self._by_load_balancer: dict[str, list[Membership]] = {}
        self.warnings: list[str] = []

    def run(self, until: Deadline) -> tuple[Membership, ...]:
        """All memberships. Raises ``CloudError`` or ``DeadlineReached``; what was found is kept for the next run."""
        if self._load_balancers is None:
            pages = self._tools.slb.pages("DescribeLoadBalancers", "CLBs of the region", {}, until=until)
            found = [one for page in pages for one in items(page, "LoadBalancers", "LoadBalancer")]
            self._load_balancers = list(dict.fromkeys(str(one["LoadBalancerId"]) for one in found))
        for load_balancer in self._load_balancers:
            if load_balancer not in self._by_load_balancer:
                if until.remaining() <= 0:
                    raise DeadlineReached("the search for memberships takes longer than it may")
                self._by_load_balancer[load_balancer] = list(self._members(load_balancer, until))
        return tuple(one for load_balancer in self._load_balancers for one in self._by_load_balancer[load_balancer])

    def _members(self, load_balancer: str, until: Deadline) -> Iterator[Membership]:
        yield from self._own(list_group(self._tools.slb, (load_balancer, ""), until))
        body = self._tools.slb.call(
            "DescribeVServerGroups", load_balancer, {"LoadBalancerId": load_balancer}, until=until
        )
        for group in items(body, "VServerGroups", "VServerGroup"):
            yield from self._own(list_group(self._tools.slb, (load_balancer, str(group["VServerGroupId"])), until))
        self._report_master_slave_groups(load_balancer, until)

    def _own(self, members: Iterable[Membership]) -> Iterator[Membership]:
        return (member for member in members if member.server_id in self._server_ids)

    def _report_master_slave_groups(self, load_balancer: str, until: Deadline) -> None:
        """They have no API that adds or removes a server."""
        slb, key = self._tools.slb, "MasterSlaveServerGroupId"
        body = slb.call(
            "DescribeMasterSlaveServerGroups", load_balancer, {"LoadBalancerId": load_balancer}, until=until
        )
        for group in items(body, "MasterSlaveServerGroups", "MasterSlaveServerGroup"):
            attribute = slb.call(
                "DescribeMasterSlaveServerGroupAttribute", str(group[key]), {key: group[key]}, until=until
            )
            servers = items(attribute, "MasterSlaveBackendServers", "MasterSlaveBackendServer")
            for server in servers:
                if server.get("ServerId") in self._server_ids:
                    self.warnings.append(
                        f"master/slave group {group[key]} of {load_balancer} (port {server.get('Port')}, "
                        f"{server.get('ServerType')}): no API changes such a group; recreate it with the replacement"
                    )


def find(tools: Tools, facts: Facts, search: Search, until: Deadline) -> Facts:
    """Find every membership and record it, before the first weight is changed. What the journal has already, stands."""
    found = [asdict(one) for one in search.run(until)]
    facts = look_if_stale(tools, facts)
    document = {"memberships": found, "warnings": search.warnings}
    if facts.gone:
        document["warnings"] = [
            *search.warnings,
            "the memberships were looked for after the release: they may be incomplete",
        ]
    return recall(facts, tools.episode.record("memberships", document))


def recall(facts: Facts, record: Described) -> Facts:
    """Memberships as the journal has them."""
    members = tuple(Membership(**one) for one in record.get("memberships", ()))
    return facts.but(memberships=members).warn(*record.get("warnings", ()))


def server_ids(source: Described | None, instance_id: str) -> frozenset[str]:
    """Under which ids the source can be a member: its own and its network cards'."""
    interfaces = ((source or {}).get("NetworkInterfaces") or {}).get("NetworkInterface") or []
    return frozenset({instance_id, *(str(one.get("NetworkInterfaceId")) for one in interfaces)})


def drain(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """Weight 0 in every group, and the journal knows since when (the API ignores members that are gone)."""
    set_weights(tools.slb, [replace(member, weight=0) for member in facts.memberships or ()], until)
    tools.episode.record("drained", {"at": tools.clock.now()})
    return facts.but(drained=True)


def wait_drain(tools: Tools, facts: Facts) -> Facts:
    """Give in-flight requests their time: the setting, but never more than a fifth of what is left of the notice."""
    now = tools.clock.now()
    drained_at = float(tools.episode.records.get("drained", {}).get("at", now))
    patience = min(tools.settings.drain_seconds, max(0.0, facts.notice_end - now) / DRAIN_SHARE)
    tools.clock.sleep(min(drained_at + patience - now, tools.deadline.remaining()))
    return facts.but(drain_waited=True)


def remove(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """Out of every group: exactly what was found, then list again and believe the list, not the answer."""
    left = remove_members(tools.slb, facts.memberships or (), until)
    return facts.but(removed=True).warn(*(_still_there(member) for member in left))


def _still_there(member: Membership) -> str:
    return (
        f"{member.server_id} is still listed in {member.place}: "
        "CLB does not remove a server that does not run, and drops it when it is released"
    )


def return_replacement(tools: Tools, facts: Facts) -> Facts:
    """The replacement into the source's groups, with ports, weights and descriptions; then list again."""
    own = [member for member in facts.memberships or () if member.server_id == tools.instance_id]
    cards = [member for member in facts.memberships or () if member.server_id != tools.instance_id]
    lost = [f"place of network card {one.server_id} in {one.place}" for one in cards]
    places = [replace(member, server_id=facts.replacement_id, server_ip="") for member in own]
    lost += add_members(tools.slb, places, tools.deadline, nowhere_yet=facts.launched_here)
    tools.episode.record("serving", {"at": tools.clock.now()})
    return facts.but(returned=True, not_carried=tuple(dict.fromkeys((*facts.not_carried, *lost))))


def ask_health(tools: Tools, facts: Facts) -> Facts:
    """What the health checks say of the replacement, once: ``unavailable`` (not finished yet) is reported as it is."""
    health: dict[str, str] = {}
    for load_balancer in dict.fromkeys(member.load_balancer_id for member in facts.memberships or ()):
        body: dict[str, Any] = {}
        with unless_group_is_gone():
            body = tools.slb.call("DescribeHealthStatus", load_balancer, {"LoadBalancerId": load_balancer})
        for server in items(body, "BackendServers", "BackendServer"):
            if server.get("ServerId") == facts.replacement_id:
                place = f"{load_balancer} listener {server.get('ListenerPort')} port {server.get('Port')}"
                health[place] = str(server.get("ServerHealthStatus"))
    abnormal = [f"health check of {place}: {status}" for place, status in health.items() if status == "abnormal"]
    return facts.but(health_asked=True, health=tuple(health.items())).warn(*abnormal)
