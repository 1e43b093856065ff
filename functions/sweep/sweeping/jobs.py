"""A sweep as a list of jobs of one shape: each finds and decides, then acts on what is due, in a budget of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.errors import BatchFailed, DeadlineReached, SpotkeeperError
from sweeping.context import Context
from sweeping.decide import Item, chosen


@dataclass(frozen=True)
class Job:
    """``find`` yields batches of items with what is decided about each: a batch is acted upon before the next is found.

    ``lines`` and ``done`` are keys of the answer: a line for each item, and the names of those that were acted upon.
    ``verb`` is the action in words; at most ``limit`` items are acted upon.
    """

    name: str
    find: Callable[[], Iterable[list[Item]]]
    lines: str
    done: str
    verb: str
    limit: int


@dataclass
class Report:
    """What the jobs have come to. One that fails, or has more to do than its budget, leaves the next its own."""

    run: Context
    results: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=dict)
    done: dict[str, list[str]] = field(default_factory=dict)
    plan: list[str] = field(default_factory=list)

    def take(self, job: Job) -> SpotkeeperError | None:
        """Do one job; why it could not be done to its end, unless its time was up."""
        self.run.begin()
        before = len(self.done.setdefault(job.done, []))
        lines = self.lines.setdefault(job.lines, [])
        try:
            for items in job.find():
                lines += [one.line for one in items if one.line]
                self.warnings += [one.warning for one in items if one.warning]
                self._act(job, items, job.limit - len(self.done[job.done]) + before)
        except DeadlineReached as error:
            self.warnings.append(f"the time of this sweep was up: {error}")
        except SpotkeeperError as error:
            return error
        return None

    def _act(self, job: Job, items: list[Item], limit: int) -> None:
        due, later = chosen(items, max(0, limit))
        self.warnings += [f"{one.name} waits for the next sweep (SPOTKEEPER_SWEEP_LIMIT)" for one in later]
        reached = 0
        for one in self.run.each(due):
            reached += 1
            if self.run.settings.dry_run:
                self.plan.append(f"{job.verb} {one.name}")
            elif self.attempt(one.name, one.act):
                self.results.append({"outcome": "done", "reason": f"{job.done.replace('_', ' ')}: {one.name}"})
            else:
                continue
            self.done[job.done].append(one.name)
        self.cut(f"to {job.verb}", len(due) - reached)

    def attempt(self, name: str, act: Callable[[], bool | None]) -> bool:
        """Whether it did something; a failure stops no other item."""
        try:
            return act() is not False
        except SpotkeeperError as error:
            self.failed(name, error)
            return False

    def failed(self, name: str, error: SpotkeeperError) -> None:
        """An item, or a job, has failed: the sweep raises at its end."""
        self.results.append({"outcome": "failed", "reason": f"{name}: {error}", "error": type(error).__name__})

    def cut(self, what: str, missing: int) -> None:
        """So many were left for want of time."""
        if missing:
            self.warnings.append(f"the time of this sweep was up: {missing} {what} are left for the next one")

    def answer(self) -> dict[str, Any]:
        """The answer. Raises ``BatchFailed``."""
        for result in self.results:
            self.run.audit.record("act", result["outcome"], result["reason"])
        if failed := [one["reason"] for one in self.results if one["outcome"] == "failed"]:
            raise BatchFailed(f"{len(failed)} of {len(self.results)} failed: {'; '.join(failed)}", self.results)
        answer: dict[str, Any] = {**self.lines, "warnings": self.warnings}
        if self.run.settings.dry_run:
            reason = "dry run: nothing was handed over or deleted"
            return {"outcome": "skipped", "reason": reason, "plan": self.plan, **answer}
        answer |= self.done
        if not any(self.done.values()):
            reason = "nothing was handed over or deleted: see the warnings" if self.warnings else "nothing was missed"
            return {"outcome": "skipped", "reason": reason, **answer}
        counts = ", ".join(f"{len(names)} {what.replace('_', ' ')}" for what, names in self.done.items())
        return {"outcome": "done", "reason": counts, **answer}
