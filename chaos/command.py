"""``spotkeeper chaos``: every kill in every scenario, and random combinations until the budget is used up.

Exit code 0: nothing was violated; 1: something was.
"""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from multiprocessing import get_context
from multiprocessing.pool import Pool

from chaos import report
from chaos.run import judge
from chaos.scenario import Kind, Scenario
from chaos.scenarios import SCENARIOS
from chaos.schedule import Schedule, Verdict
from chaos.search import Calls, Combinations, kills
from chaos.shrink import shrink

BATCH = 48
CHUNK = 4
TELL_SECONDS = 10.0


def search(budget: float, seed: int, kind: Kind | None = None, *, first: bool = False) -> int:
    """Play every kill of the scenarios (of a kind), and combinations for ``budget`` seconds; returns the exit code.

    ``first``: stop at the first violation.
    """
    cores = os.cpu_count() or 1
    # Ctrl-C ends the search with its report; those who play must not fall over it meanwhile.
    with get_context("spawn").Pool(cores, signal.signal, (signal.SIGINT, signal.SIG_IGN)) as pool:
        return Search(pool, cores, budget, seed, kind, first).run()


@dataclass
class Search:
    """One run of the command; ``budget``: seconds that are left for combinations."""

    pool: Pool
    cores: int
    budget: float
    seed: int
    kind: Kind | None
    first: bool
    tally: report.Tally = field(default_factory=report.Tally)

    def __post_init__(self) -> None:
        self.began = self._told = time.monotonic()

    def run(self) -> int:
        """Reference, kills, combinations, report; the exit code."""
        scenarios = [one for one in SCENARIOS.values() if self.kind in (None, one.kind)]
        print(f"{len(scenarios)} scenarios on {self.cores} cores; first without any disturbance", flush=True)
        references = self._references(scenarios)
        combinations = Combinations(references, self.seed)
        try:
            self._search(references, combinations)
        except KeyboardInterrupt:
            print("broken off: this is what was found up to here")
        return self._report(combinations)

    def _search(self, references: Mapping[str, Calls], combinations: Combinations) -> None:
        # They take turns, so that what only one of the two can find shows early.
        for chunk in _chunks(kills(references), BATCH):
            if self._stop:
                return
            combinations.note(self._play(chunk))
            self._combine(combinations)
        print(f"every kill in {len(references)} scenarios: {self._seconds:.0f} s", flush=True)
        while not self._stop and self.budget > 0:
            self._combine(combinations)

    def _combine(self, combinations: Combinations) -> None:
        """One batch of combinations, where there is time left for it."""
        began = time.monotonic()
        if not self._stop and self.budget > 0:
            combinations.note(self._play(combinations.batch(BATCH)))
        self.budget -= time.monotonic() - began

    @property
    def _stop(self) -> bool:
        return self.first and bool(self.tally.violations)

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self.began

    def _references(self, scenarios: Iterable[Scenario]) -> dict[str, Calls]:
        """What each scenario calls when nothing disturbs it."""
        undisturbed = [Schedule(one.name, one.deliveries) for one in scenarios]
        return {one.schedule.scenario: one.calls for one in self._play(undisturbed)}

    def _play(self, schedules: Sequence[Schedule]) -> list[Verdict]:
        """In all processes."""
        played = []
        for one in self.pool.imap(judge, schedules, CHUNK):
            new = one.names - self.tally.violations.keys()
            self.tally.add(one)
            played.append(one)
            if new:
                print(f"violated after {self._seconds:.0f} s: {', '.join(sorted(new))}")
                print(f"  make chaos REPLAY='{one.schedule.line()}'", flush=True)
            self._tell()
        return played

    def _tell(self) -> None:
        """How far it is, now and then."""
        if time.monotonic() - self._told >= TELL_SECONDS:
            self._told = time.monotonic()
            found = f"{len(self.tally.distinct)} distinct schedules, {len(self.tally.violations)} invariants violated"
            print(f"{self._seconds:5.0f} s: {found}, {max(0.0, self.budget):.0f} s of combinations left", flush=True)

    def _report(self, combinations: Combinations) -> int:
        tally = self.tally
        print(*report.table(combinations.fired), sep="\n")
        print(report.rare(combinations.fired))
        print(*report.classes(tally, combinations.played), sep="\n")
        print(
            f"{len(tally.distinct)} distinct schedules in which every fault fired ({tally.played} played), "
            f"{tally.calls} calls, seed {self.seed}, {self.cores} cores, {self._seconds:.0f} s "
            f"({tally.cpu_seconds:.0f} s of CPU)"
        )
        print(f"of them: {', '.join(f'{count} of a {kind}' for kind, count in tally.scenarios.items())}")
        for name, shown in sorted(tally.violations.items()):
            smallest = min((one for one, _ in shown), key=lambda one: one.size)
            print(f"looking for the shortest schedule that violates {name}", flush=True)
            shortest = shrink(smallest, functools.partial(_shows, name))
            print(*report.found(name, shown, shortest, self.seed), sep="\n", flush=True)
        print(f"{len(tally.violations)} invariants violated")
        return 1 if tally.violations else 0


def _shows(name: str, schedule: Schedule) -> bool:
    return name in judge(schedule).names


def _chunks(schedules: Iterable[Schedule], size: int) -> Iterator[list[Schedule]]:
    rest = iter(schedules)
    while chunk := list(islice(rest, size)):
        yield chunk
