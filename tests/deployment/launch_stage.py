"""A stage for launches: the drill's fleet in an embedded cloud on simulated time, and nothing but our own keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator import fleet, function_compute
from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.transport import in_process
from tests.command import typed
from tests.simulator.sdk import NOON
from tools.check_deployment.check import ROOT
from tools.launch.market import FAMILY

SPEC = fleet.FleetSpec()
TYPE = "ecs.c7.large"
PLACE = (f"--vswitch={SPEC.vswitch_id}", f"--security-group={SPEC.security_group_ids[0]}")
IMAGE = "aliyun_3_x64_20G_alibase_20260930.vhd"


@dataclass
class Account:
    """One cloud; ``environ`` is what the user has set."""

    cloud: Cloud
    environ: dict[str, str] = field(default_factory=dict)

    def run(self, command: str, *arguments: str, root: Path = ROOT, **variables: str) -> tuple[int, str, str]:
        """``spotkeeper command arguments`` on simulated time: exit code, output and errors."""
        with in_process(self.cloud) as url, function_compute.simulated_time(self.cloud.clock):
            keys = function_compute.access(self.cloud)
            return typed([command, *arguments], {"ECS_ENDPOINT": url, **keys, **self.environ, **variables}, root)

    def launch(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """``spotkeeper launch --yes`` in the fleet's vSwitch."""
        return self.run("launch", *PLACE, "--yes", *arguments, root=ROOT, **variables)

    @property
    def launched(self) -> list[dict[str, Any]]:
        """The instances that were launched, as they are now."""
        return [instance for instance in self.cloud.state()["ecs"]["instances"] if instance["LaunchedWith"]]


def account() -> Account:
    """A cloud with the drill's fleet, machines that boot in 25 s, and two images of the public family."""
    cloud = Cloud(NOON)
    cloud.ecs.timings = Timings(boot=25)
    fleet.drill_fleet(cloud, locked=False, sold_out=False)
    for image_id in ("aliyun_3_x64_20G_alibase_20260101.vhd", IMAGE):
        cloud.clock.advance(60)
        cloud.ecs.add_public_image(image_id)
        cloud.ecs.images[image_id].image_family = FAMILY
        cloud.ecs.images[image_id].created_at = cloud.now()
    return Account(cloud)
