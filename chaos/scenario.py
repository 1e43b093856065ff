"""What is played under which circumstances: a fleet, its timings and settings, and what the cloud is up to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from chaos.schedule import Delivery
from simulator.cloud import Cloud
from simulator.ecs import Timings

Arrange = Callable[[Cloud, Any], None]
"""Changes a cloud and its fleet."""
ONCE = (Delivery(),)
REALISTIC = Timings(image=90, usable=60, snapshot=75, boot=25, stop=10)
"""Of a small web server: seconds."""


class Kind(Enum):
    """What is played: it decides who gets the events, and which invariants judge."""

    RESCUE = "rescue"
    RESTART = "restart"
    HOOK = "hook"


def nothing(_: Cloud, __: Any) -> None:
    """As the fleet is."""


@dataclass(frozen=True)
class Scenario:
    """``changes`` are fields of the fleet's spec; ``timeout`` is the function's, in seconds.

    ``steps`` are what others do: (seconds after the beginning, what). ``credentials_seconds``: after so long the first
    call's credentials expire; later calls get fresh ones. Of a restart ``ends`` is the status in which the instance
    ends, of a hook its result; ``rules`` replace those of ``hooks.json``, by transition; ``bad`` machines fail checks.
    """

    name: str
    timings: Timings = field(default_factory=Timings)
    settings: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)
    timeout: float = 600.0
    arrange: Arrange = nothing
    steps: tuple[tuple[float, Arrange], ...] = ()
    deliveries: tuple[Delivery, ...] = ONCE
    credentials_seconds: float = 3600.0
    kind: Kind = Kind.RESCUE
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    bad: tuple[str, ...] = ()
    ends: str = ""

    @property
    def stop_mode(self) -> bool:
        """The source is stopped, not released."""
        return self.changes.get("spot_interruption_behavior") == "Stop"

    @property
    def foreign(self) -> bool:
        """Auto Scaling or ACK made the source, and replace it."""
        return any(key.startswith(("acs:autoscaling", "ack.")) for key in self.changes.get("tags", ()))

    @property
    def touchable(self) -> bool:
        """Whether anything may be written at all."""
        tagged = "spotkeeper:managed" in self.changes.get("tags", {"spotkeeper:managed"})
        return tagged and (self.changes.get("locked", True) or not self.needs_lock)

    @property
    def needs_lock(self) -> bool:
        """Whether the lock has to show first."""
        return self.settings.get("SPOTKEEPER_REQUIRE_RECYCLING_LOCK", "true") == "true"

    @property
    def relaunches(self) -> bool:
        """Whether a replacement is due."""
        return not (self.stop_mode or self.foreign or self.settings.get("SPOTKEEPER_RELAUNCH") == "none")

    @property
    def makes_image(self) -> bool:
        """Whether an image is due."""
        at_once = self.settings.get("SPOTKEEPER_RELAUNCH") == "at-once"
        return not self.stop_mode and (self.foreign or not at_once)

    @property
    def retains(self) -> bool:
        """Whether the disks are kept from going with the source."""
        return self.makes_image and self.settings.get("SPOTKEEPER_RETAIN_DISKS") != "never"
