"""``make launch``: dry run, show, ask, create, wait until it runs."""

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
from spotkeeper.settings import Variables
from tools.deploy.consent import agreed
from tools.launch import market
from tools.launch.errors import CannotLaunch, LaunchFailed
from tools.launch.wish import Wish

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
    """Those of the environment, else of the default chain (what `aliyun configure` kept, …). Raises CannotLaunch."""
    silence_sdk_loggers()
    try:
        return find_credentials(None, environ)
    except NoCredentials as error:
        raise CannotLaunch(
            "no credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (and "
            "ALIBABA_CLOUD_SECURITY_TOKEN), or run aliyun configure. What s config keeps is encrypted, for s alone"
        ) from error


def open_ecs(region: str, environ: Mapping[str, str], clock: Clock) -> Api:
    """ECS in the name of whoever launches. Raises CannotLaunch without credentials."""
    endpoint = Variables(environ).endpoint("ECS_ENDPOINT")
    return Api("ecs", region, credentials(environ), endpoint, clock, Deadline.after(clock, PATIENCE_SECONDS))


def launch(wish: Wish, environ: Mapping[str, str], clock: Clock) -> None:
    """One tagged spot instance. Raises CannotLaunch where nothing was created, LaunchFailed afterwards."""
    ecs = open_ecs(wish["REGION"], environ, clock)
    released = release_time(wish, clock.now())
    run = parameters(wish, wish["IMAGE"] or market.newest_image(ecs), released)
    _try(ecs, wish, run)
    _show(ecs, wish, run, released)
    if wish.flag("DRY_RUN"):
        print("The dry run passed; nothing was created (DRY_RUN=true).")
    elif wish.flag("YES") or agreed("The dry run passed. Create it?", environ):
        instance_id = _create(ecs, wish, run)
        print(f"{instance_id} is created; waiting until it runs ...", flush=True)
        _report(_wait(ecs, instance_id, clock), wish, released)
    else:
        print("Nothing was created.")


def release_time(wish: Wish, now: float) -> str:
    """``AutoReleaseTime``: a whole UTC minute, HOURS from now; empty for never. The API takes half an hour at least."""
    hours = int(wish["HOURS"])
    at = math.ceil((now + hours * _HOUR) / _MINUTE) * _MINUTE
    return iso(at)[:16] + ":00Z" if hours else ""


def parameters(wish: Wish, image_id: str, released: str) -> dict[str, Any]:
    """What RunInstances is asked for. Its system disk goes with the instance, which is the default."""
    optional = {
        "ZoneId": wish["ZONE"],
        "KeyPairName": wish["KEY_PAIR"],
        "SpotPriceLimit": float(wish["PRICE_LIMIT"]) if wish["PRICE_LIMIT"] else None,
        "AutoReleaseTime": released,
        "InternetMaxBandwidthOut": int(wish["BANDWIDTH"]),
    }
    return {
        "Amount": 1,
        "ImageId": image_id,
        "InstanceType": wish["TYPE"],
        "VSwitchId": wish["VSWITCH"],
        "SecurityGroupIds": [wish["SECURITY_GROUP"]],
        "InstanceChargeType": "PostPaid",
        "SpotStrategy": wish["STRATEGY"],
        "SpotDuration": int(wish["PROTECTION"]),
        "SpotInterruptionBehavior": wish["BEHAVIOR"],
        "InstanceName": wish["NAME"],
        "SystemDisk": {"Category": "cloud_essd", "PerformanceLevel": "PL0", "Size": wish["DISK"]},
        "HttpTokens": "required",
        "Tag": [TAG],
        **{name: value for name, value in optional.items() if value},
    }


def _try(ecs: Api, wish: Wish, run: Mapping[str, Any]) -> None:
    """The dry run, whose success is the refusal ``DryRunOperation`` ("How to ensure idempotence" and RunInstances)."""
    try:
        ecs.call("RunInstances", wish["TYPE"], {**run, "DryRun": True})
    except CloudError as error:
        if error.code != DRY_RUN_PASSED:
            raise _refused(ecs, wish, error) from error
    else:
        raise LaunchFailed("RunInstances answered a dry run as if it were none: look for the instance in the console")


def _refused(ecs: Api, wish: Wish, error: CloudError) -> CannotLaunch:
    if error.code not in NO_STOCK:
        return CannotLaunch(f"nothing was created: {error}")
    zones = market.zones_with_stock(ecs, wish)
    there = f"there is in {', '.join(zones)}: VSWITCH=… of one of these zones" if zones else "nor in any other zone"
    return CannotLaunch(f"no {wish['TYPE']} as a spot instance there ({error.code}); {there}, or another TYPE=…")


def _show(ecs: Api, wish: Wish, run: Mapping[str, Any], released: str) -> None:
    limit = f"at most {wish['PRICE_LIMIT']} an hour" if wish["PRICE_LIMIT"] else "the market price, on-demand's at most"
    protected = "not reclaimed in its first hour" if wish["PROTECTION"] == "1" else "may be reclaimed at any moment"
    print(f"make launch, region {ecs.region}: one {wish['TYPE']} from {run['ImageId']}, name {wish['NAME']},")
    print(f"  in {wish['VSWITCH']} with {wish['SECURITY_GROUP']}, tag {TAG['Key']}={TAG['Value']}")
    print(f"  spot      {wish['STRATEGY']}: {limit}; {protected}; a reclaim means {wish['BEHAVIOR']}")
    print(f"  price     per hour now: {market.prices(ecs, wish)}")
    print(f"            and {wish['DISK']} GB of cloud_essd PL0, deleted with the instance")
    print(f"  login     {wish['KEY_PAIR'] or 'Session Manager alone: no KEY_PAIR was named'}")
    print(f"  released  {released or 'never by itself: it costs money until you delete it (HOURS=0)'}")
    if released:
        print("            (a replacement that a rescue makes has no such moment: delete that one yourself)")


def _create(ecs: Api, wish: Wish, run: Mapping[str, Any]) -> str:
    try:
        answer = ecs.call("RunInstances", wish["TYPE"], {**run, "ClientToken": str(uuid.uuid4())})
    except CloudUnreachable as error:
        raise LaunchFailed(f"{error}. It may have been created: look for {wish['NAME']} in the ECS console") from error
    except CloudError as error:
        raise _refused(ecs, wish, error) from error
    return str(answer["InstanceIdSets"]["InstanceIdSet"][0])


def _wait(ecs: Api, instance_id: str, clock: Clock) -> Described:
    def look() -> tuple[str, Described]:
        seen = describe_instance(ecs, instance_id) or {}
        return str(seen.get("Status") or ABSENT), seen

    try:
        return wait_for(RUNNING, instance_id, look, clock, Deadline.after(clock, PATIENCE_SECONDS))
    except (WaitFailed, DeadlineReached, CloudError) as error:
        costs = f"It costs money: {delete(ecs.region, instance_id)}"
        raise LaunchFailed(f"{instance_id} was created and is not seen running: {error}. {costs}") from error


def delete(region: str, instance_id: str) -> str:
    """The command that deletes it."""
    return f"aliyun ecs DeleteInstance --RegionId {region} --InstanceId {instance_id} --Force true"


def _report(seen: Described, wish: Wish, released: str) -> None:
    instance_id, zone = seen["InstanceId"], seen.get("ZoneId")
    public = ((seen.get("PublicIpAddress") or {}).get("IpAddress") or [""])[0]
    print(f"{instance_id} runs in {zone}; released {released or 'never by itself'}. Now:")
    print(f"  its interruption, simulated   make simulate-interruption INSTANCE={instance_id} REGION={wish['REGION']}")
    print("  a shell on it                 ECS console, Connect, Session Manager")
    if public and wish["KEY_PAIR"]:
        print(f"                                ssh root@{public} (key pair {wish['KEY_PAIR']})")
    print(f"  delete it                     {delete(wish['REGION'], str(instance_id))}")
