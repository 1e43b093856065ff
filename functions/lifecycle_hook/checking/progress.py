"""The progress of the checks on the instances of a lifecycle action. Pure: reads and actions make new values of it.

The checks of a plan are stages: a stage begins when every instance that has not failed has passed the stage before, so
that every call makes the same RunCommand for the same instances.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from checking.assignment import Chosen
from checking.catalogue import Script
from spotkeeper.clients import chunks

INSTANCES_PER_COMMAND = 50
"""RunCommand accepts 100; accounts with an old quota have 50."""
DELIVERY_SECONDS = 60.0
"""A command that is not delivered within this time is Aborted (RunCommand)."""
SILENCE_SECONDS = 60.0
"""Cloud Assistant must show the result of a command within this time after delivery and timeout."""


class Readiness(Enum):
    """Whether a command can reach an instance."""

    READY = "ready"
    WAITING = "waiting"
    NEVER = "never"


@dataclass(frozen=True)
class InstanceState:
    """An instance to check: whether a command can reach it, and if not, why.

    ``running``: it was not seen in another status. ``out_since``: since when it is neither running nor starting, or
    refused by Cloud Assistant; None where it is not.
    """

    readiness: Readiness
    why: str = ""
    os_type: str = "linux"
    running: bool = True
    out_since: float | None = None


@dataclass(frozen=True)
class Batch:
    """A RunCommand that is due."""

    stage: int
    attempt: int
    script: Script
    instance_ids: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """A RunCommand that was accepted ``at`` (seconds since 1970)."""

    stage: int
    attempt: int
    invoke_id: str
    instance_ids: tuple[str, ...]
    at: float


@dataclass(frozen=True)
class Result:
    """The result of a command on an instance; ``again``: it was not executed and is tried again from ``due_at`` on."""

    instance_id: str
    check: str
    attempt: int
    passed: bool = False
    again: bool = False
    reason: str = ""
    due_at: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """``instance_ids`` are checked by ``chosen``. ``results`` has the latest by (stage, instance)."""

    instance_ids: tuple[str, ...] = ()
    chosen: tuple[Chosen, ...] = ()
    instances: Mapping[str, InstanceState] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    results: Mapping[tuple[int, str], Result] = field(default_factory=dict)

    def replace(self, **changes: Any) -> Progress:
        """The same progress with ``changes``."""
        return replace(self, **changes)

    def with_instances(self, instances: Mapping[str, InstanceState]) -> Progress:
        """The same progress after a look at some of the instances."""
        return self.replace(instances={**self.instances, **instances})

    def with_results(self, stage: int, results: Sequence[Result]) -> Progress:
        """The same progress with results. An instance whose command was not delivered waits for its agent again."""
        ended = {(stage, result.instance_id): result for result in results}
        again = {result.instance_id: result.reason for result in results if result.again}
        waiting = {
            name: replace(self.instances[name], readiness=Readiness.WAITING, why=why) for name, why in again.items()
        }
        return self.replace(results={**self.results, **ended}).with_instances(waiting)

    @property
    def failures(self) -> dict[str, str]:
        """The reason of the failure, by instance."""
        never = {name: seen.why for name, seen in self.instances.items() if seen.readiness is Readiness.NEVER}
        ended = [result for result in self.results.values() if not result.passed and not result.again]
        failed = never | {result.instance_id: result.reason for result in ended}
        return {name: why for name, why in failed.items() if name in self.instance_ids}

    @property
    def passed(self) -> list[str]:
        """Instances that have passed every check."""
        return [name for name in self._unfailed() if self._stage_of(name) == len(self.chosen)]

    @property
    def not_running(self) -> list[str]:
        """Instances that were seen in another status than Running, or that do not exist."""
        return [name for name in self.instance_ids if name in self.instances and not self.instances[name].running]

    @property
    def waiting(self) -> list[str]:
        """Instances that no command can reach yet."""
        busy = self._running() | set(self.passed)
        return [name for name in self._unfailed() if name not in busy and not self._ready(name)]

    @property
    def unreached(self) -> list[str]:
        """Instances on which no command was executed yet: those that wait, and those with an undelivered command."""
        lost = {result.instance_id for result in self.results.values() if result.again} - self._running()
        unreached = lost | set(self.waiting)
        return [name for name in self._unfailed() if name in unreached]

    def _unfailed(self) -> list[str]:
        failures = self.failures
        return [name for name in self.instance_ids if name not in failures]

    def _ready(self, name: str) -> bool:
        instance = self.instances.get(name)
        return instance is not None and instance.readiness is Readiness.READY

    def _stage_of(self, name: str) -> int:
        """The first check that the instance has not passed."""
        results = (self.results.get((stage, name)) for stage in range(len(self.chosen)))
        unpassed = (stage for stage, result in enumerate(results) if result is None or not result.passed)
        return next(unpassed, len(self.chosen))

    def outstanding(self) -> Iterator[Run]:
        """Commands without all of their results, with the instances whose result is missing."""
        for run in self.runs:
            listed = (name for name in run.instance_ids if name in self.instance_ids)
            known = {name: self.results.get((run.stage, name)) for name in listed}
            left = (name for name, result in known.items() if result is None or result.attempt < run.attempt)
            if names := tuple(left):
                yield replace(run, instance_ids=names)

    def _running(self) -> set[str]:
        return {name for run in self.outstanding() for name in run.instance_ids}

    def silent(self, now: float) -> list[Run]:
        """Commands whose result is overdue."""
        longest = DELIVERY_SECONDS + SILENCE_SECONDS
        return [run for run in self.outstanding() if now > run.at + longest + self.chosen[run.stage].check.timeout]

    def batches(self, now: float) -> list[Batch]:
        """The commands that are due; none while an instance that needs its first command cannot be reached yet."""
        stage = min((self._stage_of(name) for name in self._unfailed()), default=len(self.chosen))
        if stage == len(self.chosen):
            return []
        running = self._running()
        here = [name for name in self._unfailed() if self._stage_of(name) == stage and name not in running]
        if not all(self._ready(name) or (stage, name) in self.results for name in here):
            return []
        groups: dict[tuple[int, str], list[str]] = {}
        for name in sorted(filter(self._ready, here)):
            last = self.results.get((stage, name))
            if last is None or now >= last.due_at:
                attempt = last.attempt + 1 if last else 1
                groups.setdefault((attempt, self.instances[name].os_type), []).append(name)
        return [
            Batch(stage, attempt, self.chosen[stage].check.scripts[os_type], tuple(names))
            for (attempt, os_type), group in sorted(groups.items())
            for names in chunks(group, INSTANCES_PER_COMMAND)
        ]

    def without_silent(self, now: float) -> Progress:
        """The same progress, where commands whose result is overdue have failed."""
        progress = self
        for run in self.silent(now):
            check = self.chosen[run.stage].check.name
            reason = f"{check}: Cloud Assistant shows no result"
            lost = [Result(instance_id, check, run.attempt, reason=reason) for instance_id in run.instance_ids]
            progress = progress.with_results(run.stage, lost)
        return progress

    def without_waiting(self, why: str) -> Progress:
        """The same progress, where instances that no command can reach have failed."""
        return self.with_instances({name: self._never(name, why) for name in self.unreached})

    def _never(self, name: str, why: str) -> InstanceState:
        seen = self.instances.get(name, InstanceState(Readiness.WAITING, "it was not looked at"))
        undelivered = (result.reason for (_, owner), result in self.results.items() if owner == name and result.again)
        return replace(seen, readiness=Readiness.NEVER, why=f"{seen.why or next(undelivered, '')}; {why}")
