"""Classic Load Balancer (CLB): a default group without ports, vServer groups, and master/slave groups.

A CLB serialises its changes, so calls are never made side by side.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from spotkeeper.clients import Api, items
from spotkeeper.clock import Deadline
from spotkeeper.errors import CloudError
from spotkeeper.instances import Described
from spotkeeper.load_balancers.membership import Group, Health, Membership
from spotkeeper.load_balancers.product import Change, LoadBalancer, Once
from spotkeeper.retry import RetryPolicy

BUSY = frozenset(
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
"""A CLB that is busy with an earlier change (common error codes of CLB)."""
GONE = frozenset(
    {"InvalidLoadBalancerId.NotFound", "InvalidVServerGroupId.NotFound", "InvalidParameter.VServerGroupId"}
)
HEALTHY = {"normal": True, "abnormal": False}
LB = "LoadBalancerId"
SERVERS = ("BackendServers", "BackendServer")
LISTENERS = ("ListenerPortsAndProtocol", "ListenerPortAndProtocol")
WITHOUT_MASTER_SLAVE = frozenset({"http", "https"})
"""Protocols of listeners that take no master/slave group (document "CLB server groups": TCP and UDP only).

A CLB without another listener sends no request to such a group.
"""
OPERATIONS = {
    ("Set", True): "SetBackendServers",
    ("Set", False): "SetVServerGroupAttribute",
    ("Add", True): "AddBackendServers",
    ("Add", False): "AddVServerGroupBackendServers",
    ("Remove", True): "RemoveBackendServers",
    ("Remove", False): "RemoveVServerGroupBackendServers",
}
"""By verb, and whether the group is the default group."""


class Clb(LoadBalancer):
    """A scope is a CLB.

    ``DescribeLoadBalancers(ServerId)`` is not used: no document says whether it finds a server that is only in a
    vServer group.
    """

    name = "clb"
    retry = RetryPolicy(conflicts=BUSY)
    gone = GONE
    stopped = frozenset({"ObtainIpFail"})
    batch = 20
    types = ("ecs", "eni")
    unchanged = "master/slave groups"

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self._protocols: dict[str, set[str]] = {}

    def scopes(self, until: Deadline) -> list[str]:
        pages = self.api.pages("DescribeLoadBalancers", "CLBs of the region", {}, until=until)
        return [str(clb["LoadBalancerId"]) for page in pages for clb in items(page, "LoadBalancers", "LoadBalancer")]

    def find(self, scope: str, _: frozenset[str], once: Once, until: Deadline) -> Iterator[Membership]:
        yield from once(scope, lambda: self.list_group(("clb", scope, ""), until))
        path = ("VServerGroups", "VServerGroup")
        groups = once(f"{scope} groups", lambda: self._read("DescribeVServerGroups", LB, scope, path, until))
        for group in [("clb", scope, str(vserver_group["VServerGroupId"])) for vserver_group in groups]:
            yield from once(group[2], functools.partial(self.list_group, group, until))

    def report(self, scope: str, server_ids: frozenset[str], until: Deadline) -> Iterator[str]:
        if self._protocols.get(scope, {"unknown"}) <= WITHOUT_MASTER_SLAVE:
            return
        key, path = "MasterSlaveServerGroupId", ("MasterSlaveServerGroups", "MasterSlaveServerGroup")
        for group in self._read("DescribeMasterSlaveServerGroups", LB, scope, path, until):
            path = ("MasterSlaveBackendServers", "MasterSlaveBackendServer")
            members = self._read("DescribeMasterSlaveServerGroupAttribute", key, str(group[key]), path, until)
            for server in (server for server in members if server.get("ServerId") in server_ids):
                yield (
                    f"master/slave group {group[key]} of {scope} (port {server.get('Port')}, "
                    f"{server.get('ServerType')}): no API changes such a group; recreate it with the replacement"
                )

    def list_group(self, group: Group, until: Deadline) -> list[Membership]:
        action = "DescribeVServerGroupAttribute" if group[2] else "DescribeLoadBalancerAttribute"
        answer = self._answer(action, *_id(group), until)
        if LISTENERS[0] in answer:
            listeners = items(answer, *LISTENERS)
            self._protocols[group[1]] = {str(listener.get("ListenerProtocol")).lower() for listener in listeners}
        return [_membership(group, server) for server in items(answer, *SERVERS)]

    def health(self, members: list[Membership], until: Deadline) -> list[Health]:
        scope, found = members[0].scope, []
        for server in self._read("DescribeHealthStatus", LB, scope, SERVERS, until):
            check = f"{scope} listener {server.get('ListenerPort')} port {server.get('Port')}"
            status = str(server.get("ServerHealthStatus"))
            found.append(Health(str(server.get("ServerId")), check, status, HEALTHY.get(status)))
        return found

    def _read(self, action: str, key: str, resource: str, path: Sequence[str], until: Deadline) -> list[dict[str, Any]]:
        """The list at ``path`` of the answer about a resource; empty where it was deleted."""
        return items(self._answer(action, key, resource, until), *path)

    def _answer(self, action: str, key: str, resource: str, until: Deadline) -> dict[str, Any]:
        """The answer about a resource; empty where it was deleted."""
        try:
            return self.api.call(action, resource, {key: resource}, until=until)
        except CloudError as error:
            if not self.is_gone(error):
                raise
            return {}

    def is_gone(self, error: CloudError) -> bool:
        no_group = error.code == "InvalidParameter" and "ServerGroupId does not exist" in error.detail
        return no_group or super().is_gone(error)

    def change(self, verb: Change, members: list[Membership], until: Deadline) -> None:
        key, resource = _id(members[0].group)
        action = OPERATIONS[verb, key == LB]
        servers = json.dumps([_backend_server(member) for member in members])
        # CLB refuses to add a member twice, so the caller looks before it repeats an unanswered Add.
        retry = replace(self.retry, repeatable=verb != "Add")
        self.api.call(action, resource, {key: resource, "BackendServers": servers}, retry=retry, until=until)


def _id(group: Group) -> tuple[str, str]:
    """The parameter that names a group, and its value."""
    return ("VServerGroupId", group[2]) if group[2] else (LB, group[1])


def _membership(group: Group, server: Described) -> Membership:
    port = server.get("Port")
    return Membership(
        *group,
        server_id=str(server.get("ServerId") or ""),
        port=int(port) if group[2] and port is not None else None,
        weight=int(server.get("Weight") or 0),
        type=str(server.get("Type") or "ecs"),
        server_ip=str(server.get("ServerIp") or ""),
        description=str(server.get("Description") or ""),
    )


def _backend_server(member: Membership) -> dict[str, Any]:
    """An element of ``BackendServers``: JSON with the documented keys."""
    server: dict[str, Any] = {"ServerId": member.server_id, "Weight": str(member.weight), "Type": member.type}
    if member.port is not None:
        server["Port"] = str(member.port)
    if member.server_ip and member.type != "ecs":
        server["ServerIp"] = member.server_ip
    if member.description:
        server["Description"] = member.description
    return server
