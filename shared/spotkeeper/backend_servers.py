"""The members of CLB groups: listed, weighed, added and removed.

One CLB serialises its changes, so everything here goes one call after the other. After a write the list is believed,
not the answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from spotkeeper.clients import Api, items
from spotkeeper.clock import Deadline
from spotkeeper.errors import CloudError, RescueFailed
from spotkeeper.instances import Described
from spotkeeper.retry import RetryPolicy, is_throttling, passes_by_itself

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


@dataclass(frozen=True)
class Membership:
    """One entry of the source in one CLB group. The default group has no ``port`` and no ``vserver_group_id``."""

    load_balancer_id: str
    vserver_group_id: str
    server_id: str
    port: int | None
    weight: int
    type: str = "ecs"
    server_ip: str = ""
    description: str = ""

    @property
    def group(self) -> tuple[str, str]:
        """What it is a member of: (CLB, vServer group or empty)."""
        return (self.load_balancer_id, self.vserver_group_id)

    @property
    def where(self) -> str:
        """The group's name for messages."""
        return self.vserver_group_id or f"default group of {self.load_balancer_id}"

    @property
    def place(self) -> str:
        """The group and, where it has one, the port."""
        return self.where if self.port is None else f"{self.where} port {self.port}"

    @property
    def shown(self) -> dict[str, Any]:
        """As the answers have it."""
        return {
            "product": "clb",
            "load_balancer_id": self.load_balancer_id,
            "vserver_group_id": self.vserver_group_id or None,
            "server_id": self.server_id,
            "port": self.port,
            "weight": self.weight,
            "description": self.description,
        }


def list_group(slb: Api, group: tuple[str, str], until: Deadline) -> list[Membership]:
    """All members of one group as they are now; none where the group does not exist any more."""
    load_balancer, vserver_group = group
    action, key = (
        ("DescribeVServerGroupAttribute", "VServerGroupId")
        if vserver_group
        else ("DescribeLoadBalancerAttribute", "LoadBalancerId")
    )
    resource = vserver_group or load_balancer
    body: dict[str, Any] = {}
    with unless_group_is_gone():
        body = slb.call(action, resource, {key: resource}, until=until)
    return [
        _membership(load_balancer, vserver_group, server) for server in items(body, "BackendServers", "BackendServer")
    ]


@contextmanager
def unless_group_is_gone() -> Iterator[None]:
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


def set_weights(slb: Api, members: Iterable[Membership], until: Deadline) -> None:
    """Give each member its ``weight``; what its owner has removed meanwhile, member or group, needs none any more."""
    for group in by_group(members):
        for chunk in _chunks(group):
            with unless_group_is_gone():
                _set_weights_of(slb, chunk, until)


def _set_weights_of(slb: Api, members: list[Membership], until: Deadline) -> None:
    try:
        _change(slb, "Set", members, CONFIGURING, until)
    except CloudError as error:
        if passes_by_itself(error, CONFIGURING) or _group_is_gone(error):
            raise
        # A member that has left the group already may make the API refuse all of the call: the list tells.
        listed = _listed(members, list_group(slb, members[0].group, until))
        if len(listed) == len(members):
            raise
        if listed:
            _change(slb, "Set", listed, CONFIGURING, until)


def remove_from_group(slb: Api, members: list[Membership], until: Deadline) -> list[Membership]:
    """Remove exactly these members of one group; returns those still listed, because their server runs no more."""
    group = members[0].group
    for _ in range(TRIES):
        try:
            for chunk in _chunks(members):
                _change(slb, "Remove", chunk, CONFIGURING, until)
        except CloudError as error:
            if passes_by_itself(error, CONFIGURING):
                raise
            left = _listed(members, list_group(slb, group, until))
            # Stopped or released: the API cannot remove it any more. CLB drops a released server by itself.
            if left and error.code != NOT_RUNNING and not _group_is_gone(error):
                raise
            return left
        members = _listed(members, list_group(slb, group, until))
        if not members:
            return []
        until.clock.sleep(LIST_PAUSE)
    raise RescueFailed(
        f"{members[0].server_id} is still in {members[0].where} although its removal was accepted {TRIES} times: "
        "remove it there by hand; nothing else is in danger"
    )


def add_members(slb: Api, members: Iterable[Membership], until: Deadline, *, nowhere_yet: bool = False) -> list[str]:
    """Add what is missing until the lists show all of it; what cannot be had any more is returned in words.

    ``nowhere_yet``: the server was just launched by this very call, so that it need not be looked for first.
    """
    return [lost for group in by_group(members) for lost in add_to_group(slb, group, until, nowhere_yet=nowhere_yet)]


def add_to_group(slb: Api, members: list[Membership], until: Deadline, *, nowhere_yet: bool) -> list[str]:
    """``add_members`` for the members of one group."""
    refusal: CloudError | None = None
    missing = members if nowhere_yet else _missing(slb, members, until)
    for _ in range(TRIES):
        if not missing:
            return []
        try:
            for chunk in _chunks(missing):
                _change(slb, "Add", chunk, ADDING, until)
        except CloudError as error:
            if _group_is_gone(error):
                return [f"place in {members[0].where}: the group was deleted meanwhile"]
            if error.code in ADDING.conflicts or is_throttling(error):
                raise
            # No answer, or a refusal because a call side by side has added it: the list tells. Twice the same is final.
            if refusal is not None and refusal.code == error.code and not passes_by_itself(error):
                raise
            refusal = error
            until.clock.sleep(LIST_PAUSE)
        missing = _missing(slb, members, until)
    raise refusal or RescueFailed(
        f"{members[0].server_id} does not appear in {members[0].where} although adding it was accepted: add it by "
        f"hand, port {members[0].port}, weight {members[0].weight}"
    )


def _missing(slb: Api, members: Sequence[Membership], until: Deadline) -> list[Membership]:
    listed = list_group(slb, members[0].group, until)
    return [member for member in members if not _same_place(member, listed)]


def _same_place(member: Membership, listed: Sequence[Membership]) -> bool:
    return any(one.server_id == member.server_id and one.port == member.port for one in listed)


def _listed(members: Sequence[Membership], listed: Sequence[Membership]) -> list[Membership]:
    return [member for member in members if _same_place(member, listed)]


def by_group(members: Iterable[Membership]) -> Iterator[list[Membership]]:
    """The members group by group."""
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


def _change(slb: Api, verb: str, members: list[Membership], policy: RetryPolicy, until: Deadline) -> None:
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
