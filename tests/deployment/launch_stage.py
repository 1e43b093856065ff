"""A stage for launches: the drill's fleet in an embedded cloud on simulated time, and nothing but our own keys."""

from __future__ import annotations

import contextlib
import io
import os
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

from simulator import fleet, function_compute
from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.transport import in_process
from tools.check_deployment.check import ROOT
from tools.cli.main import run
from tools.launch.market import FAMILY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


NOON = 1_795_176_000.0  # 2026-11-20T12:00:00Z
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
        """``spotkeeper command arguments``: exit code, output and errors."""
        out, err = io.StringIO(), io.StringIO()
        with self.playing(variables), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = run([command, *arguments], root)
        return status, out.getvalue(), err.getvalue()

    @contextmanager
    def playing(self, variables: dict[str, str]) -> Iterator[None]:
        """The user's environment, with the cloud behind ECS_ENDPOINT and time that goes on when somebody waits."""
        key = self.cloud.access_key
        with in_process(self.cloud) as url, function_compute.simulated_time(self.cloud.clock):
            environ = {
                "ECS_ENDPOINT": url,
                "ALIBABA_CLOUD_ACCESS_KEY_ID": key.access_key_id,
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET": key.secret,
                **self.environ,
                **variables,
            }
            with mock.patch.dict(os.environ, environ, clear=True):
                yield

    def launch(self, *arguments: str, **variables: str) -> tuple[int, str, str]:
        """``spotkeeper launch --yes`` in the fleet's vSwitch."""
        return self.run("launch", *PLACE, "--yes", *arguments, root=ROOT, **variables)

    @property
    def launched(self) -> list[dict[str, Any]]:
        """The instances that were launched, as they are now."""
        return [one for one in self.cloud.state()["ecs"]["instances"] if one["LaunchedWith"]]


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
