"""What a search has found, as text: the table, and for each violation how to see it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.fault_classes import ALONE, CLASSES, COMPANY, classes_of, company_of
from chaos.scenarios import SCENARIOS
from chaos.schedule import Cell, Schedule, Verdict

SHORT = {
    "throttle": "thr",
    "throttle+hint": "thr+h",
    "refused": "ref'd",
    "reset-before": "rst<",
    "reset-after": "rst>",
    "slow": "slow>",
    "garbage": "garb",
    "cut": "cut>",
    "kill-before": "kill<",
    "kill-after": "kill>",
    "code:ServiceUnavailable": "503",
    "code:InternalError": "500",
}
"""Columns: ``<`` is before the cloud acted, ``>`` after; what has no mark is a refusal, hence before."""
ENOUGH = 10


@dataclass
class Tally:
    """What was played so far. Schedules count once, and only where every fault in them fired."""

    played: int = 0
    calls: int = 0
    cpu_seconds: float = 0.0
    distinct: set[object] = field(default_factory=set)
    scenarios: Counter[str] = field(default_factory=Counter)
    """What is played (rescue, restart, hook) -> how many distinct schedules play it."""
    fired: Counter[Cell] = field(default_factory=Counter)
    classes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(class, company) -> how many distinct schedules had it."""
    violations: dict[str, list[tuple[Schedule, str]]] = field(default_factory=dict)

    def add(self, one: Verdict) -> None:
        """Take a verdict into account."""
        self.played += 1
        self.calls += len(one.calls)
        self.cpu_seconds += one.cpu_seconds
        if one.counts:
            if one.schedule.identity not in self.distinct:
                self.scenarios[SCENARIOS[one.schedule.scenario].kind.value] += 1
                kinds = classes_of(one.schedule)
                self.classes.update((kind, met) for kind in kinds for met in ("all", *company_of(one.schedule, kind)))
            self.distinct.add(one.schedule.identity)
            self.fired.update(one.fired)
        for name, text in one.violations:
            self.violations.setdefault(name, []).append((one.schedule, text))


def table(fired: Mapping[Cell, int]) -> Iterator[str]:
    """One row per action and column per fault that any action may meet; then the codes that only some have."""
    yield f"  {'':42}{''.join(f'{name:>6}' for name in SHORT.values())}"
    rows = sorted({(cell.product, cell.action) for cell in fired})
    for product, action in rows:
        counts = [fired.get(Cell(product, action, effect)) for effect in SHORT]
        yield f"  {product + ' ' + action:42}" + "".join(f"{'-' if one is None else one:>6}" for one in counts)
    codes: dict[str, list[tuple[str, int]]] = {}
    for cell, count in fired.items():
        if cell.effect not in SHORT:
            codes.setdefault(cell.effect.removeprefix("code:"), []).append((cell.action, count))
    for code, hit in sorted(codes.items()):
        total, least = sum(count for _, count in hit), min(count for _, count in hit)
        yield f"  {code}: {len(hit)} actions, fired {total} times, each at least {least}"


def classes(tally: Tally, played: Mapping[tuple[str, str], int]) -> Iterator[str]:
    """One row per class: distinct schedules that had it, in which company, and how often its variants were played."""
    columns = ("all", ALONE, *COMPANY)
    yield f"  {'':30}{''.join(f'{name:>13}' for name in columns)}"
    for kind in CLASSES:
        counts = "".join(f"{tally.classes[kind, name]:>13}" for name in columns)
        times = [count for (one, _), count in played.items() if one == kind]
        yield f"  {kind:30}{counts}  {len(times)} variants, each at least {min(times, default=0)}"


def rare(fired: Mapping[Cell, int]) -> str:
    """How many cells have not been hit often enough."""
    few = [cell for cell, count in fired.items() if count < ENOUGH]
    if not few:
        return f"each of {len(fired)} (action x fault x before/after) fired at least {ENOUGH} times"
    cells = f"{len(few)} of {len(fired)} (action x fault x before/after)"
    return f"{cells} fired less than {ENOUGH} times: give it a larger BUDGET"


def found(name: str, shown: Sequence[tuple[Schedule, str]], shortest: Schedule, seed: int) -> Iterator[str]:
    """One violated invariant, with the command that shows it again."""
    text = min(shown, key=lambda one: one[0].size)[1]
    yield f"VIOLATED {name} by {len({schedule.line() for schedule, _ in shown})} schedules of seed {seed}: {text}"
    yield f"  make chaos REPLAY='{shortest.line()}'"
