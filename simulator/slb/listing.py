"""DescribeLoadBalancers: filters and pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from simulator.actions import Answer, Parameters, action, invalid, missing
from simulator.slb import views
from simulator.slb.model import BackendServer, LoadBalancer, ServerGroup
from simulator.slb.registry import Registry

Filter = Callable[[LoadBalancer], bool]

_LIKE_THE_ANSWER = (
    "Address",
    "AddressIPVersion",
    "AddressType",
    "InternetChargeType",
    "LoadBalancerStatus",
    "MasterZoneId",
    "NetworkType",
    "PayType",
    "ResourceGroupId",
    "SlaveZoneId",
    "VSwitchId",
    "VpcId",
)
"""Filters that compare with the field of the same name in the answer."""


class Lists(Registry):
    """Finding load balancers."""

    @action("DescribeLoadBalancers")
    def describe_load_balancers(self, p: Parameters) -> Answer:
        """One page of the CLBs of a region that pass every filter."""
        number, size = _page(p)
        filters = list(self._filters(p))
        found = [balancer for balancer in self.in_region(p) if all(passes(balancer) for passes in filters)]
        rows = [views.load_balancer(balancer) for balancer in found[(number - 1) * size : number * size]]
        return {
            "PageNumber": number,
            "PageSize": size,
            "TotalCount": len(found),
            **self.container("LoadBalancers", "LoadBalancer", rows),
        }

    def _filters(self, p: Parameters) -> Iterator[Filter]:
        for name in _LIKE_THE_ANSWER:
            if name in p:
                yield _like_the_answer(name, p[name])
        if "LoadBalancerId" in p:
            ids = _listed(p, "LoadBalancerId")
            yield lambda balancer: balancer.id in ids
        if "LoadBalancerName" in p:
            names = _listed(p, "LoadBalancerName")
            yield lambda balancer: balancer.name in names
        if "ServerId" in p:
            server = p["ServerId"]
            yield lambda balancer: server in self._searchable_servers(balancer)
        if "ServerIntranetAddress" in p:
            addresses = set(_listed(p, "ServerIntranetAddress"))
            yield lambda balancer: bool(addresses & {self.address(it) for it in balancer.default_group})
        tags = _tags(p)
        yield lambda balancer: all(_tagged(balancer, key, value) for key, value in tags)

    def _searchable_servers(self, balancer: LoadBalancer) -> set[str]:
        groups: list[ServerGroup] = [balancer.default_group]
        if self.server_id_finds_vserver_members:
            groups += balancer.vserver_groups
        return {member.server_id for group in groups for member in group}

    def address(self, member: BackendServer) -> str:
        """The private address of a member; empty once an ECS instance is gone."""
        instance = self.cloud.ecs.instances.get(member.server_id)
        return member.server_ip or (instance.private_ip if instance else "")


def _like_the_answer(name: str, value: str) -> Filter:
    return lambda balancer: views.load_balancer(balancer)[name] == value


def _page(p: Parameters) -> tuple[int, int]:
    """Page number and size; the default size is not documented, and ten means more pages than any other guess."""
    if "PageSize" in p and "PageNumber" not in p:
        raise missing("PageNumber")
    number, size = p.int("PageNumber", 1), p.int("PageSize", 10)
    if number < 1:
        raise invalid("PageNumber", "it begins with 1")
    if not 1 <= size <= 100:
        raise invalid("PageSize", "it must be 1 to 100")
    return number, size


def _listed(p: Parameters, name: str) -> list[str]:
    """Up to ten values in one string, separated by commas."""
    values: list[str] = p[name].split(",")
    if len(values) > 10:
        raise invalid(name, "at most 10 can be given")
    return values


def _tags(p: Parameters) -> list[tuple[str, str | None]]:
    """``Tag.N.Key`` with or without ``Tag.N.Value``, and ``Tags`` as documented: a JSON dictionary."""
    pairs = [(tag.get("Key", ""), tag.get("Value")) for tag in p.list("Tag")]
    document = p.json("Tags", {})
    if not isinstance(document, dict):
        raise invalid("Tags", "it must be a JSON dictionary")
    return pairs + [(key, str(value)) for key, value in document.items()]


def _tagged(balancer: LoadBalancer, key: str, value: str | None) -> bool:
    return key in balancer.tags and (value is None or balancer.tags[key] == value)
