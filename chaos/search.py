"""Which schedules to play: every kill in every scenario, then combinations that hit what was hit least so far."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from chaos.fault_classes import CLASSES, Variant, variants
from chaos.scenario import Kind
from chaos.scenarios import SCENARIOS
from chaos.schedule import RETRY_PAUSE, Cell, Delivery, FaultSpec, Schedule, Verdict
from chaos.story import AFTER, READING
from simulator.slb.refusals import CONFLICTS

T = TypeVar("T")
AGAIN = {
    Kind.RESCUE: ("same", "same", "bridge", "another", "timer"),
    Kind.RESTART: ("stopped", "stopped", "running", "timer"),
    Kind.HOOK: ("notification", "notification", "timer"),
}
"""Which events come once more, of which kind of scenario."""
Calls = Sequence[tuple[str, str]]
"""(product, action) of every call of a scenario that nothing disturbs."""

EVERYWHERE = (
    *("throttle", "throttle+hint", "refused", "reset-before", "reset-after", "slow", "garbage", "cut"),
    *("kill-before", "kill-after", "code:ServiceUnavailable", "code:InternalError"),
)
BY_PRODUCT = {
    "ecs": ("code:Forbidden.RAM", "code:InvalidSecurityToken.Expired", "code:Throttling.Api"),
    "ess": ("code:Forbidden.RAM", "code:InvalidSecurityToken.Expired", "code:Throttling.User"),
    "slb": ("code:Forbidden.RAM", "code:InvalidSecurityToken.Expired", "code:Rejected.Throttling"),
    "oss": ("code:AccessDenied", "code:SecurityTokenExpired", "code:RequestTimeout"),
    "fc": ("code:ResourceExhausted", "code:ResourceThrottled", "code:StatefulAsyncInvocationAlreadyExists"),
}
BY_ACTION = {
    "RunInstances": (
        *("code:OperationDenied.NoStock", "code:QuotaExceed.Spot", "code:OperationDenied.CreatingConflict"),
        *("code:Account.Arrearage", "code:IdempotentProcessing"),
    ),
    "CreateImage": (
        *("code:IncorrectDiskStatus.CreatingSnapshot", "code:IncorrectInstanceStatus", "code:QuotaExceed.Image"),
        "code:IdempotentProcessing",
    ),
    "ModifyDiskAttribute": ("code:InvalidOperation.InstanceLocked", "code:IncorrectDiskStatus"),
    "StartInstance": ("code:OperationDenied.NoStock", "code:IncorrectInstanceStatus", "code:InstanceNotReady"),
    "StopInstance": ("code:IncorrectInstanceStatus", "code:InstanceLockedForSecurity"),
}
HINT_MS = 1500
ANOTHER_CLASS, DEATH = 0.3, 0.5
"""How often a class meets another one; how often the fault beside it is a death."""
WINDOWS, BESIDE, LATE = 0.1, 0.35, 0.1
"""How often a fault lasts for a while, an event comes twice side by side, the first event comes late."""
UNTHROTTLED = frozenset({"oss", "fc"})
"""Products that have no ``Throttling.User``."""


def effects(product: str, action: str) -> tuple[str, ...]:
    """What may happen to an action."""
    usual = [one for one in EVERYWHERE if product not in UNTHROTTLED or not one.startswith("throttle")]
    busy = [f"code:{code}" for code in CONFLICTS if f"code:{code}" not in usual]
    changes = product == "slb" and not action.startswith("Describe")
    return (*usual, *BY_PRODUCT[product], *BY_ACTION.get(action, ()), *(busy if changes else ()))


def kills(references: Mapping[str, Calls]) -> Iterator[Schedule]:
    """The caller killed at every call of every scenario, before the cloud acted and after; the scenarios take turns.

    A call that reads leaves nothing behind: killed before or after it is the same, and played once.
    """
    for number in range(1, 1 + max(map(len, references.values()))):
        for name, calls in references.items():
            for effect in _deaths(calls[number - 1][1]) if number <= len(calls) else ():
                yield Schedule(name, SCENARIOS[name].deliveries, (FaultSpec("*", effect, call=number),))


def _deaths(action: str) -> tuple[str, ...]:
    return ("kill-before",) if action.startswith(READING) else ("kill-before", "kill-after")


def _deceives(cell: Cell) -> bool:
    """Whether something was done of which the caller heard nothing: what most bugs are about."""
    return cell.effect in AFTER and not cell.action.startswith(READING)


class Combinations:
    """Random schedules of one seed. What was hit least is aimed at first, of that what deceives the caller.

    Every other schedule has a class of trouble in it, in the variant that was played least.
    """

    def __init__(self, references: Mapping[str, Calls], seed: int) -> None:
        self._random = random.Random(seed)
        self._counts = {name: Counter(calls) for name, calls in references.items()}
        self._scenarios = {
            pair: [name for name, counts in self._counts.items() if pair in counts]
            for pair in sorted({pair for counts in self._counts.values() for pair in counts})
        }
        self.fired = Counter({Cell(*pair, effect): 0 for pair in self._scenarios for effect in effects(*pair)})
        """How often each cell was hit so far."""
        self._variants = [one for one in variants() if self._playable(one)]
        self.played = Counter({(one.kind, one.name): 0 for one in self._variants})
        """How often each variant of each class was played so far."""
        self._made: dict[Any, list[tuple[str, str]]] = {}

    def note(self, verdicts: Iterable[Verdict]) -> None:
        """What was hit by schedules that count, and which variants they had."""
        for one in verdicts:
            had = self._made.pop(one.schedule.identity, [])
            if one.counts:
                self.fired.update(one.fired)
                self.played.update(had)

    def batch(self, size: int) -> list[Schedule]:
        """The next schedules; they depend on the seed and on what was noted up to now."""
        # A fault on any call may have hit an action that no undisturbed scenario calls: nothing is aimed at it.
        aims = [cell for cell in self.fired if (cell.product, cell.action) in self._scenarios]
        rare = sorted(aims, key=lambda cell: (self.fired[cell], not _deceives(cell), self._random.random()))
        aimed = [self._schedule(rare[place % len(rare)]) for place in range(size - size // 2)]
        return [*aimed, *self._of_classes(size // 2)]

    def _playable(self, variant: Variant) -> bool:
        return any(name in self._counts for name in variant.scenarios)

    def _of_classes(self, size: int) -> list[Schedule]:
        """Of each class in turn the variant that was played least."""
        by_class = [
            sorted(
                (one for one in self._variants if one.kind == kind),
                key=lambda one: (self.played[one.kind, one.name], self._random.random()),
            )
            for kind in CLASSES
        ]
        found = [one for one in by_class if one]
        return [
            self._with(_nth(found[place % len(found)], place // len(found))) for place in range(size if found else 0)
        ]

    def _with(self, variant: Variant) -> Schedule:
        """The variant alone where it was never played, else in company."""
        draw = self._random
        name = draw.choice([one for one in variant.scenarios if one in self._counts])
        met = [variant]
        schedule = Schedule(name, SCENARIOS[name].deliveries, seed=draw.randrange(1, 1_000_000))
        if self.played[variant.kind, variant.name]:
            if draw.random() < ANOTHER_CLASS:
                met.append(draw.choice([one for one in self._variants if name in one.scenarios]))
            faults = [self._company(name) for _ in range(draw.choice((0, 0, 1, 1, 2)))]
            schedule = replace(
                schedule,
                deliveries=self._deliveries(name),
                faults=tuple(faults),
                pause=draw.choice((RETRY_PAUSE, RETRY_PAUSE, 5.0, 20.0, 150.0)),
                phase=float(draw.choice((0, 0, 7, 23, 41, 59))),
            )
        for one in met:
            schedule = _with_parts(schedule, one.make(draw, sum(self._counts[name].values())))
        self._made[schedule.identity] = [(one.kind, one.name) for one in met]
        return schedule

    def _company(self, name: str) -> FaultSpec:
        """As often a death as anything else."""
        calls = sum(self._counts[name].values())
        if self._random.random() < DEATH:
            return FaultSpec(
                "*", self._random.choice(("kill-before", "kill-after")), call=self._random.randrange(1, calls + 1)
            )
        return self._some_fault(name)

    def _schedule(self, cell: Cell) -> Schedule:
        draw = self._random
        name = draw.choice(self._scenarios[cell.product, cell.action])
        if not self.fired[cell]:  # alone at first: what else happens may heal what it breaks
            return Schedule(
                name, SCENARIOS[name].deliveries, (self._fault(cell, name),), seed=draw.randrange(1, 1_000_000)
            )
        faults = [self._fault(cell, name), *(self._some_fault(name) for _ in range(draw.choice((0, 0, 1, 1, 2, 3))))]
        draw.shuffle(faults)
        return Schedule(
            name,
            self._deliveries(name),
            tuple(dict.fromkeys(faults)),
            pause=draw.choice((RETRY_PAUSE, RETRY_PAUSE, 5.0, 20.0, 150.0, 400.0)),
            phase=float(draw.choice((0, 0, 7, 23, 41, 59))),
            seed=draw.randrange(1, 1_000_000),
        )

    def _some_fault(self, name: str) -> FaultSpec:
        pair = self._random.choice(sorted(self._counts[name]))
        return self._fault(Cell(*pair, self._random.choice(effects(*pair))), name)

    def _fault(self, cell: Cell, name: str) -> FaultSpec:
        draw = self._random
        effect, hint, _ = cell.effect.partition("+")
        window = draw.random() < WINDOWS and not effect.startswith("kill")
        return FaultSpec(
            f"{cell.product}:{cell.action}",
            effect,
            times=None if window else 1 if effect.startswith(("kill", "throttle")) else draw.choice((1, 1, 1, 2, 3)),
            skip=draw.randrange(min(6, self._counts[name][cell.product, cell.action])),
            seconds=float(draw.choice((90, 200, 330))) if window else None,
            retry_after_ms=HINT_MS if hint else None,
        )

    def _deliveries(self, name: str) -> tuple[Delivery, ...]:
        """The scenario's own, often with more: late, side by side, of another event, or of the timer."""
        draw = self._random
        found = list(SCENARIOS[name].deliveries)
        if found and draw.random() < BESIDE:
            turns = tuple(draw.randrange(1, 60) for _ in range(draw.choice((1, 2, 2, 3))))
            found[0] = Delivery(found[0].at, found[0].event, turns)
        if found and draw.random() < LATE:
            found[0] = Delivery(float(draw.choice((60, 150, 235, 320))), found[0].event, found[0].turns)
        for _ in range(draw.choice((0, 0, 0, 1, 1, 2))):
            moment = float(draw.choice((2, 10, 45, 70, 100, 200, 290, 310, 700, 2000)))
            found.append(Delivery(moment, draw.choice(AGAIN[SCENARIOS[name].kind])))
        return tuple(sorted(found, key=lambda one: one.at))


def _nth(found: Sequence[T], number: int) -> T:
    return found[number % len(found)]


def _with_parts(schedule: Schedule, parts: Mapping[str, Any]) -> Schedule:
    """Faults and deeds are added to those that there are, each once."""
    whole = {
        name: tuple(dict.fromkeys((*getattr(schedule, name), *value))) if isinstance(value, tuple) else value
        for name, value in parts.items()
    }
    changes: dict[str, Any] = whole
    return replace(schedule, **changes)
