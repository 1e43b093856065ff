"""The search for the source's memberships: every CLB of the region, each on its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rescue import succession
from rescue.tools import Tools
from spotkeeper.backend_servers import CONFIGURING, Membership, list_group, unless_group_is_gone
from spotkeeper.clients import items
from spotkeeper.clock import Deadline
from spotkeeper.episode import Episode
from spotkeeper.errors import CloudError
from spotkeeper.instances import Described
from spotkeeper.retry import passes_by_itself

MASTER_SLAVE_ID = "MasterSlaveServerGroupId"


class Search:
    """Looks through every CLB of the region; can be interrupted and taken up again where it stopped.

    ``DescribeLoadBalancers(ServerId)`` is not used: whether it finds a server that is only in a vServer group is
    documented nowhere.
    """

    def __init__(self, tools: Tools, server_ids: frozenset[str], launched_by: Episode | None = None) -> None:
        self._tools = tools
        self._server_ids = server_ids
        self._launched_by = launched_by
        self._load_balancers: tuple[str, ...] | None = None
        self._groups: dict[str, list[str]] = {}
        self._members: dict[tuple[str, str], list[Membership]] = {}
        self._searched: dict[str, None] = {}
        self._trusted: tuple[str, ...] = ()
        self.warnings: list[str] = []

    @property
    def searched(self) -> tuple[str, ...]:
        """The CLBs that were searched to the end, whenever that was."""
        return tuple(self._searched)

    @property
    def trusted(self) -> tuple[str, ...]:
        """What was searched to the end while the source stood, or does not go with it."""
        return tuple(dict.fromkeys((*self._trusted, *(one for one in self.creditors if one in self._searched))))

    def trust(self) -> None:
        """The source stood a moment ago: what was searched up to now was searched in time."""
        self._trusted = self.searched

    @property
    def found(self) -> tuple[Membership, ...]:
        """The source's memberships in what was searched up to now, also in CLBs that were not searched to the end."""
        return tuple(one for members in self._members.values() for one in members)

    @property
    def progress(self) -> int:
        """Grows with every group that was read."""
        return len(self._members) + len(self._groups) + len(self._searched)

    def load_balancers(self, until: Deadline) -> tuple[str, ...]:
        """The ids of all CLBs of the region. Raises ``CloudError``."""
        if self._load_balancers is None:
            pages = self._tools.slb.pages("DescribeLoadBalancers", "CLBs of the region", {}, until=until)
            found = [one for page in pages for one in items(page, "LoadBalancers", "LoadBalancer")]
            self._load_balancers = tuple(dict.fromkeys(str(one["LoadBalancerId"]) for one in found))
        return self._load_balancers

    @property
    def creditors(self) -> tuple[str, ...]:
        """The rescue whose replacement the source is, if there is one: what that still owes it is searched as well."""
        return () if self._launched_by is None else (self._launched_by.name,)

    def look_through(self, load_balancer: str, until: Deadline) -> None:
        """Search one CLB; what was read stays known when it raises ``CloudError`` and is asked for again.

        Raises ``RescueFailed`` where what a creditor owes cannot be told yet.
        """
        if self._launched_by is not None and load_balancer == self._launched_by.name:
            self._members[load_balancer, ""] = succession.owed(self._tools, self._launched_by)
            self._searched[load_balancer] = None
            return
        self._read((load_balancer, ""), until)
        if load_balancer not in self._groups:
            self._groups[load_balancer] = list(self._vserver_groups(load_balancer, until))
        for group in self._groups[load_balancer]:
            self._read((load_balancer, group), until)
        self._report_master_slave_groups(load_balancer, until)
        self._searched[load_balancer] = None

    def found_all(self, load_balancer: str) -> bool:
        """Whether the memberships in a CLB are all known, and only its master/slave groups may be left."""
        groups = self._groups.get(load_balancer)
        return groups is not None and all((load_balancer, one) in self._members for one in ("", *groups))

    def leave_out_report(self, load_balancer: str, error: Exception) -> None:
        """Look at the master/slave groups of a CLB no more: they are only reported."""
        self.warnings.append(f"master/slave groups of {load_balancer} were not looked at: {error}")
        self._searched[load_balancer] = None

    def _vserver_groups(self, load_balancer: str, until: Deadline) -> Iterator[str]:
        with unless_group_is_gone():
            parameters = {"LoadBalancerId": load_balancer}
            body = self._tools.slb.call("DescribeVServerGroups", load_balancer, parameters, until=until)
            yield from (str(one["VServerGroupId"]) for one in items(body, "VServerGroups", "VServerGroup"))

    def _read(self, group: tuple[str, str], until: Deadline) -> None:
        if group not in self._members:
            self._members[group] = list(self._own(list_group(self._tools.slb, group, until)))

    def _own(self, members: Iterable[Membership]) -> Iterator[Membership]:
        return (member for member in members if member.server_id in self._server_ids)

    def _report_master_slave_groups(self, load_balancer: str, until: Deadline) -> None:
        """They have no API that adds or removes a server: a refusal that stays costs the report, nothing else."""
        try:
            with unless_group_is_gone():
                self._report(load_balancer, until)
        except CloudError as error:
            if passes_by_itself(error, CONFIGURING):
                raise
            self.warnings.append(f"master/slave groups of {load_balancer} were not looked at: {error}")

    def _report(self, load_balancer: str, until: Deadline) -> None:
        slb = self._tools.slb
        body = slb.call(
            "DescribeMasterSlaveServerGroups", load_balancer, {"LoadBalancerId": load_balancer}, until=until
        )
        for group in items(body, "MasterSlaveServerGroups", "MasterSlaveServerGroup"):
            group_id = str(group[MASTER_SLAVE_ID])
            parameters = {MASTER_SLAVE_ID: group_id}
            attribute = slb.call("DescribeMasterSlaveServerGroupAttribute", group_id, parameters, until=until)
            for server in items(attribute, "MasterSlaveBackendServers", "MasterSlaveBackendServer"):
                self._report_member(load_balancer, group_id, server)

    def _report_member(self, load_balancer: str, group_id: str, server: Described) -> None:
        text = (
            f"master/slave group {group_id} of {load_balancer} (port {server.get('Port')}, "
            f"{server.get('ServerType')}): no API changes such a group; recreate it with the replacement"
        )
        if server.get("ServerId") in self._server_ids and text not in self.warnings:
            self.warnings.append(text)


def server_ids(source: Described | None, instance_id: str) -> frozenset[str]:
    """Under which ids the source can be a member: its own and its network cards'."""
    interfaces = ((source or {}).get("NetworkInterfaces") or {}).get("NetworkInterface") or []
    return frozenset({instance_id, *(str(one.get("NetworkInterfaceId")) for one in interfaces)})
