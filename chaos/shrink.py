"""The shortest schedule that still shows a violation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chaos.schedule import INTERRUPTIONS, RETRY_PAUSE, Delivery, Schedule
from simulator.fc.service import RUNS

MOST_TRIES = 150


def shrink(schedule: Schedule, fails: Callable[[Schedule], bool]) -> Schedule:
    """Leave out what is not needed, one thing after the other, while ``fails`` is true of the rest."""
    tries = 0
    again = True
    while again:
        again = False
        for simpler in _simpler(schedule):
            tries += 1
            if tries > MOST_TRIES:
                return schedule
            if fails(simpler):
                schedule, again = simpler, True
                break
    return schedule


def _simpler(schedule: Schedule) -> Iterator[Schedule]:
    """Schedules with one thing less, the biggest things first."""
    for part in ("faults", "deeds", "deliveries"):
        whole = getattr(schedule, part)
        yield from (replace(schedule, **{part: whole[:place] + whole[place + 1 :]}) for place in range(len(whole)))
    for place, delivery in enumerate(schedule.deliveries):
        for less in _less(delivery):
            yield replace(schedule, deliveries=(*schedule.deliveries[:place], less, *schedule.deliveries[place + 1 :]))
    for place, fault in enumerate(schedule.faults):
        changed: tuple[dict[str, Any], ...] = ({"times": 1, "seconds": None}, {"skip": 0}, {"skip": fault.skip // 2})
        for changes in changed:
            less_fault = replace(fault, **changes)
            if less_fault != fault:
                yield replace(schedule, faults=(*schedule.faults[:place], less_fault, *schedule.faults[place + 1 :]))
    plain: dict[str, Any] = {"pause": RETRY_PAUSE, "phase": 0.0, "seed": 1, "runs": RUNS, "history": 0}
    for name, value in plain.items():
        if getattr(schedule, name) != value:
            yield replace(schedule, **{name: value})


def _less(delivery: Delivery) -> Iterator[Delivery]:
    if delivery.turns:
        yield replace(delivery, turns=())
    if len(delivery.turns) > 1:
        yield replace(delivery, turns=delivery.turns[:-1])
    if delivery.event in INTERRUPTIONS[1:]:
        yield replace(delivery, event="same")
    if delivery.at != 1.0:
        yield replace(delivery, at=1.0)
