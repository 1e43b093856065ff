"""All scenarios, by name."""

from __future__ import annotations

from chaos.scenario import Scenario
from chaos.scenarios import hooks, rescue, restart

SCENARIOS: dict[str, Scenario] = {one.name: one for one in (*rescue.SCENARIOS, *restart.SCENARIOS, *hooks.SCENARIOS)}
