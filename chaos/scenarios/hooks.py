"""Lifecycle hooks: which machines come or go, which of them are bad, and what the hook's rule wants then."""

from __future__ import annotations

from typing import Any

from chaos.scenario import Kind, Scenario
from chaos.schedule import Delivery
from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.scaling_fleet import HOOK_ARN, ScalingFleet, ScalingSpec

FIRST, SECOND = ScalingSpec.instance_ids
NOTIFIED = (Delivery(1.0, "notification"),)
REMOVE = {"SCALE_OUT": {"checks": ["system-up"], "on_partial_failure": "continue_and_remove_failed"}}
IMPATIENT = {"SCALE_OUT": {"checks": ["system-up"], "agent_seconds": 300}}
LATE, NEVER = 700.0, None
"""Later than the hook lives without a heartbeat; and never."""
BOOTING = Timings(boot=25, stop=10)


def _agents(when: float | None) -> Any:
    """The first machine's agent has its first heartbeat so many seconds from now, or never."""

    def arrange(cloud: Cloud, fleet: ScalingFleet) -> None:
        first = fleet.spec.instance_ids[0]
        cloud.ecs.assistant.agent_at[first] = None if when is None else cloud.now() + when

    return arrange


def _hook(name: str, **fields: Any) -> Scenario:
    settings = {"SPOTKEEPER_HOOK_ARNS": HOOK_ARN, **fields.pop("settings", {})}
    usual: dict[str, Any] = {
        "timings": BOOTING,
        "timeout": 900.0,
        "deliveries": NOTIFIED,
        "kind": Kind.HOOK,
        "ends": "CONTINUE",
    }
    return Scenario(name, settings=settings, **{**usual, **fields})


SCENARIOS = (
    _hook("hook-passing"),
    _hook("hook-unheard", deliveries=()),
    _hook("hook-failing", bad=(FIRST,), ends="ABANDON"),
    _hook("hook-removing", bad=(FIRST,), rules=REMOVE),
    _hook("hook-late-agent", arrange=_agents(LATE)),
    _hook("hook-no-agent", arrange=_agents(NEVER), bad=(FIRST,), rules=IMPATIENT, ends="ABANDON"),
    _hook("hook-short", changes={"hook_timeout": 120}),
    _hook("hook-leaving", changes={"transition": "SCALE_IN"}),
)
