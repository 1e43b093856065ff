"""What happened in one schedule: what the invariants judge."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from chaos.journal_keys import record_of
from chaos.scenario import Scenario
from chaos.schedule import Cell, Schedule
from simulator import proof
from simulator.cloud import Call

READING = ("Describe", "List", "Get", "Head")
HINTS = ("/alive/", "/open/")
AT_WORK = ("spotkeeper:hook-", "spotkeeper:failed-")
"""How the tags begin that a function sets while it is at work."""
AFTER = frozenset({"reset-after", "slow", "cut", "kill-after"})
"""Effects on calls that were acted upon."""


@dataclass(frozen=True)
class Hit:
    """A call that a fault hit; ``place`` is the fault's in the schedule."""

    cell: Cell
    place: int


@dataclass(frozen=True)
class Forgery:
    """A record that somebody else wrote (``chaos.deeds``), ``at`` a virtual moment, after so many ``calls`` of all."""

    what: str
    name: str
    number: int
    """Of the episode."""
    calls: int
    at: float


@dataclass
class Run:
    """One run of a function: ``began`` and ``ended`` in virtual seconds; its answer, or what it raised.

    ``ancestors`` are the class names of the error. ``beside``: another run took turns with it. ``replaced``: when it
    began, DescribeInstances showed a replacement.
    """

    name: str
    function: str
    began: float
    ended: float = 0.0
    beside: bool = False
    replaced: bool = False
    killed: bool = False
    answer: dict[str, Any] | None = None
    error: str = ""
    ancestors: tuple[str, ...] = ()


@dataclass
class Story:
    """``start`` is when the lock was set; ``callers`` has the name of the run that made the n-th call.

    ``outputs`` is everything that was printed, logged or raised; ``secrets`` may be in none of it.
    """

    schedule: Schedule
    scenario: Scenario
    source_id: str
    start: float
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    calls: list[Call]
    callers: Mapping[int, str]
    runs: list[Run]
    outputs: list[str]
    secrets: tuple[str, ...]
    hits: Mapping[int, Hit] = field(default_factory=dict)
    resources: tuple[str | None, ...] = ()
    """For each fault the id of what it is ``on``."""
    done_deeds: AbstractSet[int] = frozenset()
    planted: tuple[Forgery, ...] = ()
    """What somebody else wrote, under any number."""
    history_changed: int = 0
    """How many objects of the past year are not as they were."""
    starts: tuple[float, ...] = ()
    """When the source of a restart was started by a function."""
    served: AbstractSet[str] = frozenset()
    """The bad machines of a hook that took traffic at some moment."""
    token: str = ""
    """Of the hook's lifecycle action."""
    ran_away: str = ""
    """Why the story was broken off, where a function went round in circles."""

    @cached_property
    def journal(self) -> dict[str, dict[str, Any]]:
        """Episode number -> name of a record -> its document."""
        found: dict[str, dict[str, Any]] = {}
        for key, stored in self.after["oss"]["spotkeeper-journal"].items():
            record = record_of(key)
            if record is not None and record.instance_id == self.source_id:
                found.setdefault(record.number, {})[record.name] = _document(stored.get("text", ""))
        return found

    @cached_property
    def number(self) -> int:
        """The number of the first episode that a call has begun: what stood in the journal before has its own."""
        written = (record_of(one.parameters["path"]) for one in self.calls if one.action == "PutObject")
        attempts = (one for one in written if one and one.name == "attempt-1" and one.instance_id == self.source_id)
        return min((int(one.number) for one in attempts), default=1)

    @property
    def forgeries(self) -> list[Forgery]:
        """What somebody else wrote among the records of the first episode that a call has begun."""
        return [one for one in self.planted if one.number == self.number]

    @property
    def first(self) -> dict[str, Any]:
        """The records of the first episode that a call has begun."""
        return self.journal.get(str(self.number), {})

    @property
    def done(self) -> dict[str, Any] | None:
        """The answer of the first episode where it is done."""
        record = self.first.get("done")
        return dict(record["answer"]) if record and isinstance(record.get("answer"), dict) else None

    @cached_property
    def replacements(self) -> list[Mapping[str, Any]]:
        """The instances that were not there before."""
        known = proof.ids(self.before)
        return [one for one in self.after["ecs"]["instances"] if one["InstanceId"] not in known]

    @cached_property
    def images(self) -> list[Mapping[str, Any]]:
        """The images that were not there before."""
        return list(proof.new_images(self.before, self.after))

    @cached_property
    def source(self) -> Mapping[str, Any] | None:
        """The source at the end; None once it is released."""
        return proof.instance(self.after, self.source_id)

    @property
    def released_at(self) -> float | None:
        """When the source was released."""
        gone = [one["At"] for one in self.after["ecs"]["released"] if one["InstanceId"] == self.source_id]
        return gone[0] if gone else None

    @property
    def ending(self) -> dict[str, Any]:
        """What is left in the end of an instance that stopped, or of a hook: the same, whatever has happened to it."""
        instances = self.after["ecs"]["instances"]
        tags = [(one["InstanceId"], name) for one in instances for name in one["Tags"] if name.startswith(AT_WORK)]
        return {
            "instances": {one["InstanceId"]: one["Status"] for one in instances},
            "tags": sorted(tags),
            "groups": proof.memberships(self.after),
            "lifecycle states": {one["InstanceId"]: one["LifecycleState"] for one in self.after["ess"]["instances"]},
            "hook": [
                (one["LifecycleActionStatus"], one["LifecycleActionResult"]) for one in self.after["ess"]["actions"]
            ],
        }

    def writes(self) -> Iterator[Call]:
        """The calls that change something or try to, the journal's records included; hints come and go."""
        found = (one for one in self.calls if not one.action.startswith(READING) and one.product != "fc")
        return (one for one in found if not any(hint in str(one.parameters.get("path")) for hint in HINTS))

    def acted_upon(self, call: Call) -> bool:
        """Whether the cloud did what the call asked for, whatever the caller heard of it.

        A call that was refused and whose refusal got lost counts too: nobody can tell.
        """
        hit = self.hits.get(call.number)
        return not call.code if hit is None else hit.cell.effect in AFTER

    def recorded(self, name: str) -> int | None:
        """The number of the first call that wrote a record of this name (a pattern); None where none did.

        No call can write a record where somebody else's stands.
        """
        for one in self.calls:
            record = record_of(one.parameters["path"]) if one.action == "PutObject" else None
            if record and record.is_of(self.source_id, self.number) and re.fullmatch(name, record.name):
                taken = any(other.name == record.name and other.calls < one.number for other in self.forgeries)
                if self.acted_upon(one) and not taken:
                    return one.number
        return None

    def runs_of(self, function: str) -> list[Run]:
        """The runs of one function, in the order in which they began."""
        return [one for one in self.runs if one.function == function]

    def forged(self, pattern: str) -> list[Forgery]:
        """What somebody else wrote as a record of such a name (a pattern), in that order."""
        return [one for one in self.forgeries if re.fullmatch(pattern, one.name)]

    def begun(self, function: str) -> list[int]:
        """The number of the first call of each run of a function."""
        first = {name: number for number, name in sorted(self.callers.items(), reverse=True)}
        return [first[run.name] for run in self.runs_of(function) if run.name in first]

    def disturbed(self, *products: str) -> bool:
        """Whether a fault other than a killed caller hit a call of one of these products."""
        cells = (hit.cell for hit in self.hits.values())
        return any(cell.product in products and not cell.effect.startswith("kill-") for cell in cells)


def _document(text: str) -> dict[str, Any]:
    """What a record says; nothing where it is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
