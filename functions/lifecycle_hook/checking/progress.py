"""How far the checks have come on a set of instances. Pure: observing and acting give new values of it.

The checks of a plan are stages: a stage begins when every instance that is still in the running has passed the one
before, so that the same instances always make the same RunCommand, whoever asks again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from checking.assignment import Chosen
from checking.catalogue import Script

INSTANCES_PER_COMMAND = 50
"""RunCommand takes 100; accounts whose quota was never raised had 50."""
DELIVERY_SECONDS = 60.0
"""A command that is not delivered by then is Aborted (RunCommand)."""
SILENCE_SECONDS = 60.0
"""So long after delivery and timeout Cloud Assistant must have said how a command ended."""


class Readiness(Enum):
    """Whether a command can reach an instance."""

    READY = "ready"
    WAITING = "waiting"
    NEVER = "never"


@dataclass(frozen=True)
class Machine:
    """An instance to check: whether it runs and its Cloud Assistant agent has a heartbeat, and if not, why.

    ``out_since``: since when it is seen neither running nor on its way; None where it is.
    """

    readiness: Readiness
    why: str = ""
    os_type: str = "linux"
    out_since: float | None = None


@dataclass(frozen=True)
class Batch:
    """One RunCommand that is due."""

    stage: int
    attempt: int
    script: Script
    instance_ids: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """One RunCommand that was accepted ``at`` (seconds since 1970)."""

    stage: int
    attempt: int
    invoke_id: str
    instance_ids: tuple[str, ...]
    at: float


@dataclass(frozen=True)
class Result:
    """How one command ended on one instance; ``again``: it was never executed and can be tried from ``due_at`` on."""

    instance_id: str
    check: str
    attempt: int
    passed: bool
    again: bool
    reason: str
    due_at: float = 0.0
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Progress:
    """``instance_ids``: whom the lifecycle action lists. ``results`` are the last ones by (stage, instance)."""

    instance_ids: tuple[str, ...]
    chosen: tuple[Chosen, ...]
    machines: Mapping[str, Machine] = field(default_factory=dict)
    runs: tuple[Run, ...] = ()
    results: Mapping[tuple[int, str], Result] = field(default_factory=dict)

    def replace(self, **changes: Any) -> Progress:
        """The same progress with ``changes``."""
        return replace(self, **changes)

    def with_machines(self, machines: Mapping[str, Machine]) -> Progress:
        """What was seen of some of the instances."""
        return self.replace(machines={**self.machines, **machines})

    def with_results(self, stage: int, results: Sequence[Result]) -> Progress:
        """How some commands ended. What was never delivered waits for its agent again."""
        lost = {one.instance_id: self._waiting_again(one) for one in results if one.again}
        ended = {(stage, one.instance_id): one for one in results}
        return self.replace(results={**self.results, **ended}, machines={**self.machines, **lost})

    def _waiting_again(self, result: Result) -> Machine:
        return replace(self.machines[result.instance_id], readiness=Readiness.WAITING, why=result.reason)

    @property
    def failures(self) -> dict[str, str]:
        """Instance -> why it has failed."""
        never = {one: machine.why for one, machine in self.machines.items() if machine.readiness is Readiness.NEVER}
        ended = [one for one in self.results.values() if not one.passed and not one.again]
        failed = never | {one.instance_id: one.reason for one in ended}
        return {one: why for one, why in failed.items() if one in self.instance_ids}

    @property
    def passed(self) -> list[str]:
        """Instances that have passed every check."""
        return [one for one in self._in_the_running() if self._stage_of(one) == len(self.chosen)]

    @property
    def waiting(self) -> list[str]:
        """Instances that no command can reach yet."""
        busy = {one for run in self.outstanding() for one in run.instance_ids} | set(self.passed)
        return [one for one in self._in_the_running() if one not in busy and not self._ready(one)]

    @property
    def unreached(self) -> list[str]:
        """Instances on which no command could be executed yet: those that wait, and those that it did not come to."""
        busy = {one for run in self.outstanding() for one in run.instance_ids}
        lost = {one.instance_id for one in self.results.values() if one.again} - busy
        waiting = set(self.waiting)
        return [one for one in self._in_the_running() if one in lost or one in waiting]

    def _in_the_running(self) -> list[str]:
        failures = self.failures
        return [one for one in self.instance_ids if one not in failures]

    def _ready(self, instance_id: str) -> bool:
        machine = self.machines.get(instance_id)
        return machine is not None and machine.readiness is Readiness.READY

    def _stage_of(self, instance_id: str) -> int:
        """The first check that it has not passed."""
        ended = (self.results.get((stage, instance_id)) for stage in range(len(self.chosen)))
        return next((stage for stage, one in enumerate(ended) if one is None or not one.passed), len(self.chosen))

    def outstanding(self) -> Iterator[Run]:
        """Commands that have not ended everywhere, with the instances where they have not."""
        for run in self.runs:
            left = tuple(one for one in run.instance_ids if one in self.instance_ids and not self._ended(run, one))
            if left:
                yield replace(run, instance_ids=left)

    def _ended(self, run: Run, instance_id: str) -> bool:
        result = self.results.get((run.stage, instance_id))
        return result is not None and result.attempt >= run.attempt

    def silent(self, now: float) -> list[Run]:
        """Commands of which Cloud Assistant should have said long ago how they ended."""
        return [run for run in self.outstanding() if now > run.at + self._patience(run)]

    def _patience(self, run: Run) -> float:
        return DELIVERY_SECONDS + self.chosen[run.stage].check.timeout + SILENCE_SECONDS

    def batches(self, now: float) -> list[Batch]:
        """The commands that are due; none while an instance that needs its first one cannot be reached yet."""
        stage = min((self._stage_of(one) for one in self._in_the_running()), default=len(self.chosen))
        if stage == len(self.chosen):
            return []
        running = {one for run in self.outstanding() for one in run.instance_ids}
        here = [one for one in self._in_the_running() if self._stage_of(one) == stage and one not in running]
        if not all(self._ready(one) or (stage, one) in self.results for one in here):
            return []
        groups: dict[tuple[int, str], list[str]] = {}
        for one in sorted(one for one in here if self._ready(one) and self._due(stage, one, now)):
            groups.setdefault((self._next_attempt(stage, one), self.machines[one].os_type), []).append(one)
        return [batch for key, ids in sorted(groups.items()) for batch in self._chunks(stage, key, ids)]

    def _due(self, stage: int, instance_id: str, now: float) -> bool:
        last = self.results.get((stage, instance_id))
        return last is None or now >= last.due_at

    def _next_attempt(self, stage: int, instance_id: str) -> int:
        last = self.results.get((stage, instance_id))
        return last.attempt + 1 if last else 1

    def _chunks(self, stage: int, key: tuple[int, str], ids: Sequence[str]) -> Iterator[Batch]:
        attempt, os_type = key
        script = self.chosen[stage].check.scripts[os_type]
        for start in range(0, len(ids), INSTANCES_PER_COMMAND):
            yield Batch(stage, attempt, script, tuple(ids[start : start + INSTANCES_PER_COMMAND]))

    def without_waiting(self, why: str) -> Progress:
        """Nobody waits any longer for the instances that no command can reach."""
        given_up = {one: self._never(one, why) for one in self.unreached}
        return self.with_machines(given_up)

    def _never(self, instance_id: str, why: str) -> Machine:
        seen = self.machines.get(instance_id, Machine(Readiness.WAITING, "it was not looked at"))
        last = next((one for (_, name), one in self.results.items() if name == instance_id and one.again), None)
        return replace(seen, readiness=Readiness.NEVER, why=f"{seen.why or (last.reason if last else '')}; {why}")
