"""Plays one schedule: deliver, retry as Function Compute does, then sweep until nothing is open; then judge."""

from __future__ import annotations

import time
from collections import Counter

from chaos import reference
from chaos.invariants import violations
from chaos.platform import Platform, sweep
from chaos.schedule import Schedule, Verdict
from chaos.story import Story
from chaos.watching import RanAwayError
from chaos.world import World


def judge(schedule: Schedule) -> Verdict:
    """Play and judge one schedule."""
    began = time.process_time()
    story = tell(schedule)
    fired = {hit.place for hit in story.hits.values()}
    return Verdict(
        schedule=schedule,
        counts=len(fired) == len(schedule.faults) and len(story.done_deeds) == len(schedule.deeds),
        fired=dict(Counter(hit.cell for hit in story.hits.values())),
        calls=tuple((one.product, one.action) for one in story.calls),
        violations=tuple(violations(story)),
        cpu_seconds=time.process_time() - began,
    )


def tell(schedule: Schedule) -> Story:
    """Play one schedule to its end."""
    records = reference.records(schedule.scenario) if schedule.deeds else {}
    world = World(schedule, records, reference.history(schedule.history))
    ran_away = ""
    with world.playing():
        try:
            Platform(world, schedule).run()
            sweep(world, schedule.phase)
        except RanAwayError as error:
            ran_away = str(error)
    return world.story(ran_away)
