"""The source's places behind CLB: found, set to weight 0, given up, and taken by the replacement.

One CLB serialises its changes, so everything here goes one call after the other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import groupby
from typing import Any

from rescue.facts import Facts, Membership
from rescue.tools import Tools
from spotkeeper.clients import Api, items
from spotkeeper.clock import Deadline
from spotkeeper.errors import CloudError, DeadlineReached, RescueFailed
from spotkeeper.instances import Described
from spotkeeper.retry import RetryPolicy, passes_by_itself

CONFIGURING = RetryPolicy(
    conflicts=frozenset(
        {
            "ServiceIsConfiguring",
            "VServerGroupProcessing",
            "OperationBusy",
            "ProcessingSameRequest",
            "RspoolVipExist",
            "BackendServer.configuring",
            "ServiceIsStopping",
            "SystemBusy",
            "OperationConflict",
            "LastTokenProcessing",
            "OperationFailed.ListenerStatusNotSupport",
            "OperationFailed.TokenIsProcessing",
        }
    )
)
"""A CLB that is busy with an earlier change (common error codes of CLB)."""

ADDING = replace(CONFIGURING, repeatable=False)
"""Adding what is there already is refused, so an unanswered AddBackendServers is looked into before it is repeated."""

GROUP_GONE = frozenset(
    {"InvalidLoadBalancerId.NotFound", "InvalidVServerGroupId.NotFound", "InvalidParameter.VServerGroupId"}
)
NOT_RUNNING = "ObtainIpFail"
CHUNK = 20
TRIES = 5
LIST_PAUSE = 1.0


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


def list_group(slb: Api, group: tuple[str, str], until: Deadline | None = None) -> list[Membership]:
    """All members of one group as they are now; none where the group does not exist any more."""
    load_balancer, vserver_group = group
    action, key = (
        ("DescribeVServerGroupAttribute", "VServerGroupId")
        if vserver_group
        else ("DescribeLoadBalancerAttribute", "LoadBalancerId")
    )
    resource = vserver_group or load_balancer
    body: dict[str, Any] = {}
    with _unless_group_is_gone():
        body = slb.call(action, resource, {key: resource}, until=until)
    return [
        _membership(load_balancer, vserver_group, server) for server in items(body, "BackendServers", "BackendServer")
    ]


@contextmanager
def _unless_group_is_gone() -> Iterator[None]:
    """A group or CLB that was deleted meanwhile needs nothing any more."""
    try:
        yield
    except CloudError as error:
        if not _group_is_gone(error):
            raise


def _group_is_gone(error: CloudError) -> bool:
    return error.code in GROUP_GONE or (error.status == 404 and "does not exist" in error.detail)  # noqa: PLR2004 - HTTP


def _membership(load_balancer: str, vserver_group: str, server: Described) -> Membership:
    port = server.get("Port")
    return Membership(
        load_balancer_id=load_balancer,
        vserver_group_id=vserver_group,
        server_id=str(server.get("ServerId") or ""),
        port=int(port) if vserver_group and port is not None else None,
        weight=int(server.get("Weight") or 0),
        type=str(server.get("Type") or "ecs"),
        server_ip=str(server.get("ServerIp") or ""),
        description=str(server.get("Description") or ""),
    )


def find(tools: Tools, facts: Facts, search: Search, until: Deadline) -> Facts:
    """Find every membership and record it, before the first weight is changed. What the journal has already, stands."""
    found = [asdict(one) for one in search.run(until)]
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
    for members in _by_group(facts.memberships or ()):
        for chunk in _chunks([replace(member, weight=0) for member in members]):
            with _unless_group_is_gone():
                _change(tools.slb, "Set", chunk, CONFIGURING, until)
    tools.episode.record("drained", {"at": tools.clock.now()})
    return facts.but(drained=True)


def wait_drain(tools: Tools, facts: Facts) -> Facts:
    """Give in-flight requests their time: the setting, but never more than a fifth of what is left of the notice."""
    now = tools.clock.now()
    drained_at = float(tools.episode.records.get("drained", {}).get("at", now))
    patience = min(tools.settings.drain_seconds, max(0.0, facts.notice_end - now) / 5)
    tools.clock.sleep(min(drained_at + patience - now, tools.deadline.remaining()))
    return facts.but(drain_waited=True)


def remove(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """Out of every group: exactly what was found, then list again and believe the list, not the answer."""
    left: list[Membership] = []
    for members in _by_group(facts.memberships or ()):
        left += _remove_from_group(tools, members, until)
    return facts.but(removed=True).warn(*(_still_there(member) for member in left))


def _remove_from_group(tools: Tools, members: list[Membership], until: Deadline) -> list[Membership]:
    """The members that are still listed afterwards."""
    group = members[0].group
    for _ in range(TRIES):
        try:
            for chunk in _chunks(members):
                _change(tools.slb, "Remove", chunk, CONFIGURING, until)
        except CloudError as error:
            # Stopped or released: the API cannot remove it any more. CLB drops a released server by itself.
            if error.code != NOT_RUNNING and not _group_is_gone(error):
                raise
            return _listed(members, list_group(tools.slb, group, until))
        members = _listed(members, list_group(tools.slb, group, until))
        if not members:
            return []
        tools.clock.sleep(LIST_PAUSE)
    raise RescueFailed(
        f"{members[0].server_id} is still in {members[0].where} although its removal was accepted {TRIES} times: "
        "remove it there by hand; nothing else is in danger"
    )


def _still_there(member: Membership) -> str:
    return (
        f"{member.server_id} is still listed in {member.where} (port {member.port}): "
        "CLB does not remove a server that does not run, and drops it when it is released"
    )


def return_replacement(tools: Tools, facts: Facts) -> Facts:
    """The replacement into the source's groups, with ports, weights and descriptions; then list again."""
    own = [member for member in facts.memberships or () if member.server_id == tools.instance_id]
    cards = [member for member in facts.memberships or () if member.server_id != tools.instance_id]
    lost = [f"place of network card {one.server_id} in {one.where} (port {one.port})" for one in cards]
    for members in _by_group(own):
        places = [replace(member, server_id=facts.replacement_id, server_ip="") for member in members]
        lost += _add_to_group(tools, places, nowhere_yet=facts.launched_here)
    tools.episode.record("serving", {"at": tools.clock.now()})
    return facts.but(returned=True, not_carried=tuple(dict.fromkeys((*facts.not_carried, *lost))))


def _add_to_group(tools: Tools, members: list[Membership], *, nowhere_yet: bool) -> list[str]:
    """Add what is missing until the list shows all of it; what cannot be had any more is returned in words.

    Only a server that this call has just launched need not be looked for first.
    """
    refusal: CloudError | None = None
    missing = members if nowhere_yet else _missing(tools, members)
    for _ in range(TRIES):
        if not missing:
            return []
        try:
            for chunk in _chunks(missing):
                _change(tools.slb, "Add", chunk, ADDING, None)
        except CloudError as error:
            if _group_is_gone(error):
                return [f"place in {members[0].where}: the group was deleted meanwhile"]
            # No answer, or a refusal because a call side by side has added it: the list tells. Twice the same is final.
            if refusal is not None and refusal.code == error.code and not passes_by_itself(error):
                raise
            refusal = error
            tools.clock.sleep(LIST_PAUSE)
        missing = _missing(tools, members)
    raise refusal or RescueFailed(
        f"{members[0].server_id} does not appear in {members[0].where} although adding it was accepted: add it by "
        f"hand, port {members[0].port}, weight {members[0].weight}"
    )


def _missing(tools: Tools, members: Sequence[Membership]) -> list[Membership]:
    listed = list_group(tools.slb, members[0].group)
    return [member for member in members if not _same_place(member, listed)]


def _same_place(member: Membership, listed: Sequence[Membership]) -> bool:
    return any(one.server_id == member.server_id and one.port == member.port for one in listed)


def _listed(members: Sequence[Membership], listed: Sequence[Membership]) -> list[Membership]:
    return [member for member in members if _same_place(member, listed)]


def ask_health(tools: Tools, facts: Facts) -> Facts:
    """What the health checks say of the replacement, once: ``unavailable`` (not finished yet) is reported as it is."""
    health: dict[str, str] = {}
    for load_balancer in dict.fromkeys(member.load_balancer_id for member in facts.memberships or ()):
        body: dict[str, Any] = {}
        with _unless_group_is_gone():
            body = tools.slb.call("DescribeHealthStatus", load_balancer, {"LoadBalancerId": load_balancer})
        for server in items(body, "BackendServers", "BackendServer"):
            if server.get("ServerId") == facts.replacement_id:
                place = f"{load_balancer} listener {server.get('ListenerPort')} port {server.get('Port')}"
                health[place] = str(server.get("ServerHealthStatus"))
    abnormal = [f"health check of {place}: {status}" for place, status in health.items() if status == "abnormal"]
    return facts.but(health_asked=True, health=tuple(health.items())).warn(*abnormal)


def _by_group(members: Iterable[Membership]) -> Iterator[list[Membership]]:
    ordered = sorted(members, key=lambda member: (member.group, member.server_id, member.port or 0))
    return (list(group) for _, group in groupby(ordered, key=lambda member: member.group))


def _chunks(members: list[Membership]) -> Iterator[list[Membership]]:
    return (members[start : start + CHUNK] for start in range(0, len(members), CHUNK))


OPERATIONS = {
    ("Set", False): "SetBackendServers",
    ("Set", True): "SetVServerGroupAttribute",
    ("Add", False): "AddBackendServers",
    ("Add", True): "AddVServerGroupBackendServers",
    ("Remove", False): "RemoveBackendServers",
    ("Remove", True): "RemoveVServerGroupBackendServers",
}


def _change(slb: Api, verb: str, members: list[Membership], policy: RetryPolicy, until: Deadline | None) -> None:
    """One write on one group with up to 20 of its members."""
    load_balancer, vserver_group = members[0].group
    key, resource = ("VServerGroupId", vserver_group) if vserver_group else ("LoadBalancerId", load_balancer)
    servers = json.dumps([_backend_server(member) for member in members])
    slb.call(
        OPERATIONS[verb, bool(vserver_group)],
        resource,
        {key: resource, "BackendServers": servers},
        retry=policy,
        until=until,
    )


def _backend_server(member: Membership) -> dict[str, Any]:
    """An element of ``BackendServers``. Real JSON with the documented keys, whatever else the API may swallow."""
    server: dict[str, Any] = {"ServerId": member.server_id, "Weight": str(member.weight), "Type": member.type}
    if member.port is not None:
        server["Port"] = str(member.port)
    if member.server_ip and member.type != "ecs":
        server["ServerIp"] = member.server_ip
    if member.description:
        server["Description"] = member.description
    return server
