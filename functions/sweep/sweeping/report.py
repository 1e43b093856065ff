"""The shape of a job, and the report of all jobs: each finds and decides, then acts on due items, in its own budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.errors import DeadlineReached, SpotkeeperError
from sweeping.context import Context
from sweeping.decide import Item, chosen


@dataclass(frozen=True)
class Job:
    """``find`` yields batches of items with their decisions: a batch is acted upon before the next is found.

    ``lines`` and ``done`` are keys of the answer: a line for each item, and the names of the items acted upon.
    ``verb`` is the action in words; at most ``limit`` items are acted upon, besides those that are not limited.
    """

    name: str
    find: Callable[[], Iterable[list[Item]]]
    lines: str
    done: str
    verb: str
    limit: int


@dataclass
class Report:
    """The results of all jobs. A job that fails, or exceeds its budget, does not stop the next."""

    run: Context
    results: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=dict)
    done: dict[str, list[str]] = field(default_factory=dict)
    plan: list[str] = field(default_factory=list)

    def take(self, job: Job) -> SpotkeeperError | None:
        """Do a job; returns the error that ended it, unless its time was up."""
        self.run.begin()
        before = len(self.done.setdefault(job.done, []))
        lines = self.lines.setdefault(job.lines, [])
        try:
            for items in job.find():
                lines += [item.line for item in items if item.line]
                for item in items:
                    if item.warning:
                        self.warn(item.warning, **item.about)
                self._act(job, items, job.limit - len(self.done[job.done]) + before)
        except DeadlineReached as error:
            self.warn(f"the time of this sweep was up: {error}")
        except SpotkeeperError as error:
            return error
        return None

    def _act(self, job: Job, items: list[Item], limit: int) -> None:
        due, later = chosen(items, max(0, limit))
        for item in later:
            self.warn(f"{item.name} waits for the next sweep (SPOTKEEPER_SWEEP_LIMIT)", **item.about)
        reached = 0
        for item in self.run.each(due):
            reached += 1
            if self.run.settings.dry_run:
                self.plan.append(f"{job.verb} {item.name}")
            elif self.attempt(item.name, item.act):
                self._result("done", f"{job.verb} {item.name}")
            else:
                continue
            self.done[job.done].append(item.name)
        self.cut(job.name, len(due) - reached)

    def attempt(self, name: str, act: Callable[[], bool | None]) -> bool:
        """Whether the action did something; a failure stops no other item."""
        try:
            return act() is not False
        except SpotkeeperError as error:
            self.failed(name, error)
            return False

    def failed(self, name: str, error: SpotkeeperError) -> None:
        """An item, or a job, has failed: the sweep raises at its end."""
        self._result("failed", f"{name}: {error}", error=type(error).__name__)

    def cut(self, what: str, missing: int) -> None:
        """So many items are left for want of time."""
        if missing:
            self.warn(f"the time of this sweep was up: {missing} {what} are left for the next sweep")

    def warn(self, text: str, **about: str) -> None:
        """Something for a human: in the answer, which nobody reads, and in the audit, with the fields ``about``."""
        self.warnings.append(text)
        self.run.audit.record("report", "seen", text, **about)

    def _result(self, outcome: str, reason: str, **more: str) -> None:
        """In the audit at once: the sweep may end with another error, or be killed."""
        self.results.append({"outcome": outcome, "reason": reason, **more})
        self.run.audit.record("act", outcome, reason)
