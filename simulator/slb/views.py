"""How things of CLB look in its answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from simulator.slb.model import BackendServer, Listener, LoadBalancer, MasterSlaveServerGroup, ServerGroup, VServerGroup

Row = dict[str, Any]


def time_text(moment: float) -> str:
    """UTC, as CLB writes it: ``2026-11-20T09:30:00Z``."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def row(member: BackendServer, *fields: str) -> Row:
    """These fields of a member. Which of them an answer has differs from operation to operation."""
    everything: Row = {
        "ServerId": member.server_id,
        "Port": member.port,
        "Weight": member.weight,
        "Type": member.type,
        "ServerIp": member.server_ip,
        "Description": member.description,
    }
    return {name: everything[name] for name in fields}


def rows(members: Iterable[BackendServer], *fields: str) -> list[Row]:
    """The same for several."""
    return [row(member, *fields) for member in members]


def load_balancer(balancer: LoadBalancer) -> Row:
    """The fields of DescribeLoadBalancers and of DescribeLoadBalancerAttribute."""
    return {
        "LoadBalancerId": balancer.id,
        "LoadBalancerName": balancer.name,
        "LoadBalancerStatus": balancer.status,
        "LoadBalancerSpec": "slb.s1.small",
        "Address": balancer.address,
        "AddressType": balancer.address_type,
        "AddressIPVersion": "ipv4",
        "NetworkType": "vpc" if balancer.vpc_id else "classic",
        "VpcId": balancer.vpc_id,
        "VSwitchId": balancer.vswitch_id,
        "RegionId": balancer.region,
        "RegionIdAlias": balancer.region,
        "MasterZoneId": f"{balancer.region}-h",
        "SlaveZoneId": f"{balancer.region}-i",
        "InternetChargeType": "paybytraffic",
        "PayType": "PayOnDemand",
        "ResourceGroupId": "rg-default",
        "DeleteProtection": "off",
        "CreateTime": time_text(balancer.created_at),
        "CreateTimeStamp": int(balancer.created_at * 1000),
        "Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in balancer.tags.items()]},
    }


def master_slave_rows(group: MasterSlaveServerGroup) -> list[Row]:
    """Both members with their parts."""
    fields = ("ServerId", "Port", "Weight", "Type", "Description")
    parts = zip(group, ("Master", "Slave"), strict=False)  # a member may have been released
    return [{**row(member, *fields), "ServerType": part} for member, part in parts]


def listener(balancer: LoadBalancer, listener: Listener) -> Row:
    """A row of DescribeLoadBalancerListeners; drain settings exist for TCP and UDP only."""
    answer: Row = {
        "LoadBalancerId": balancer.id,
        "ListenerPort": listener.port,
        "ListenerProtocol": listener.protocol,
        "BackendServerPort": listener.backend_port,
        "Status": listener.status,
        "Scheduler": "wrr",
        "Bandwidth": -1,
        "Description": "",
    }
    if isinstance(listener.group, VServerGroup):
        answer["VServerGroupId"] = listener.group.id
    answer[f"{listener.protocol.upper()}ListenerConfig"] = _protocol_config(listener)
    return answer


def _protocol_config(listener: Listener) -> Row:
    config: Row = {"HealthCheck": "on"}
    if listener.protocol in {"tcp", "udp"}:
        config["ConnectionDrain"] = "on" if listener.connection_drain_timeout else "off"
        config["ConnectionDrainTimeout"] = listener.connection_drain_timeout
        if isinstance(listener.group, MasterSlaveServerGroup):
            config["MasterSlaveServerGroupId"] = listener.group.id
    return config


def associated_listeners(balancer: LoadBalancer, group: ServerGroup) -> Row:
    """The listeners that forward to a group, as groups show them."""
    ports = [{"Port": it.port, "Protocol": it.protocol} for it in balancer.listeners if it.group is group]
    return {"Listeners": {"Listener": ports}}


def everything(balancer: LoadBalancer) -> Row:
    """A CLB with all that belongs to it, for GET /-/state."""
    fields = ("ServerId", "Port", "Weight", "Type", "ServerIp", "Description")
    default = ("ServerId", "Weight", "Type", "ServerIp", "Description")
    return {
        **load_balancer(balancer),
        "BackendServers": rows(balancer.default_group, *default),
        "VServerGroups": [
            {"VServerGroupId": it.id, "VServerGroupName": it.name, "BackendServers": rows(it, *fields)}
            for it in balancer.vserver_groups
        ],
        "MasterSlaveServerGroups": [
            {
                "MasterSlaveServerGroupId": it.id,
                "MasterSlaveServerGroupName": it.name,
                "MasterSlaveBackendServers": master_slave_rows(it),
            }
            for it in balancer.master_slave_groups
        ],
        "Listeners": [listener(balancer, it) for it in balancer.listeners],
    }
