"""Stock by zone, instance type and charge, which may change over time; and prices."""

from __future__ import annotations

from dataclasses import dataclass, field

Key = tuple[str, str, str]
"""(zone id, instance type, ``spot`` or ``on-demand``)."""
Level = int | None
"""How many there are; None: unlimited."""
Schedule = list[tuple[float, Level]]
"""Levels from moments of the virtual clock on; before the first there is nothing to be had."""

INSTANCE_TYPES: dict[str, tuple[int, int]] = {
    f"ecs.{family}.{size}": (cpu, cpu * gib * 1024)
    for family, gib in (("c6", 2), ("g6", 4), ("r6", 8), ("c7", 2), ("g7", 4), ("r7", 8), ("c8i", 2), ("g8i", 4))
    for size, cpu in (("large", 2), ("xlarge", 4), ("2xlarge", 8), ("4xlarge", 16))
} | {f"ecs.{family}.large": (2, 8192) for family in ("t5-lc1m4", "t6-c1m4", "u1-c1m4")}
"""vCPUs and memory in MiB of the instance types that are on offer."""

BURSTABLE = ("ecs.t5", "ecs.t6")


@dataclass
class Stock:
    """The stock table. A key that it does not name has ``default``.

    Whether capacity of an instance that is released can be had again is not documented: it cannot.
    """

    table: dict[Key, Level | Schedule] = field(default_factory=dict)
    default: Level = None
    taken: dict[Key, int] = field(default_factory=dict)

    def __setitem__(self, key: Key, level: Level | Schedule) -> None:
        self.table[key] = level
        self.taken.pop(key, None)

    def __getitem__(self, key: Key) -> Level | Schedule:
        return self.table.get(key, self.default)

    def left(self, key: Key, now: float) -> Level:
        """How many can be had at ``now``."""
        level = self[key]
        if isinstance(level, list):
            past = [amount for at, amount in level if at <= now]
            level = past[-1] if past else 0
        return None if level is None else max(0, level - self.taken.get(key, 0))

    def take(self, key: Key, amount: int) -> None:
        """Use some up."""
        self.taken[key] = self.taken.get(key, 0) + amount


def spot_price(instance_type: str) -> float:
    """The market price of a spot instance per hour; a tenth of 0.25 per vCPU."""
    return round(INSTANCE_TYPES[instance_type][0] * 0.025, 3)
