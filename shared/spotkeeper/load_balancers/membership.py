"""The membership of a server in a group of a load balancer of any product, its health, and the journal's records.

Memberships are recorded in batches: a later call continues an unfinished search.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from spotkeeper.errors import BrokenRecord

Records = Mapping[str, Mapping[str, Any]]
Group = tuple[str, str, str]
"""Product, load balancer (empty where a group stands alone), group (empty: the default group of a CLB)."""
GROUP_FIELDS = {"clb": "vserver_group_id"}
"""The name of a group's id in answers, where that is not ``server_group_id``."""

_BATCH = re.compile(r"memberships(-[0-9]{1,9})?")


@dataclass(frozen=True)
class Membership:
    """An entry of a server in a group; ``port`` is None where the group has no ports of its own.

    ``weight`` is 0 to 100; ``type`` (ECS instance, network card …) is spelt as the product spells it.
    """

    product: str
    load_balancer_id: str
    group_id: str
    server_id: str
    port: int | None
    weight: int
    type: str
    server_ip: str = ""
    description: str = ""

    @property
    def group(self) -> Group:
        """The group of the entry."""
        return (self.product, self.load_balancer_id, self.group_id)

    @property
    def key(self) -> tuple[Group, str, int | None, str]:
        """Group, server, port and address: a group has each server once per port, a network card once per address."""
        return (self.group, self.server_id, self.port, "" if self.type.lower() == "ecs" else self.server_ip)

    @property
    def scope(self) -> str:
        """The scope of a search: the load balancer, or the product where groups stand alone."""
        return self.load_balancer_id or self.product

    @property
    def group_name(self) -> str:
        """The group's name for messages."""
        return self.group_id or f"default group of {self.load_balancer_id}"

    @property
    def name(self) -> str:
        """The group's name, with the port if there is a port."""
        return self.group_name if self.port is None else f"{self.group_name} port {self.port}"

    @property
    def shown(self) -> dict[str, Any]:
        """The form in answers."""
        return {
            "product": self.product,
            "load_balancer_id": self.load_balancer_id or None,
            GROUP_FIELDS.get(self.product, "server_group_id"): self.group_id or None,
            "server_id": self.server_id,
            "port": self.port,
            "weight": self.weight,
            "description": self.description,
        }


@dataclass(frozen=True)
class Health:
    """The result of a health check of a server; ``healthy`` is None without a result (checks off, no data)."""

    server_id: str
    check: str
    status: str
    healthy: bool | None


def by_group(members: Iterable[Membership]) -> Iterator[list[Membership]]:
    """The members group by group."""
    ordered = sorted(members, key=lambda member: (member.group, member.server_id, member.port or 0))
    return (list(group) for _, group in groupby(ordered, key=lambda member: member.group))


def by_scope(members: Iterable[Membership]) -> Iterable[list[Membership]]:
    """The members scope by scope."""
    found: dict[str, list[Membership]] = {}
    for member in members:
        found.setdefault(member.scope, []).append(member)
    return found.values()


def is_batch(name: str) -> bool:
    """Whether a record of this name holds memberships."""
    return bool(_BATCH.fullmatch(name))


def batches(records: Records) -> list[Mapping[str, Any]]:
    """The records of memberships, in the order in which they were written."""
    names = sorted(filter(is_batch, records), key=lambda name: int(name.partition("-")[2] or 0))
    return [records[name] for name in names]


def recorded(records: Records) -> tuple[Membership, ...]:
    """All recorded memberships. Of a membership in two batches the first weight counts."""
    found: dict[Any, Membership] = {}
    for batch in batches(records):
        for member in (Membership(**entry) for entry in batch.get("memberships", ())):
            found.setdefault(member.key, member)
    return tuple(found.values())


def searched_scopes(records: Records) -> set[str]:
    """The scopes that calls have searched to the end."""
    return {str(name) for batch in batches(records) for name in batch.get("searched", ())}


def is_complete(records: Records) -> bool:
    """Whether a search was finished."""
    return any(batch.get("complete", True) for batch in batches(records))


def unreadable(records: Records, broken: Mapping[str, BrokenRecord]) -> BrokenRecord | None:
    """The error of an unreadable batch that is not superseded."""
    return next((error for name, error in broken.items() if is_batch(name) and name not in records), None)
