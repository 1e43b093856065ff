"""The CLB operations that change server groups.

One CLB takes one change at a time. A request is all or nothing: every element is checked before the first takes effect.
"""

from __future__ import annotations

from dataclasses import replace

from simulator.actions import Answer, Parameters, action, uncovered
from simulator.error_catalogue import refusal
from simulator.slb import refusals, views
from simulator.slb.backend_servers import parse
from simulator.slb.model import BackendServer, LoadBalancer, ServerGroup
from simulator.slb.registry import Registry
from simulator.wire import ApiError

_DEFAULT_ROW = ("ServerId", "Weight", "Type", "Description")
_VSERVER_ROW = ("ServerId", "Port", "Weight", "Type", "Description")


class Writes(Registry):
    """Set, add, remove: on the default group and on vServer groups."""

    @action("SetBackendServers")
    def set_backend_servers(self, p: Parameters) -> Answer:
        """Weights and descriptions of members of the default group; other servers are ignored."""
        balancer, servers = self.load_balancer(p), parse(p, "BackendServers", ported=False)
        with self.configuring(balancer):
            _set(balancer.default_group, servers)
        return self._default_answer(balancer, textual_weight=True)

    @action("AddBackendServers")
    def add_backend_servers(self, p: Parameters) -> Answer:
        """New members of the default group."""
        balancer, servers = self.load_balancer(p), parse(p, "BackendServers", ported=False)
        with self.configuring(balancer):
            self._add(balancer, balancer.default_group, servers)
        return self._default_answer(balancer, textual_weight=True)

    @action("RemoveBackendServers")
    def remove_backend_servers(self, p: Parameters) -> Answer:
        """Members of the default group leave; other servers are ignored."""
        balancer, servers = self.load_balancer(p), parse(p, "BackendServers", ported=False)
        with self.configuring(balancer):
            self._remove(balancer.default_group, servers)
        return self._default_answer(balancer, textual_weight=False)

    @action("SetVServerGroupAttribute")
    def set_vserver_group_attribute(self, p: Parameters) -> Answer:
        """The name, and weights and descriptions of the listed members; the others stay as they are."""
        balancer, group = self.vserver_group(p)
        servers = parse(p, "BackendServers", ported=True) if "BackendServers" in p else []
        with self.configuring(balancer):
            _set(group, servers)
            group.name = p.get("VServerGroupName", group.name)
        rows = views.rows(group, *_VSERVER_ROW)
        return {
            "VServerGroupId": group.id,
            "VServerGroupName": group.name,
            **self.container("BackendServers", "BackendServer", rows),
        }

    @action("AddVServerGroupBackendServers")
    def add_vserver_group_backend_servers(self, p: Parameters) -> Answer:
        """New members of a vServer group."""
        balancer, group = self.vserver_group(p)
        servers = parse(p, "BackendServers", ported=True)
        with self.configuring(balancer):
            self._add(balancer, group, servers)
        rows = views.rows(group, *_VSERVER_ROW)
        return {"VServerGroupId": group.id, **self.container("BackendServers", "BackendServer", rows)}

    @action("RemoveVServerGroupBackendServers")
    def remove_vserver_group_backend_servers(self, p: Parameters) -> Answer:
        """Members of a vServer group leave; other servers are ignored."""
        balancer, group = self.vserver_group(p)
        servers = parse(p, "BackendServers", ported=True)
        with self.configuring(balancer):
            self._remove(group, servers)
        rows = views.rows(group, "ServerId", "Port", "Weight", "Type")
        return {"VServerGroupId": group.id, **self.container("BackendServers", "BackendServer", rows)}

    @action("ModifyVServerGroupBackendServers")
    def modify_vserver_group_backend_servers(self, p: Parameters) -> Answer:
        """Old members leave and new ones come, in one step."""
        balancer, group = self.vserver_group(p)
        old = parse(p, "OldBackendServers", ported=True) if "OldBackendServers" in p else []
        new = parse(p, "NewBackendServers", ported=True) if "NewBackendServers" in p else []
        with self.configuring(balancer):
            before = group.members
            self._remove(group, old)
            try:
                self._add(balancer, group, new)
            except ApiError:
                group.members = before
                raise
        rows = views.rows(group, *_VSERVER_ROW)
        return {"VServerGroupId": group.id, **self.container("BackendServers", "BackendServer", rows)}

    def _default_answer(self, balancer: LoadBalancer, *, textual_weight: bool) -> Answer:
        """Weight is a string in the answers of Add and Set, a number in that of Remove (the SDK's models)."""
        rows = views.rows(balancer.default_group, *_DEFAULT_ROW)
        if textual_weight:
            rows = [{**row, "Weight": str(row["Weight"])} for row in rows]
        return {"LoadBalancerId": balancer.id, **self.container("BackendServers", "BackendServer", rows)}

    def _add(self, balancer: LoadBalancer, group: ServerGroup, servers: list[BackendServer]) -> None:
        for server in servers:
            self._require_attachable(balancer, server)
            if group.find(server.key) is not None:
                raise refusals.already_attached()
        now = self.cloud.clock.now()
        group.members.extend(replace(server, added_at=now) for server in servers)

    def _require_attachable(self, balancer: LoadBalancer, server: BackendServer) -> None:
        if server.type != "ecs":
            raise uncovered(f"adding a backend server of type {server.type}")
        instance = self.cloud.ecs.instances.get(server.server_id)
        if instance is None or instance.region != balancer.region:
            raise refusal("InvalidServerId.NotFound")
        if instance.status != "Running":
            raise refusal("ObtainIpFail")
        if balancer.vpc_id:
            if instance.vpc_id != balancer.vpc_id:
                raise refusal("NetworkConflict")
        elif self._member_vpcs(balancer) - {instance.vpc_id}:
            raise refusal("InvalidBackendServers.Inconsistent")

    def _member_vpcs(self, balancer: LoadBalancer) -> set[str]:
        known = self.cloud.ecs.instances
        members = [member.server_id for group in balancer.groups for member in group]
        return {known[server_id].vpc_id for server_id in members if server_id in known}

    def _remove(self, group: ServerGroup, servers: list[BackendServer]) -> None:
        """Both Remove operations refuse servers that are gone or not running (reported for Terraform).

        Whether that also holds for a server that is not a member is unknown: it does here.
        """
        for server in servers:
            instance = self.cloud.ecs.instances.get(server.server_id)
            if server.type == "ecs" and (instance is None or instance.status != "Running"):
                raise refusal("ObtainIpFail")
        group.remove({server.key for server in servers})


def _set(group: ServerGroup, servers: list[BackendServer]) -> None:
    """The description is set too, so an element without a description clears it: no document says that it stays."""
    for server in servers:
        member = group.find(server.key)
        if member is not None:
            member.weight = server.weight
            member.description = server.description
