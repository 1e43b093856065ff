"""Restarts: what stops, who may start it again, and what stop mode gives back."""

from __future__ import annotations

from typing import Any

from chaos.scenario import REALISTIC, Kind, Scenario
from chaos.scenarios.rescue import HERE, OWN_TYPE
from chaos.schedule import Delivery
from simulator.cloud import Cloud
from simulator.fleet import MANAGED_TAG, Fleet

TAGS = {**MANAGED_TAG, "spotkeeper:auto-restart": "true", "service": "shop"}
STOPPED: dict[str, Any] = {"locked": False, "tags": TAGS, "attributes": {"status": "Stopped"}}
RECLAIMED: dict[str, Any] = {"spot_interruption_behavior": "Stop", "tags": TAGS}
CAPACITY_BACK = 400.0
STOPS = (50.0, 200.0, 450.0, 700.0)
WINDOW = {"SPOTKEEPER_RESTART_WINDOW_SECONDS": "900"}
"""With the usual limit of three: the fourth start has to wait until the first is 15 minutes ago."""


def _sold_out(cloud: Cloud, fleet: Fleet) -> None:
    """It gave its capacity back, and there is none for four minutes."""
    fleet.source.stopped_mode = "StopCharging"
    cloud.ecs.stock[HERE, OWN_TYPE, "spot"] = [(cloud.now(), 0), (cloud.now() + 240, None)]


def _shut_down(cloud: Cloud, fleet: Fleet) -> None:
    """Whatever it is that makes it stop."""
    instance = cloud.ecs.instances[fleet.source.instance_id]
    instance.status, instance.stopped_mode = "Stopped", "KeepCharging"


def _capacity_back(cloud: Cloud, fleet: Fleet) -> None:
    """The lock goes."""
    cloud.ecs.capacity_back(fleet.source.instance_id)


def _started_by_hand(cloud: Cloud, fleet: Fleet) -> None:
    """The lock goes, and somebody starts it."""
    _capacity_back(cloud, fleet)
    cloud.ecs.instances[fleet.source.instance_id].status = "Running"


def _restart(name: str, **fields: Any) -> Scenario:
    usual: dict[str, Any] = {"timings": REALISTIC, "deliveries": (Delivery(1.0, "stopped"),), "changes": STOPPED}
    return Scenario(name, **{**usual, "ends": "Running", "kind": Kind.RESTART, **fields})


def _stop_mode(name: str, *later: Delivery, **fields: Any) -> Scenario:
    """Interrupted and drained, then stopped at the notice's end."""
    usual: dict[str, Any] = {"changes": RECLAIMED, "steps": ((CAPACITY_BACK, _capacity_back),)}
    deliveries = (Delivery(), Delivery(302.0, "stopped"), *later)
    return _restart(name, deliveries=deliveries, **{**usual, **fields})


SCENARIOS = (
    _restart("stopped"),
    _restart("stopped-unheard", deliveries=()),
    _restart("stopped-sold-out", arrange=_sold_out, timeout=120.0),
    _restart("stopped-expires", credentials_seconds=10.0),
    _restart(
        "stops-again",
        settings=WINDOW,
        steps=tuple((at, _shut_down) for at in STOPS),
        deliveries=(Delivery(1.0, "stopped"), *(Delivery(at + 1, "stopped") for at in STOPS)),
    ),
    _restart("not-to-be-started", ends="Stopped", changes={**STOPPED, "tags": MANAGED_TAG}),
    _stop_mode("stop-mode-told", Delivery(402.0, "stopped")),
    _stop_mode("stop-mode-unheard"),
    _stop_mode("stop-mode-by-hand", Delivery(402.0, "running"), steps=((CAPACITY_BACK, _started_by_hand),)),
)
