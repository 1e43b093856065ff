"""Function Compute around the functions: deliveries and retries, what others do meanwhile, then the sweep's timer."""

from __future__ import annotations

import functools
import heapq
from collections.abc import Callable
from itertools import count

from chaos.scenario import Kind
from chaos.schedule import Delivery, Schedule
from chaos.stages import FUNCTIONS
from chaos.story import Run
from chaos.world import World

MINUTE = 60.0
LONGEST = 90 * MINUTE
"""Simulated seconds of sweeping after which what is open will not end."""
LONG_ENOUGH = 6 * MINUTE
"""The same where it is known that it cannot end, because somebody goes on refusing or has written a record."""


class Platform:
    """Function Compute, as far as it delivers events and tries again; and what others do in the meantime.

    Where it tries nothing again, the sweep's timer is all that goes on: it comes every minute from the beginning.
    Where it does, the timer of a rescue begins after the last delivery, so that both orders are played.
    """

    def __init__(self, world: World, schedule: Schedule) -> None:
        self._world = world
        self._pause, self._runs = schedule.pause, schedule.runs
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        for at, step in world.scenario.steps:
            self._at(world.start + at, functools.partial(world.others_do, step))
        for place, deed in enumerate(schedule.deeds):
            if deed.at and deed.call is None:
                self._at(world.start + deed.at, functools.partial(world.deeds.do, place, world.before))
        for delivery in schedule.deliveries:
            self._at(world.start + delivery.at, functools.partial(self._deliver, delivery))
        if self._due and (schedule.runs == 1 or world.scenario.kind is not Kind.RESCUE):
            self._at(next_minute(world, schedule.phase), functools.partial(self._tick, schedule.phase))

    def run(self) -> None:
        """Until everything is delivered, or given up."""
        while self._due:
            moment, _, act = heapq.heappop(self._due)
            self._world.pass_time(moment)
            act()
            self._world.cloud.fc.run_due()

    def _at(self, moment: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (moment, next(self._order), act))

    def _tick(self, phase: float) -> None:
        """The timer, until nothing else is due. A sweep that finds nothing open changes nothing, and is left out."""
        if not self._world.settled:
            _timer(self._world)
        if self._due:
            self._at(next_minute(self._world, phase), functools.partial(self._tick, phase))

    def _deliver(self, delivery: Delivery) -> None:
        function, payload = FUNCTIONS[delivery.event], self._world.stage.event(delivery.event)
        if payload is None:
            return
        if delivery.turns:
            for run in self._world.beside(function, payload, delivery):
                self._retry(payload, run, 1)
        else:
            self._attempt(function, payload, 1)

    def _attempt(self, function: str, payload: bytes, attempt: int) -> None:
        self._retry(payload, self._world.call(function, payload), attempt)

    def _retry(self, payload: bytes, run: Run, attempt: int) -> None:
        """After an error three times as a rule, with pauses that double; the sweep's timer comes again anyway."""
        if run.error and attempt < self._runs and run.function != "sweep":
            pause = self._pause * 2 ** (attempt - 1)
            again = functools.partial(self._attempt, run.function, payload, attempt + 1)
            self._at(self._world.cloud.now() + pause, again)


def sweep(world: World, phase: float) -> None:
    """Sweep every minute until nothing is open; then once more after the source's release, when a last event comes."""
    cloud = world.cloud
    began = cloud.now()
    while _may_end(world, began):
        sweep_once(world, phase)
        if world.settled:
            break
    world.pass_time(world.stage.over_at + 1)
    sweep_once(world, phase)
    if event := world.stage.last_event:
        world.call(FUNCTIONS[event], world.stage.event(event) or b"")


def _may_end(world: World, began: float) -> bool:
    """Whether what is open may still end: there is time, or Function Compute has not given up what it was told."""
    now = world.cloud.now()
    if world.hindered and not world.cloud.fc.pending:
        return now < max(began, world.last_death) + LONG_ENOUGH
    return now < began + LONGEST


def sweep_once(world: World, phase: float) -> None:
    """At the timer's next minute, with what it hands over."""
    world.pass_time(next_minute(world, phase))
    _timer(world)
    world.cloud.fc.run_due()


def _timer(world: World) -> None:
    world.call("sweep", world.stage.event("timer") or b"")


def next_minute(world: World, phase: float) -> float:
    """When the timer comes next."""
    since = world.cloud.now() - world.start - phase
    return world.start + phase + MINUTE * (since // MINUTE + 1)
