"""The load balancers of a region, of any product: memberships are found, drained, removed and added back.

A product is a subclass of ``product.LoadBalancer`` in ``ADAPTERS``. No code outside this package depends on the product
of a membership.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from spotkeeper.clients import Api
from spotkeeper.load_balancers.clb import Clb
from spotkeeper.load_balancers.membership import Health, Membership, by_group
from spotkeeper.load_balancers.product import LoadBalancer
from spotkeeper.retry import RetryPolicy

__all__ = ["BUSY", "PRODUCTS", "Health", "LoadBalancers", "Membership", "by_group", "load_balancers"]

ADAPTERS: dict[str, type[LoadBalancer]] = {"slb": Clb}
"""The adapter of each product, by the name of its API."""
PRODUCTS = frozenset(adapter.name for adapter in ADAPTERS.values())
BUSY = RetryPolicy(conflicts=frozenset().union(*(adapter.retry.conflicts for adapter in ADAPTERS.values())))
"""Refusals that pass once a load balancer of any product has finished another change."""
LoadBalancers = Mapping[str, LoadBalancer]
"""The adapters of one region, by product."""


def load_balancers(api: Callable[[str], Api]) -> LoadBalancers:
    """All products; ``api`` makes the client of an API."""
    return {adapter.name: adapter(api(name)) for name, adapter in ADAPTERS.items()}
