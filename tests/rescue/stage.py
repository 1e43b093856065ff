"""A stage for rescues: the drill's fleet in an embedded cloud, and the real function called as in Function Compute."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator import fleet, proof
from simulator.cloud import Cloud
from simulator.ecs import Timings
from tests.function_stage import ROOT, FunctionStage

EVENT = (ROOT / "events" / "interruption.cloudmonitor.json").read_bytes()
SOURCE = fleet.INSTANCE_ID
READY = Timings()
"""Everything is ready at first look."""


@dataclass
class Stage(FunctionStage):
    """One cloud with the fleet, and what it was like before anything happened."""

    function = "interruption"

    fleet: fleet.Fleet = field(kw_only=True)
    sent: bytes = EVENT

    def advance(self, seconds: float) -> None:
        """Let time pass while nobody works."""
        self.cloud.clock.advance(seconds)

    def pass_notice(self) -> None:
        """Until just after the source's release."""
        release = self.before["now"] + self.fleet.spec.notice
        self.advance(max(0.0, release + 1 - self.cloud.clock.now()))

    def shortcomings(self) -> list[str]:
        """What keeps the cloud from being the proven end of a rescue."""
        return proof.shortcomings(self.before, self.state, SOURCE)

    def calls(self, *actions: str) -> list[Any]:
        """The logged calls of these actions; without any, all ECS and CLB calls."""
        return [call for call in self.cloud.calls if (call.action in actions if actions else call.product != "oss")]


def stage(
    timings: Timings = READY, settings: Mapping[str, str] | None = None, timeout: float = 900, **changes: Any
) -> Stage:
    """A cloud one second after the sample event was sent, with the fleet (``changes`` are FleetSpec's) around it."""
    cloud = Cloud(fleet.EVENT_TIME + 1)
    cloud.ecs.timings = timings
    seeded = fleet.drill_fleet(cloud, SOURCE, **{"sold_out": False, **changes})
    item = Stage(cloud, dict(settings or {}), timeout, fleet=seeded)
    item.before = cloud.state()
    return item


def event(**changes: Any) -> bytes:
    """The sample event with other top-level fields."""
    return json.dumps({**json.loads(EVENT), **changes}).encode()
