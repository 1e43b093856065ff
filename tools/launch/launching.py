"""``spotkeeper launch``: RunInstances' dry run, show, ask, create, wait until it runs."""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from typing import Any

from spotkeeper.clients import Api, silence_sdk_loggers
from spotkeeper.clock import Clock, Deadline
from spotkeeper.credentials import Credentials, find_credentials
from spotkeeper.errors import CloudError, CloudUnreachable, DeadlineReached, NoCredentials, WaitFailed
from spotkeeper.instances import Described, describe_instance, iso
from spotkeeper.polling import ABSENT, Waiter, wait_for
from spotkeeper.settings.variables import Variables
from tools.confirm import confirmed
from tools.errors import CommandFailed, NothingDone
from tools.launch import market
from tools.launch.options import LaunchOptions

TAG = {"Key": "spotkeeper:managed", "Value": "true"}
DRY_RUN_PASSED = "DryRunOperation"
NO_STOCK = frozenset(
    {
        "OperationDenied.NoStock",
        "NoInstanceStock",
        "Zone.NotOnSale",
        "Zone.NotOpen",
        "ResourceNotAvailable",
        "InvalidInstanceType.ZoneNotSupported",
        "InvalidInstanceType.NotSupported",
        "InvalidResourceType.NotSupported",
    }
)
"""Another zone may have it (error table of RunInstances)."""

RUNNING = Waiter(
    "instance", success=frozenset({"Running"}), retry=frozenset({"Pending", "Starting", "Stopped", ABSENT})
)
PATIENCE_SECONDS = 300.0
_HOUR = 3600
_MINUTE = 60


def credentials(environ: Mapping[str, str]) -> Credentials:
    """The environment's, else the default chain's (`aliyun configure`, …). Raises NothingDone."""
    silence_sdk_loggers()
    try:
        return find_credentials(None, environ)
    except NoCredentials as error:
        raise NothingDone(
            "no credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (and "
            "ALIBABA_CLOUD_SECURITY_TOKEN), or run aliyun configure. What s config keeps is encrypted, for s alone"
        ) from error


def open_ecs(region: str, environ: Mapping[str, str], clock: Clock) -> Api:
    """ECS with the caller's credentials. Raises NothingDone without any."""
    endpoint = Variables(environ).endpoint("ECS_ENDPOINT")
    return Api("ecs", region, credentials(environ), endpoint, Deadline.after(clock, PATIENCE_SECONDS))


def launch(options: LaunchOptions, environ: Mapping[str, str], clock: Clock, *, dry_run: bool, yes: bool) -> None:
    """Create a tagged spot instance. Raises NothingDone where nothing was created, CommandFailed afterwards."""
    ecs = open_ecs(options.region, environ, clock)
    released = release_time(options, clock.now())
    run = parameters(options, options.image or market.newest_image(ecs), released)
    _try(ecs, options, run)
    _show(ecs, options, run, released)
    if dry_run:
        print("The dry run passed; nothing was created.")
    elif confirmed("The dry run passed. Create it?", yes=yes):
        instance_id = _create(ecs, options, run)
        print(f"{instance_id} is created; waiting for Running ...", flush=True)
        _report(_wait(ecs, instance_id, clock), options, released)
    else:
        print("Nothing was created.")


def release_time(options: LaunchOptions, now: float) -> str:
    """``AutoReleaseTime``: a whole UTC minute, HOURS from now; empty for never. The API takes half an hour at least."""
    at = math.ceil((now + options.hours * _HOUR) / _MINUTE) * _MINUTE
    return iso(at)[:16] + ":00Z" if options.hours else ""


def parameters(options: LaunchOptions, image_id: str, released: str) -> dict[str, Any]:
    """The parameters of RunInstances. The system disk is deleted with the instance, which is the default."""
    optional = {
        "ZoneId": options.zone,
        "KeyPairName": options.key_pair,
        "SpotPriceLimit": float(options.price_limit) if options.price_limit else None,
        "AutoReleaseTime": released,
        "InternetMaxBandwidthOut": options.bandwidth,
    }
    return {
        "Amount": 1,
        "ImageId": image_id,
        "InstanceType": options.type,
        "VSwitchId": options.vswitch,
        "SecurityGroupIds": [options.security_group],
        "InstanceChargeType": "PostPaid",
        "SpotStrategy": options.strategy,
        "SpotDuration": int(options.protection),
        "SpotInterruptionBehavior": options.behavior,
        "InstanceName": options.name,
        "SystemDisk": {"Category": "cloud_essd", "PerformanceLevel": "PL0", "Size": str(options.disk)},
        "HttpTokens": "required",
        "Tag": [TAG],
        **{name: value for name, value in optional.items() if value},
    }


def _try(ecs: Api, options: LaunchOptions, run: Mapping[str, Any]) -> None:
    """The dry run, whose success is the refusal ``DryRunOperation`` ("How to ensure idempotence" and RunInstances)."""
    try:
        ecs.call("RunInstances", options.type, {**run, "DryRun": True})
    except CloudError as error:
        if error.code != DRY_RUN_PASSED:
            raise _refused(ecs, options, error) from error
    else:
        raise CommandFailed(
            "RunInstances accepted a dry run as a real launch: look for the instance in the ECS console"
        )


def _refused(ecs: Api, options: LaunchOptions, error: CloudError) -> NothingDone:
    if error.code not in NO_STOCK:
        return NothingDone(f"nothing was created: {error}")
    zones = market.zones_with_stock(ecs, options)
    there = f"{', '.join(zones)} has it: VSWITCH=… in that zone" if zones else "no other zone has it"
    return NothingDone(f"no {options.type} as a spot instance in this zone ({error.code}); {there}, or another TYPE=…")


def _show(ecs: Api, options: LaunchOptions, run: Mapping[str, Any], released: str) -> None:
    limit = f"at most {options.price_limit} an hour" if options.price_limit else "the market price, on-demand's at most"
    protected = "not reclaimed in its first hour" if options.protection == "1" else "may be reclaimed at any moment"
    print(f"Launch in {ecs.region}: {options.type} from {run['ImageId']}, name {options.name},")
    print(f"  in {options.vswitch} with {options.security_group}, tag {TAG['Key']}={TAG['Value']}")
    print(f"  spot      {options.strategy}: {limit}; {protected}; a reclaim means {options.behavior}")
    print(f"  price     per hour now: {market.prices(ecs, options)}")
    print(f"            and {options.disk} GB of cloud_essd PL0, deleted with the instance")
    print(f"  login     {options.key_pair or 'Session Manager alone: no KEY_PAIR was named'}")
    print(f"  released  {released or 'never: it costs money until you delete it (HOURS=0)'}")
    if released:
        print("            (the replacement that a rescue launches has no release time: delete it yourself)")


def _create(ecs: Api, options: LaunchOptions, run: Mapping[str, Any]) -> str:
    try:
        answer = ecs.call("RunInstances", options.type, {**run, "ClientToken": str(uuid.uuid4())})
    except CloudUnreachable as error:
        raise CommandFailed(f"{error}. The instance may exist: look for {options.name} in the ECS console") from error
    except CloudError as error:
        raise _refused(ecs, options, error) from error
    return str(answer["InstanceIdSets"]["InstanceIdSet"][0])


def _wait(ecs: Api, instance_id: str, clock: Clock) -> Described:
    def look() -> tuple[str, Described]:
        seen = describe_instance(ecs, instance_id) or {}
        return str(seen.get("Status") or ABSENT), seen

    try:
        return wait_for(RUNNING, instance_id, look, Deadline.after(clock, PATIENCE_SECONDS))
    except (WaitFailed, DeadlineReached, CloudError) as error:
        costs = f"It costs money: {delete(ecs.region, instance_id)}"
        raise CommandFailed(f"{instance_id} was created but did not reach Running: {error}. {costs}") from error


def delete(region: str, instance_id: str) -> str:
    """The command that deletes the instance."""
    return f"aliyun ecs DeleteInstance --RegionId {region} --InstanceId {instance_id} --Force true"


def _report(seen: Described, options: LaunchOptions, released: str) -> None:
    instance_id, zone = seen["InstanceId"], seen.get("ZoneId")
    public = ((seen.get("PublicIpAddress") or {}).get("IpAddress") or [""])[0]
    print(f"{instance_id} runs in {zone}; released {released or 'never'}. Now:")
    print(f"  its interruption, simulated   make simulate-interruption INSTANCE={instance_id} REGION={options.region}")
    print("  a shell on it                 ECS console, Connect, Session Manager")
    if public and options.key_pair:
        print(f"                                ssh root@{public} (key pair {options.key_pair})")
    print(f"  delete it                     {delete(options.region, str(instance_id))}")
