"""The load balancers of CLB: seeding, lookup and misbehaviour."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from simulator.actions import Parameters, Product
from simulator.error_catalogue import refusal
from simulator.slb import refusals, views
from simulator.slb.model import BackendServer, Listener, LoadBalancer, MasterSlaveServerGroup, VServerGroup

if TYPE_CHECKING:
    from simulator.cloud import Cloud

Owner = tuple[LoadBalancer, VServerGroup]


class Registry(Product):
    """State and knobs; times are virtual seconds.

    * ``server_id_finds_vserver_members``: whether DescribeLoadBalancers(ServerId) also finds servers that are only in
      a vServer group. Not documented; False is the less friendly answer.
    * ``health_seconds``: how long a new member's health check takes.
    * ``unhealthy``: ids of servers whose health checks fail.
    * ``configuring_seconds``: how long a CLB refuses further writes after each write.
    * ``stale_seconds``: how long a released server stays listed as a member.
    * ``omits_empty_lists``: leave the container of an empty list out of an answer altogether.
    """

    def __init__(self, cloud: Cloud) -> None:
        super().__init__()
        self.cloud = cloud
        self.load_balancers: dict[str, LoadBalancer] = {}
        self.server_id_finds_vserver_members = False
        self.health_seconds = 6.0
        self.unhealthy: set[str] = set()
        self.configuring_seconds = 0.0
        self.stale_seconds = 0.0
        self.omits_empty_lists = False
        self._dropped_at: dict[str, float] = {}

    def add_load_balancer(
        self,
        name: str,
        *,
        vpc_id: str = "",
        address_type: str = "internet",
        tags: dict[str, str] | None = None,
        region: str | None = None,
    ) -> LoadBalancer:
        """Seed a CLB; without ``vpc_id`` servers of any one VPC can be its members."""
        count = len(self.load_balancers) + 1
        network = "47.96" if address_type == "internet" else "172.16"
        balancer = LoadBalancer(
            id=self.cloud.new_id("lb"),
            name=name,
            region=region or self.cloud.region,
            vpc_id=vpc_id,
            address_type=address_type,
            address=f"{network}.{count // 250}.{count % 250 + 1}",
            created_at=self.cloud.clock.now(),
            tags=dict(tags or {}),
        )
        self.load_balancers[balancer.id] = balancer
        return balancer

    def add_vserver_group(self, balancer: LoadBalancer, name: str) -> VServerGroup:
        """Seed an empty vServer group."""
        group = VServerGroup(id=self.cloud.new_id("rsp"), name=name, created_at=self.cloud.clock.now())
        balancer.vserver_groups.append(group)
        return group

    def add_master_slave_group(
        self, balancer: LoadBalancer, name: str, master_id: str, slave_id: str, port: int
    ) -> MasterSlaveServerGroup:
        """Seed a master/slave group of two servers on one port."""
        group = MasterSlaveServerGroup(id=self.cloud.new_id("rsp"), name=name, created_at=self.cloud.clock.now())
        group.members = [BackendServer(master_id, port), BackendServer(slave_id, port)]
        balancer.master_slave_groups.append(group)
        return group

    def add_listener(
        self,
        balancer: LoadBalancer,
        port: int,
        protocol: str = "http",
        vserver_group: VServerGroup | MasterSlaveServerGroup | None = None,
        *,
        backend_port: int | None = None,
    ) -> Listener:
        """Seed a running listener on a server group; without ``vserver_group`` on the default group."""
        listener = Listener(port, protocol, backend_port or port, vserver_group)
        balancer.listeners.append(listener)
        return listener

    def busy(self, load_balancer_id: str, seconds: float, code: str = "ServiceIsConfiguring") -> None:
        """Refuse every write on this CLB for so long, with a code of ``refusals.CONFLICTS``.

        Raises ValueError for another code.
        """
        if code not in refusals.CONFLICTS:
            raise ValueError(f"{code} is no code of a busy CLB: {', '.join(refusals.CONFLICTS)}")
        balancer = self.load_balancers[load_balancer_id]
        balancer.busy_until, balancer.busy_code = self.cloud.clock.now() + seconds, code

    def server_released(self, instance_id: str) -> None:
        """An ECS instance is gone: CLB drops it from every group, after ``stale_seconds``."""
        self._dropped_at[instance_id] = self.cloud.clock.now() + self.stale_seconds
        self._drop_released()

    def progress(self) -> None:
        """Released servers disappear from their groups once it is due."""
        self.cloud.ecs.progress()
        self._drop_released()

    def _drop_released(self) -> None:
        now = self.cloud.clock.now()
        for instance_id in [gone for gone, at in self._dropped_at.items() if at <= now]:
            del self._dropped_at[instance_id]
            for balancer in self.load_balancers.values():
                for group in balancer.groups:
                    group.drop_server(instance_id)

    def state(self) -> dict[str, Any]:
        """Everything, JSON-able, in the API's field names."""
        self.progress()
        return {"LoadBalancers": [views.everything(balancer) for balancer in self.load_balancers.values()]}

    @contextmanager
    def configuring(self, balancer: LoadBalancer) -> Iterator[None]:
        """A write on a CLB, which takes one write at a time and is busy for ``configuring_seconds`` afterwards."""
        if self.cloud.clock.now() < balancer.busy_until:
            raise refusal(balancer.busy_code)
        yield
        if self.configuring_seconds:
            self.busy(balancer.id, self.configuring_seconds)

    def load_balancer(self, p: Parameters) -> LoadBalancer:
        """The CLB of ``LoadBalancerId``, in ``RegionId`` where that is given."""
        balancer = self.load_balancers.get(p["LoadBalancerId"])
        if balancer is None or p.get("RegionId", balancer.region) != balancer.region:
            raise refusal("InvalidLoadBalancerId.NotFound")
        return balancer

    def in_region(self, p: Parameters) -> list[LoadBalancer]:
        """The CLBs of ``RegionId``, in the order they were made."""
        region = p.get("RegionId", self.cloud.region)
        return [balancer for balancer in self.load_balancers.values() if balancer.region == region]

    def vserver_group(self, p: Parameters) -> Owner:
        """The group of ``VServerGroupId`` and its CLB."""
        for balancer in self.in_region(p):
            for group in balancer.vserver_groups:
                if group.id == p["VServerGroupId"]:
                    return balancer, group
        raise refusals.no_server_group("VServerGroupId")

    def container(self, outer: str, inner: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """A list as RPC answers carry it: ``{outer: {inner: [...]}}``."""
        return {} if self.omits_empty_lists and not rows else {outer: {inner: rows}}
