"""Medians, the table, and which targets are missed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from tools.bench.measure import Run
from tools.bench.sizes import Size
from tools.bench.stage import COMPILED, FLOOR, PLAIN

JUDGED = "interruption"
"""The function that has a notice running out."""
MOST_OF_PLAIN = 0.35
MOST_OF_COMPILED = 1.0
MOST_OF_FLOOR = 0.8
"""CPU seconds of each function against those of the floor."""
BY_THE_CLOCK = "sweep"
"""No event waits for its start, and it loads the OSS SDK before its first request."""
MOST_SECONDS = 3.0


@dataclass(frozen=True)
class Line:
    """One subject: medians, and the size it runs with (the sample: that of the function it stands for)."""

    name: str
    median: Run
    size: Size | None

    @property
    def cold_start(self) -> float | None:
        """Seconds that the CPU seconds take on the deployed vCPU."""
        return self.median.cpu / self.size.cpu if self.size else None


def lines(runs: Mapping[str, list[Run]], sizes: Mapping[str, Size]) -> list[Line]:
    """One line for each subject, in their order."""
    given = {PLAIN: sizes.get(JUDGED), COMPILED: sizes.get(JUDGED), **sizes}
    return [Line(name, _median(made), given.get(name)) for name, made in runs.items()]


def _median(runs: list[Run]) -> Run:
    return Run(
        median(run.seconds for run in runs),
        median(run.cpu for run in runs),
        median(run.memory for run in runs),
        runs[0].request,
    )


def table(made: list[Line]) -> Iterator[str]:
    """The lines of the table."""
    seconds = {line.name: line.median.seconds for line in made}
    floor = _floor(made)
    head = f"{'first request':<24}{'ms':>6}{'x no pyc':>10}{'x pip pyc':>11}{'CPU s':>8}{'x floor':>9}{'MB':>6}"
    yield f"{'':<39}{head}{'vCPU':>7}{'cold start':>12}"
    for line in made:
        run = line.median
        ratios = f"{run.seconds / seconds[PLAIN]:>10.2f}{run.seconds / seconds[COMPILED]:>11.2f}"
        size = f"{line.size.cpu:>7.2f}{line.cold_start:>10.2f} s" if line.size else ""
        usage = f"{run.cpu:>8.3f}{run.cpu / floor:>9.2f}{run.memory:>6.0f}"
        yield f"{line.name:<39}{run.request:<24}{run.seconds * 1000:>6.0f}{ratios}{usage}{size}"


def missed(made: list[Line], functions: list[str]) -> list[str]:
    """The targets that do not hold, in words."""
    seconds = {line.name: line.median.seconds for line in made}
    most = {PLAIN: MOST_OF_PLAIN, COMPILED: MOST_OF_COMPILED}
    ratios = {name: seconds[JUDGED] / seconds[name] for name in most}
    floor = _floor(made)
    started = [line for line in made if line.name in functions]
    return [
        *(
            f"{JUDGED} takes {ratios[name]:.2f} of '{name}', and may take {allowed}"
            for name, allowed in most.items()
            if ratios[name] > allowed
        ),
        *(
            f"{line.name} takes {line.median.cpu / floor:.2f} of the CPU of '{FLOOR}', and may take {MOST_OF_FLOOR}"
            for line in started
            if line.name != BY_THE_CLOCK and line.median.cpu / floor > MOST_OF_FLOOR
        ),
        *(
            f"{line.name} starts in {line.cold_start:.1f} s, and may take {MOST_SECONDS}"
            for line in started
            if (line.cold_start or 0) >= MOST_SECONDS
        ),
    ]


def _floor(made: list[Line]) -> float:
    return next(line.median.cpu for line in made if line.name == FLOOR)
