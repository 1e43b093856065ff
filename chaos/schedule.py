"""A schedule: everything that happens to one rescue, as data. One line of JSON; playing it twice is the same twice."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from simulator.faults import Fault
from simulator.fc.service import RUNS

T = TypeVar("T")

RETRY_PAUSE = 60.0
"""Seconds before the platform's first retry; doubled for each further one."""

INTERRUPTIONS = ("same", "bridge", "another")
"""The interruption event; the same in EventBridge's envelope; another one of the same instance."""
EVENTS = (*INTERRUPTIONS, "timer", "stopped", "running", "notification")
"""Those; the sweep's timer; the platform's word that the instance stopped or runs; the hook's notification."""


@dataclass(frozen=True)
class Delivery:
    """An event delivered ``at`` seconds after the lock was set.

    With ``turns`` it is delivered twice side by side: the two take turns after so many API calls each, and after the
    last turn each runs to its end.
    """

    at: float = 1.0
    event: str = "same"
    turns: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.event not in EVENTS:
            raise ValueError(f"event {self.event!r} is none of {', '.join(EVENTS)}")


@dataclass(frozen=True)
class FaultSpec:
    """A fault of the embedded cloud (``simulator.faults.Fault``).

    ``call`` is the n-th call of all. ``seconds`` after the lock was set it ends; without ``times`` only then. With
    ``on``, a load balancer (``api``) or server group (``api/web``) of the scenario, only calls are hit that mention
    its id; such a neighbour may refuse for good (neither ``times`` nor ``seconds``). ``rate`` calls a minute or second
    are let through before one is throttled.
    """

    action: str
    effect: str
    times: int | None = 1
    skip: int = 0
    call: int | None = None
    seconds: float | None = None
    retry_after_ms: int | None = None
    on: str = ""
    rate: int | None = None

    def __post_init__(self) -> None:
        if self.endless and not self.on:
            raise ValueError(f"{self.action} {self.effect}: a fault that never ends proves nothing")

    @property
    def endless(self) -> bool:
        """Whether it goes on for good."""
        return self.times is None and self.seconds is None

    @property
    def kills(self) -> bool:
        """Whether the caller dies of it."""
        return self.effect.startswith("kill-")

    def fault(self, start: float, resource: str | None) -> Fault:
        """For a cloud in which the lock was set at ``start``, and in which ``on`` has the id ``resource``."""
        return Fault(
            self.action,
            self.effect,
            times=self.times,
            skip=self.skip,
            call_number=self.call,
            until=None if self.seconds is None else start + self.seconds,
            retry_after_ms=self.retry_after_ms,
            resource=resource,
            rate=self.rate,
        )


@dataclass(frozen=True)
class Deed:
    """What somebody else does in the account (``chaos.deeds``), ``at`` seconds after the lock was set.

    0 is before anybody calls. With ``call`` it is done just before the n-th call of all.
    """

    what: str
    at: float = 0.0
    call: int | None = None


@dataclass(frozen=True)
class Schedule:
    """``pause``: seconds before the first retry of a failed delivery. ``phase``: of the sweep's timer, 0 to 59.

    ``seed`` is that of the functions' jitter. ``runs``: how often a failing call is run, 1 is never again. ``history``:
    how many rescues have ended in the past year.
    """

    scenario: str
    deliveries: tuple[Delivery, ...] = (Delivery(),)
    faults: tuple[FaultSpec, ...] = ()
    pause: float = RETRY_PAUSE
    phase: float = 0.0
    seed: int = 1
    deeds: tuple[Deed, ...] = ()
    runs: int = RUNS
    history: int = 0

    def line(self) -> str:
        """As one line of JSON without single quotes; what is as usual is left out."""
        return json.dumps(_dense(self), separators=(",", ":"))

    @classmethod
    def parse(cls, line: str) -> Schedule:
        """The schedule of a line. Raises ``ValueError`` and ``TypeError`` for what is none."""
        given = json.loads(line)
        parts = {
            "deliveries": tuple(
                _make(Delivery, {**one, "turns": tuple(one.get("turns", ()))}) for one in given.pop("deliveries", [{}])
            ),
            "faults": tuple(_make(FaultSpec, one) for one in given.pop("faults", ())),
            "deeds": tuple(_make(Deed, one) for one in given.pop("deeds", ())),
        }
        return _make(cls, {**given, **parts})

    @property
    def identity(self) -> tuple[Any, ...]:
        """What makes two schedules different: everything but the seed of the jitter."""
        usual = (self.scenario, self.deliveries, self.faults, self.pause, self.phase)
        return (*usual, self.deeds, self.runs, self.history)

    @property
    def size(self) -> tuple[int, ...]:
        """Sorts by simplicity."""
        turns = sum(len(one.turns) for one in self.deliveries)
        unusual = (self.pause != RETRY_PAUSE) + (self.phase != 0) + sum((one.times or 9) > 1 for one in self.faults)
        unusual += (self.runs != RUNS) + bool(self.history)
        return (len(self.faults) + len(self.deeds) + len(self.deliveries) + turns, unusual, len(self.line()))


@dataclass(frozen=True)
class Cell:
    """A line of the table: what was hit by what. ``effect`` says before or after where it can be either."""

    product: str
    action: str
    effect: str


@dataclass(frozen=True)
class Verdict:
    """What became of one schedule. ``fired`` counts the calls hit, by cell.

    ``counts``: every fault in it fired, and every deed in it was done.
    """

    schedule: Schedule
    counts: bool
    fired: Mapping[Cell, int]
    calls: tuple[tuple[str, str], ...]
    violations: tuple[tuple[str, str], ...] = field(default=())
    cpu_seconds: float = 0.0

    @property
    def names(self) -> frozenset[str]:
        """The invariants that do not hold."""
        return frozenset(name for name, _ in self.violations)


def _dense(one: Any) -> dict[str, Any]:
    """Fields that differ from their defaults."""
    found = {part.name: getattr(one, part.name) for part in fields(one) if getattr(one, part.name) != part.default}
    return {
        name: [_dense(item) if hasattr(item, "__dataclass_fields__") else item for item in value]
        if isinstance(value, tuple)
        else value
        for name, value in found.items()
    }


def _make(kind: type[T], values: Mapping[str, Any]) -> T:
    return kind(**values)
