"""The CLB operations that look into load balancers: groups, members, listeners, health."""

from __future__ import annotations

import re
from typing import Any

from simulator.actions import Answer, Parameters, action, invalid
from simulator.error_catalogue import refusal
from simulator.slb import refusals, views
from simulator.slb.listing import Lists
from simulator.slb.model import BackendServer, Listener, LoadBalancer, MasterSlaveServerGroup


class Describes(Lists):
    """Default, vServer and master/slave groups, listeners, and the health of the servers behind these."""

    @action("DescribeLoadBalancerAttribute")
    def describe_load_balancer_attribute(self, p: Parameters) -> Answer:
        """One CLB with its default group (members without a port) and its listeners' ports."""
        balancer = self.load_balancer(p)
        members = views.rows(balancer.default_group, "ServerId", "Weight", "Type", "ServerIp", "Description")
        ports = [{"ListenerPort": it.port, "ListenerProtocol": it.protocol} for it in balancer.listeners]
        return {
            **views.load_balancer(balancer),
            "ListenerPorts": {"ListenerPort": [it.port for it in balancer.listeners]},
            "ListenerPortsAndProtocol": {"ListenerPortAndProtocol": ports},
            **self.container("BackendServers", "BackendServer", members),
        }

    @action("DescribeVServerGroups")
    def describe_vserver_groups(self, p: Parameters) -> Answer:
        """The vServer groups of a CLB, without their servers; ServerCount is "not open by default" and left out."""
        balancer = self.load_balancer(p)
        listeners, rules, name = p.bool("IncludeListener"), p.bool("IncludeRule"), p.get("Description")
        rows = []
        for group in balancer.vserver_groups:
            row: dict[str, Any] = {
                "VServerGroupId": group.id,
                "VServerGroupName": group.name,
                "CreateTime": views.time_text(group.created_at),
            }
            associated = views.associated_listeners(balancer, group) if listeners else {}
            associated |= {"Rules": {"Rule": []}} if rules else {}
            if name in (None, group.name):
                rows.append({**row, "AssociatedObjects": associated} if associated else row)
        return self.container("VServerGroups", "VServerGroup", rows)

    @action("DescribeVServerGroupAttribute")
    def describe_vserver_group_attribute(self, p: Parameters) -> Answer:
        """One vServer group with its members."""
        balancer, group = self.vserver_group(p)
        members = views.rows(group, "ServerId", "Port", "Weight", "Type", "ServerIp", "Description")
        return {
            "VServerGroupId": group.id,
            "VServerGroupName": group.name,
            "LoadBalancerId": balancer.id,
            "CreateTime": views.time_text(group.created_at),
            **self.container("BackendServers", "BackendServer", members),
        }

    @action("DescribeMasterSlaveServerGroups")
    def describe_master_slave_server_groups(self, p: Parameters) -> Answer:
        """The master/slave groups of a CLB, without their servers."""
        balancer = self.load_balancer(p)
        listeners, name = p.bool("IncludeListener"), p.get("Description")
        rows = []
        for group in balancer.master_slave_groups:
            row = _master_slave_head(group)
            if listeners:
                row["AssociatedObjects"] = views.associated_listeners(balancer, group)
            if name in (None, group.name):
                rows.append(row)
        return self.container("MasterSlaveServerGroups", "MasterSlaveServerGroup", rows)

    @action("DescribeMasterSlaveServerGroupAttribute")
    def describe_master_slave_server_group_attribute(self, p: Parameters) -> Answer:
        """One master/slave group with its two members."""
        wanted = p["MasterSlaveServerGroupId"]
        for balancer in self.in_region(p):
            for group in balancer.master_slave_groups:
                if group.id == wanted:
                    rows = views.master_slave_rows(group)
                    members = self.container("MasterSlaveBackendServers", "MasterSlaveBackendServer", rows)
                    return {**_master_slave_head(group), "LoadBalancerId": balancer.id, **members}
        raise refusals.no_server_group("MasterSlaveServerGroupId")

    @action("DescribeLoadBalancerListeners")
    def describe_load_balancer_listeners(self, p: Parameters) -> Answer:
        """Listeners of up to ten CLBs, by NextToken."""
        size, ids, token = p.int("MaxResults", 20), p.list("LoadBalancerId"), p.get("NextToken", "0")
        if not 1 <= size <= 100:
            raise invalid("MaxResults", "it must be 1 to 100")
        if len(ids) > 10:
            raise invalid("LoadBalancerId", "at most 10 can be given")
        chosen = [balancer for balancer in self.in_region(p) if not ids or balancer.id in ids]
        rows = [views.listener(balancer, it) for balancer in chosen for it in _listeners(balancer, p)]
        if not re.fullmatch(r"[0-9]{1,9}", token) or int(token) > len(rows):
            raise invalid("NextToken", "no listing gave it out")
        start = int(token)
        answer = {"Listeners": rows[start : start + size], "MaxResults": size, "TotalCount": len(rows)}
        return {**answer, "NextToken": str(start + size)} if start + size < len(rows) else answer

    @action("DescribeHealthStatus")
    def describe_health_status(self, p: Parameters) -> Answer:
        """The health of servers behind running listeners; a group without a listener does not show up."""
        balancer = self.load_balancer(p)
        listeners = _listeners(balancer, p)
        if "ListenerPort" in p and not listeners:
            raise refusal("ListenerNotFound")
        rows = [
            self._health_row(listener, member)
            for listener in listeners
            if listener.status == "running"
            for member in balancer.group_of(listener)
        ]
        return self.container("BackendServers", "BackendServer", rows)

    def _health_row(self, listener: Listener, member: BackendServer) -> dict[str, Any]:
        return {
            "ServerId": member.server_id,
            "Port": member.port or listener.backend_port,
            "ListenerPort": listener.port,
            "Protocol": listener.protocol,
            "ServerIp": self.address(member),
            "ServerHealthStatus": self._health(member),
        }

    def _health(self, member: BackendServer) -> str:
        """Health checks at weight 0 are not documented: "unavailable" says that no check has been completed."""
        instance = self.cloud.ecs.instances.get(member.server_id)
        if member.type == "ecs" and (instance is None or instance.status != "Running"):
            return "abnormal"
        if member.weight == 0 or self.cloud.clock.now() < member.added_at + self.health_seconds:
            return "unavailable"
        return "abnormal" if member.server_id in self.unhealthy else "normal"


def _listeners(balancer: LoadBalancer, p: Parameters) -> list[Listener]:
    port, protocol = p.get("ListenerPort"), p.get("ListenerProtocol")
    return [it for it in balancer.listeners if port in (None, it.port) and protocol in (None, it.protocol)]


def _master_slave_head(group: MasterSlaveServerGroup) -> dict[str, Any]:
    return {
        "MasterSlaveServerGroupId": group.id,
        "MasterSlaveServerGroupName": group.name,
        "CreateTime": views.time_text(group.created_at),
    }
