"""One schedule again, told call by call."""

from __future__ import annotations

import sys

from chaos.invariants import violations
from chaos.run import tell
from chaos.schedule import Schedule
from chaos.story import Story


def replay(line: str) -> int:
    """Play a schedule's line, tell the story, judge it.

    Returns the exit code: 0 where nothing is violated, 1 where something is, 2 for what is no schedule.
    """
    try:
        schedule = Schedule.parse(line)
    except (TypeError, ValueError) as error:
        print(f"this is no schedule: {error}", file=sys.stderr)
        return 2
    print(schedule.line(), flush=True)
    story = tell(schedule)
    _tell_calls(story)
    _tell_runs(story)
    missed = [
        one for place, one in enumerate(schedule.faults) if place not in {hit.place for hit in story.hits.values()}
    ]
    print(*(f"never fired: {one}" for one in missed), sep="\n")
    wrong = list(violations(story))
    print(*(f"VIOLATED {name}: {text}" for name, text in wrong), f"{len(wrong)} violations", sep="\n")
    return 1 if wrong else 0


def _tell_calls(story: Story) -> None:
    for one in story.calls:
        hit = story.hits.get(one.number)
        said = hit.cell.effect if hit else one.code
        what = one.parameters.get("path", "").rpartition("/rescues/")[2].partition(f"{story.source_id}/")[2]
        caller = story.callers.get(one.number, "")
        line = f"{one.number:5} {one.at - story.start:8.1f} s  {caller:16} {one.product} {one.action} {what} {said}"
        print(line.rstrip())


def _tell_runs(story: Story) -> None:
    for run in story.runs:
        said = run.error or (run.answer or {}).get("reason", "")
        span = f"{run.began - story.start:8.1f} to {run.ended - story.start:8.1f} s"
        print(f"{run.name:16} {span}  {'killed: ' if run.killed else ''}{said}")
