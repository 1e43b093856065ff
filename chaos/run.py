"""Plays one schedule: deliver, retry as Function Compute does, then sweep until nothing is open; then judge."""

from __future__ import annotations

import functools
import heapq
import time
from collections import Counter
from collections.abc import Callable
from itertools import count

from chaos.invariants import violations
from chaos.schedule import Delivery, Schedule, Verdict
from chaos.story import Run, Story
from chaos.world import EVENTS, RanAwayError, World, function_of
from simulator.fc.service import RUNS

MINUTE = 60.0
LONGEST = 30 * MINUTE
"""Simulated seconds of sweeping after which what is open will not end."""


def judge(schedule: Schedule) -> Verdict:
    """Play and judge one schedule."""
    began = time.process_time()
    story = tell(schedule)
    fired = {hit.place for hit in story.hits.values()}
    return Verdict(
        schedule=schedule,
        counts=len(fired) == len(schedule.faults),
        fired=dict(Counter(hit.cell for hit in story.hits.values())),
        calls=tuple((one.product, one.action) for one in story.calls),
        violations=tuple(violations(story)),
        cpu_seconds=time.process_time() - began,
    )


def tell(schedule: Schedule) -> Story:
    """Play one schedule to its end."""
    world = World(schedule)
    ran_away = ""
    with world.playing():
        try:
            Platform(world, schedule).run()
            sweep(world, schedule.phase)
        except RanAwayError as error:
            ran_away = str(error)
    return world.story(ran_away)


class Platform:
    """Function Compute, as far as it delivers events and tries again; and what others do in the meantime."""

    def __init__(self, world: World, schedule: Schedule) -> None:
        self._world = world
        self._pause = schedule.pause
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        for at, step in world.scenario.steps:
            self._at(world.start + at, functools.partial(step, world.cloud, world.fleet))
        for delivery in schedule.deliveries:
            self._at(world.start + delivery.at, functools.partial(self._deliver, delivery))

    def run(self) -> None:
        """Until everything is delivered, or given up."""
        while self._due:
            moment, _, act = heapq.heappop(self._due)
            self._world.pass_time(moment)
            act()
            self._world.cloud.fc.run_due()

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (moment, next(self._order), act))

    def _deliver(self, delivery: Delivery) -> None:
        if delivery.turns:
            for run in self._world.beside(delivery):
                self._retry(delivery.event, run, 1)
        else:
            self._attempt(delivery.event, 1)

    def _attempt(self, event: str, attempt: int) -> None:
        self._retry(event, self._world.call(function_of(event), EVENTS[event]), attempt)

    def _retry(self, event: str, run: Run, attempt: int) -> None:
        """After an error three times, with pauses that double; the sweep's timer comes again anyway."""
        if run.error and attempt < RUNS and event != "timer":
            pause = self._pause * 2 ** (attempt - 1)
            self._at(self._world.cloud.now() + pause, functools.partial(self._attempt, event, attempt + 1))


def sweep(world: World, phase: float) -> None:
    """Sweep every minute until nothing is open; then once more after the source's release."""
    cloud = world.cloud
    began = cloud.now()
    while cloud.now() - began < LONGEST:
        _sweep_once(world, phase)
        if world.settled:
            break
    released = max([one.release_at or 0.0 for one in cloud.ecs.instances.values()])
    world.pass_time(released + 1)
    _sweep_once(world, phase)


def _sweep_once(world: World, phase: float) -> None:
    """At the timer's next minute, with what it hands over."""
    cloud = world.cloud
    since = cloud.now() - world.start - phase
    world.pass_time(world.start + phase + MINUTE * (since // MINUTE + 1))
    world.call("sweep", EVENTS["timer"])
    cloud.fc.run_due()
