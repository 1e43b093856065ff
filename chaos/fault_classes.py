"""Trouble that is more than one call's: each class in all its variants, and what of them a schedule contains."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from chaos.deeds.foreign import FOREIGN
from chaos.deeds.records import BROKEN, FORGED
from chaos.schedule import Deed, FaultSpec, Schedule
from simulator.fc.service import RUNS

NEIGHBOUR = "a neighbour refuses for good"
NEVER_RETRIED = "dies, never retried"
BY_SECOND = "throttled by the second"
TOGETHER = "two APIs throttled together"
RECORDS = "records by somebody else"
FOREIGNERS = "foreign resources, our tags"
HISTORY = "a year of history"
CLASSES = (NEIGHBOUR, NEVER_RETRIED, BY_SECOND, TOGETHER, RECORDS, FOREIGNERS, HISTORY)

RESCUED = ("realistic", "many-places", "neighbours", "eventual", "stock", "slow-image", "slow-snapshots", "busy-clb")
"""Scenarios that end with a replacement where nothing disturbs them."""
DATA_AT_STAKE = ("realistic", "slow-image", "slow-snapshots", "eventual", "neighbours", "none")
MANY_READS = ("many-places", "neighbours")
FROM_THE_START = tuple(name for name in RESCUED if name != "eventual")
"""What makes its first calls behind the lock at once."""
ANY = (*RESCUED, "none", "at-once", "before-image", "before-relaunch", "scaling-member", "stop-mode", "never-arrives")
RETURNING = ("stop-mode-told", "stop-mode-unheard", "stop-mode-by-hand")
RESTARTED = ("stopped", "stopped-unheard", "stopped-sold-out", "stops-again", *RETURNING)
CHECKED = ("hook-passing", "hook-unheard", "hook-failing", "hook-removing", "hook-late-agent", "hook-leaving")
BUSY_BOTH = ("hook-passing", "hook-removing", "hook-late-agent", "hook-leaving")
"""Hooks whose first minute needs ECS and Auto Scaling."""
ENDED_RESCUES = 2000

Make = Callable[[random.Random, int], Mapping[str, Any]]
"""The parts of a schedule, for a scenario that makes so many calls when nothing disturbs it."""


@dataclass(frozen=True)
class Variant:
    """One way in which a class shows."""

    kind: str
    name: str
    scenarios: tuple[str, ...]
    make: Make


def variants() -> Iterator[Variant]:
    """All of all classes."""
    yield from _neighbours()
    yield from _never_retried()
    yield from _by_second()
    yield from _together()
    for what in FORGED:
        yield Variant(RECORDS, what, RESCUED, _deed(what))
    for how in BROKEN:
        for record in RECORD_NAMES:
            yield Variant(RECORDS, f"{how}:{record}", RESCUED, _deed(f"{how}:{record}"))
    for what in FOREIGN:
        yield Variant(FOREIGNERS, what, ANY, _deed(what))
    yield Variant(HISTORY, f"{ENDED_RESCUES} rescues", ANY, lambda _, __: {"history": ENDED_RESCUES})


RECORD_NAMES = (
    *(
        "event",
        "attempt-1",
        "disks",
        "launch-spec",
        "memberships",
        "drained",
        "image-1",
        "usable",
        "launch-request-1-1",
        "replacement",
    ),
    *("running", "serving", "done"),
)
REFUSALS = ("code:OperationDenied.ResourceLocked", "code:InvalidParameter")
CONFLICT = "code:BackendServer.configuring"
"""What passes as a rule; here it never does. Who waits for it makes a call every few seconds, so it is met seldom."""
NEIGHBOURS = {
    "slb:*": ("blog", "api", "pair", "shop", "shop/web", "api/api", "blog/blog-group"),
    "slb:DescribeLoadBalancerAttribute": ("blog", "wiki", "shop"),
    "slb:DescribeVServerGroups": ("blog", "api"),
    "slb:DescribeVServerGroupAttribute": ("wiki/wiki-group", "shop/web", "api/api"),
    "slb:DescribeMasterSlaveServerGroups": ("pair",),
    "slb:DescribeHealthStatus": ("shop", "api"),
    "slb:SetBackendServers": ("shop",),
    "slb:SetVServerGroupAttribute": ("shop/web", "api/api"),
    "slb:RemoveBackendServers": ("shop",),
    "slb:RemoveVServerGroupBackendServers": ("shop/web", "api/api"),
    "slb:AddBackendServers": ("shop",),
    "slb:AddVServerGroupBackendServers": ("shop/web", "api/api"),
}
"""What refuses: action -> load balancers and server groups of scenario ``neighbours``."""


def _neighbours() -> Iterator[Variant]:
    for action, places in NEIGHBOURS.items():
        for on in places:
            for effect in (*REFUSALS, CONFLICT) if ":Set" in action else REFUSALS:
                fault = FaultSpec(action, effect, times=None, on=on)
                yield Variant(NEIGHBOUR, f"{action} {on} {effect}", ("neighbours",), _faults(fault))


def _never_retried() -> Iterator[Variant]:
    for effect in ("kill-before", "kill-after"):
        for share in range(10):
            yield Variant(NEVER_RETRIED, f"{effect} {share}", ANY, _death(effect, share / 10))
            of_others = (*RESTARTED, *CHECKED)
            yield Variant(NEVER_RETRIED, f"restart or hook {effect} {share}", of_others, _death(effect, share / 10))


def _death(effect: str, begin: float) -> Make:
    """At a call in one tenth of a rescue."""

    def make(draw: random.Random, calls: int) -> Mapping[str, Any]:
        number = 1 + int((begin + draw.random() / 10) * calls)
        return {"runs": 1, "faults": (FaultSpec("*", effect, call=number),)}

    return make


def _by_second() -> Iterator[Variant]:
    quotas: list[tuple[str, int, tuple[str, ...]]] = [
        *(("slb", 1, MANY_READS), ("slb", 2, MANY_READS), ("slb", 5, ("neighbours",))),
        *(("ecs", 1, (*RESCUED, *RESTARTED, *CHECKED)), ("ess", 1, ("hook-unheard",))),
    ]
    for product, rate, scenarios in quotas:
        fault = FaultSpec(f"{product}:*", "throttle-second", times=None, seconds=330.0, rate=rate)
        yield Variant(BY_SECOND, f"{product} {rate} a second", scenarios, _faults(fault))
    for action in ("DescribeLoadBalancers", "DescribeLoadBalancerAttribute", "DescribeVServerGroupAttribute"):
        for seconds in (4.0, 20.0):
            fault = FaultSpec(f"slb:{action}", "throttle-second", times=None, seconds=seconds)
            yield Variant(BY_SECOND, f"{action} {seconds:.0f} s", FROM_THE_START, _faults(fault))
    fault = FaultSpec("slb:*", "throttle-second", times=None, seconds=4.0)
    yield Variant(BY_SECOND, "slb 4 s", FROM_THE_START, _faults(fault))


PAIRS = (
    ("ecs:ModifyDiskAttribute", "ecs:CreateImage"),
    ("ecs:DescribeDisks", "ecs:CreateImage"),
    ("slb:DescribeLoadBalancers", "ecs:DescribeInstances"),
    ("slb:DescribeLoadBalancers", "ecs:DescribeDisks"),
    ("slb:DescribeVServerGroupAttribute", "ecs:DescribeUserData"),
    ("slb:DescribeLoadBalancerAttribute", "ecs:DescribeImages"),
    ("slb:SetBackendServers", "ecs:ModifyDiskAttribute"),
    ("slb:*", "ecs:*"),
)
ALREADY_LOOKED = {"ecs:DescribeInstances": 1, "ecs:*": 6, "ess:*": 2}
"""Calls that come through first: without a look at the source, or the hook, nobody would call the other API."""


def _together() -> Iterator[Variant]:
    for pair in PAIRS:
        for effect in ("throttle", "throttle-second", "code:Throttling.Api"):
            yield Variant(TOGETHER, f"{' '.join(pair)} {effect}", DATA_AT_STAKE, _for_a_minute(pair, effect))
    for pair, scenarios in ((("ecs:*", "ess:*"), BUSY_BOTH), (("slb:*", "ecs:DescribeInstances"), RETURNING)):
        for effect in ("throttle", "code:Throttling.Api"):
            yield Variant(TOGETHER, f"{' '.join(pair)} {effect}", scenarios, _for_a_minute(pair, effect))
    busy = tuple(
        FaultSpec(action, "code:IncorrectDiskStatus.CreatingSnapshot", times=None, seconds=60.0) for action in PAIRS[0]
    )
    yield Variant(TOGETHER, "an automatic snapshot", DATA_AT_STAKE, _faults(*busy))


def _for_a_minute(actions: tuple[str, ...], effect: str) -> Make:
    return _faults(
        *(FaultSpec(one, effect, times=None, seconds=60.0, skip=ALREADY_LOOKED.get(one, 0)) for one in actions)
    )


def _faults(*faults: FaultSpec) -> Make:
    return lambda _, __: {"faults": faults}


def _deed(what: str) -> Make:
    """Before the rescue as often as at one of its calls."""

    def make(draw: random.Random, calls: int) -> Mapping[str, Any]:
        number = draw.choice((None, None, draw.randrange(1, calls + 1)))
        late = 0.0 if number or draw.random() < EARLY else float(draw.choice((20, 60, 120, 400)))
        return {"deeds": (Deed(what) if what in MEMBERS else Deed(what, late, number),)}

    return make


EARLY = 0.7
MEMBERS = frozenset({"foreign-server"})
"""What is in a group has to be there from the beginning: a group is judged by what it was."""


def classes_of(schedule: Schedule) -> set[str]:
    """What a schedule contains."""
    faults, found = schedule.faults, set()
    found |= {NEIGHBOUR} if any(one.endless for one in faults) else set()
    found |= {NEVER_RETRIED} if schedule.runs < RUNS and any(one.kills for one in faults) else set()
    found |= {BY_SECOND} if any(one.rate or one.effect == "throttle-second" for one in faults) else set()
    throttled = {one.action for one in faults if one.times is None and one.seconds == TOGETHER_SECONDS}
    found |= {TOGETHER} if len(throttled) > 1 else set()
    found |= {FOREIGNERS if one.what in FOREIGN else RECORDS for one in schedule.deeds}
    return found | ({HISTORY} if schedule.history else set())


TOGETHER_SECONDS = 60.0
ALONE = "alone"
COMPANY: Mapping[str, Callable[[Schedule], bool]] = {
    "killed": lambda one: any(fault.kills for fault in one.faults),
    "redelivered": lambda one: sum(delivery.event != "timer" for delivery in one.deliveries) > 1,
    "side by side": lambda one: any(delivery.turns for delivery in one.deliveries),
    "swept": lambda one: any(delivery.event == "timer" for delivery in one.deliveries),
    "a fault": lambda one: any(not fault.kills and fault.seconds is None and fault.times for fault in one.faults),
    "a class": lambda one: len(classes_of(one)) > 1,
}
"""In which company a class is met."""


def company_of(schedule: Schedule, kind: str) -> set[str]:
    """In which company a schedule has a class; its own deaths are no company."""
    found = {name for name, meets in COMPANY.items() if meets(schedule)}
    own = kind == NEVER_RETRIED and sum(fault.kills for fault in schedule.faults) == 1
    return (found - {"killed"} if own else found) or {ALONE}
