"""A stage for rescues: the drill's fleet in an embedded cloud, and the real function called as in Function Compute."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator import fleet, function_compute, proof
from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.transport import BeforeCall, in_process, invocation

ROOT = Path(__file__).resolve().parents[2]
EVENT = (ROOT / "events" / "interruption.cloudmonitor.json").read_bytes()
SOURCE = fleet.INSTANCE_ID
JOURNAL = "oss://spotkeeper-journal/rescues"
READY = Timings()
"""Everything is ready at first look."""

HANDLER = function_compute.load("interruption")


@dataclass
class Stage:
    """One cloud with the fleet, and what it was like before anything happened."""

    cloud: Cloud
    fleet: fleet.Fleet
    settings: dict[str, str] = field(default_factory=dict)
    timeout: float = 900
    before: dict[str, Any] = field(default_factory=dict)

    def deliver(self, event: bytes | None = None, *, name: str = "call", **settings: str) -> dict[str, Any]:
        """One delivery, in this thread, on simulated time. Raises what the function raises."""
        with self.playing(settings=settings):
            return self.call(event, name=name)

    @contextmanager
    def playing(
        self, before_call: BeforeCall | None = None, settings: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        """The world of the function: its cloud, environment and time. Calls inside may come from several threads."""
        random.seed(20190409)
        with (
            in_process(self.cloud, before_call) as url,
            function_compute.environment({**self._variables(url), **self.settings, **(settings or {})}),
            function_compute.simulated_time(self.cloud.clock),
        ):
            yield

    def call(self, event: bytes | None = None, *, name: str = "call") -> dict[str, Any]:
        """One call inside ``playing``."""
        meta = function_compute.FunctionMeta("interruption", self.timeout)
        role = function_compute.assume(self.cloud, "interruption")
        context = function_compute.Context(meta, self.cloud.region, self.cloud.account_id, name, role)
        with invocation(name):
            return HANDLER(EVENT if event is None else event, context)

    def _variables(self, url: str) -> Mapping[str, str]:
        return {
            **function_compute.endpoints(url),
            **function_compute.access(self.cloud),
            "SPOTKEEPER_JOURNAL": JOURNAL,
        }

    def advance(self, seconds: float) -> None:
        """Let time pass while nobody works."""
        self.cloud.clock.advance(seconds)

    def pass_notice(self) -> None:
        """Until just after the source's release."""
        release = self.before["now"] + self.fleet.spec.notice
        self.advance(max(0.0, release + 1 - self.cloud.clock.now()))

    @property
    def state(self) -> dict[str, Any]:
        """The cloud as it is now."""
        return self.cloud.state()

    def shortcomings(self) -> list[str]:
        """What keeps the cloud from being the proven end of a rescue."""
        return proof.shortcomings(self.before, self.state, SOURCE)

    def calls(self, *actions: str) -> list[Any]:
        """The logged calls of these actions; without any, all ECS and CLB calls."""
        return [one for one in self.cloud.calls if (one.action in actions if actions else one.product != "oss")]

    def writes(self) -> list[str]:
        """The actions that changed anything, the journal's included."""
        reading = ("Describe", "List", "Get", "Head")
        return [one.action for one in self.cloud.calls if not one.action.startswith(reading)]


def stage(
    timings: Timings = READY, settings: Mapping[str, str] | None = None, timeout: float = 900, **changes: Any
) -> Stage:
    """A cloud one second after the sample event was sent, with the fleet (``changes`` are FleetSpec's) around it."""
    cloud = Cloud(fleet.EVENT_TIME + 1)
    cloud.ecs.timings = timings
    seeded = fleet.drill_fleet(cloud, SOURCE, **{"sold_out": False, **changes})
    one = Stage(cloud, seeded, dict(settings or {}), timeout)
    one.before = cloud.state()
    return one


def event(**changes: Any) -> bytes:
    """The sample event with other top-level fields."""
    return json.dumps({**json.loads(EVENT), **changes}).encode()
