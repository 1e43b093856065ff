"""``spotkeeper readme-tables``: the tables in ``docs/`` that follow from files of this repository.

A test compares them with the pages of both languages, so that none can rot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import ram
from simulator.cloud import Cloud
from tools.build import ROOT


def permissions() -> list[str]:
    """One row per function: what its policy allows."""
    return [f"| `{name}` | {_allowed(name)} |" for name in sorted(ram.FUNCTIONS)]


def covered() -> list[str]:
    """One row per RPC product: the operations that the simulator covers."""
    cloud = Cloud(0)
    products = {"ECS": cloud.ecs, "CLB": cloud.slb, "Auto Scaling": cloud.ess, "RAM": cloud.ram}
    return [f"| {name} | {', '.join(sorted(product.actions))} |" for name, product in products.items()]


def _allowed(function: str) -> str:
    document = json.loads((ROOT / "ram" / f"{function}.policy.json").read_text(encoding="utf-8"))
    services: dict[str, set[str]] = {}
    for action in _actions(document["Statement"]):
        service, _, name = action.partition(":")
        services.setdefault(service, set()).add(name)
    return "; ".join(f"`{service}:` {', '.join(sorted(names))}" for service, names in sorted(services.items()))


def _actions(statements: Iterable[dict[str, object]]) -> Iterator[str]:
    for statement in statements:
        action = statement["Action"]
        yield from (action if isinstance(action, list) else [str(action)])
