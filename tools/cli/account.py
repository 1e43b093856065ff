"""Commands that read or change an account: each shows first what it would do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from tools.cli.options import REGION_PATTERN, Text, dry_run, yes
from tools.errors import NothingDone

region = click.option(
    "--region",
    type=Text(REGION_PATTERN, "a region such as cn-hangzhou"),
    envvar="DEPLOY_REGION",
    default="cn-hangzhou",
    show_default="DEPLOY_REGION, else cn-hangzhou",
    help="The region.",
)


@contextmanager
def refusals() -> Iterator[None]:
    """Raises NothingDone for what the functions' own modules refuse: a bad setting, missing credentials, an API."""
    from spotkeeper.errors import SpotkeeperError

    try:
        yield
    except SpotkeeperError as error:
        raise NothingDone(f"nothing was done: {error}") from error


@click.command()
@click.option(
    "--journal-days",
    type=click.IntRange(min=1),
    default=90,
    show_default=True,
    envvar="JOURNAL_DAYS",
    help="Days that journal records are kept.",
)
@dry_run
@yes
@click.pass_obj
def permissions(root: Path, journal_days: int, *, dry_run: bool, yes: bool) -> None:
    """Create or correct the functions' roles and policies and the journal bucket."""
    from tools.permissions.applying import apply
    from tools.permissions.deployment import Deployment

    with refusals():
        apply(Deployment.of(root, os.environ, journal_days), os.environ, dry_run=dry_run, yes=yes)


@click.command("deployer-policy")
@click.pass_obj
def deployer_policy(root: Path) -> None:
    """Print the deployer's RAM policy."""
    import json

    import ram
    from tools.permissions.deployment import Deployment

    with refusals():
        print(json.dumps(ram.policy(ram.DEPLOYER, Deployment.of(root, os.environ).values), indent=2))


@click.command()
@click.option(
    "--built", is_flag=True, envvar="BUILT", help="Deploy the dist/ that is there, without building it again."
)
@dry_run
@yes
@click.pass_obj
def deploy(root: Path, *, built: bool, dry_run: bool, yes: bool) -> None:
    """Build, package, check, publish the layer and deploy the functions of s.yaml."""
    from tools.deploy.deploying import deploy

    with refusals():
        deploy(root, os.environ, built=built, dry_run=dry_run, yes=yes)


@click.command()
@dry_run
@yes
@click.pass_obj
def undeploy(root: Path, *, dry_run: bool, yes: bool) -> None:
    """Remove the functions, their triggers and the layer."""
    from tools.deploy.removing import undeploy

    with refusals():
        undeploy(root, os.environ, dry_run=dry_run, yes=yes)


SPOT_STRATEGIES = click.Choice(["SpotAsPriceGo", "SpotWithPriceLimit"])
LAUNCH_OPTIONS: dict[str, tuple[click.ParamType[Any], Any, str]] = {
    "--vswitch": (
        Text(r"vsw-[a-z0-9]+", "a vSwitch: vsw-…"),
        ...,
        "The vSwitch, which decides the zone (VPC console).",
    ),
    "--security-group": (Text(r"sg-[a-z0-9]+", "a security group: sg-…"), ..., "A security group of the same VPC."),
    "--zone": (Text(REGION_PATTERN, "a zone such as cn-hangzhou-h"), None, "The zone, as a check of the vSwitch."),
    "--type": (Text(r"ecs\.[a-z0-9.-]+", "a type such as ecs.c7.large"), "ecs.c7.large", "The instance type."),
    "--image": (
        Text(r"[a-z0-9][\w.-]+", "an image id"),
        None,
        "The image; the latest Alibaba Cloud Linux 3 by default.",
    ),
    "--key-pair": (
        Text(r"[\w.:-]+", "the name of a key pair"),
        None,
        "The key pair; without it only Session Manager logs in.",
    ),
    "--strategy": (SPOT_STRATEGIES, "SpotAsPriceGo", "The spot strategy."),
    "--price-limit": (
        Text(r"\d+(\.\d{1,3})?", "a price such as 0.05"),
        None,
        "Highest hourly price, for SpotWithPriceLimit.",
    ),
    "--protection": (click.Choice(["1", "0"]), "1", "Hours in which it is not reclaimed."),
    "--behavior": (click.Choice(["Terminate", "Stop"]), "Terminate", "What a reclaim does to it."),
    "--hours": (click.IntRange(0, 999), 3, "Hours until it is released automatically; 0: never."),
    "--name": (Text(r"[A-Za-z][\w.-]{1,63}", "an instance name"), "spotkeeper-trial", "Its name."),
    "--disk": (click.IntRange(min=1), 40, "GB of its system disk."),
    "--bandwidth": (click.IntRange(0, 100), 0, "Mbit/s to the internet; 0: no public address."),
}
"""Type, default (``...``: required; None: none) and help of each."""


def launch_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a launch."""
    for name, (kind, default, text) in reversed(LAUNCH_OPTIONS.items()):
        given = {"required": True} if default is ... else {"default": default, "show_default": default is not None}
        command = click.option(name, type=kind, help=text, **given)(command)
    return command


@click.command()
@launch_options
@region
@dry_run
@yes
def launch(*, dry_run: bool, yes: bool, **values: Any) -> None:
    """Create a tagged spot instance to try with."""
    from spotkeeper.clock import Clock
    from tools.launch.launching import launch
    from tools.launch.options import LaunchOptions

    with refusals():
        launch(LaunchOptions(**values), os.environ, Clock(), dry_run=dry_run, yes=yes)


@click.command("simulate-interruption")
@click.option(
    "--instance", type=Text(r"i-[a-z0-9]{1,40}", "an instance id: i-…"), required=True, help="The instance's id."
)
@region
@dry_run
@yes
@click.pass_obj
def simulate_interruption(root: Path, instance: str, region: str, *, dry_run: bool, yes: bool) -> None:
    """Send CloudMonitor's simulated interruption event for an instance."""
    from spotkeeper.clock import Clock
    from tools.launch.interrupting import simulate

    with refusals():
        simulate(instance, region, os.environ, Clock(), root, dry_run=dry_run, yes=yes)


COMMANDS = (permissions, deployer_policy, deploy, undeploy, launch, simulate_interruption)
