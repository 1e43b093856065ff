"""``spotkeeper simulate-interruption``: CloudMonitor's SendDryRunSystemEvent for an instance.

Whether such an event reaches EventBridge's default bus is not documented: CloudMonitor has it for its own
subscriptions. So the same event is also written to a file, with the command that invokes the function with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spotkeeper.clock import Clock
from spotkeeper.credentials import Credentials
from spotkeeper.instances import Described, describe_instance, is_spot, locked, tags_of
from spotkeeper.settings.types import Endpoint
from spotkeeper.settings.variables import Variables
from tools.confirm import confirmed
from tools.deploy.openapi import account_id, ask
from tools.errors import CommandFailed, NothingDone
from tools.launch.launching import TAG, credentials, open_ecs

EVENT = "Instance:PreemptibleInstanceInterruption"


def simulate(  # noqa: PLR0913 - the options of the command
    instance_id: str,
    region: str,
    environ: Mapping[str, str],
    clock: Clock,
    root: Path,
    *,
    dry_run: bool,
    yes: bool,
) -> None:
    """Send the event for an instance. Raises NothingDone, CommandFailed, and ``CloudError`` for a refusal."""
    seen = describe_instance(open_ecs(region, environ, clock), instance_id)
    if seen is None:
        raise NothingDone(f"there is no instance {instance_id} in {region}")
    keys = credentials(environ)
    event = simulated(seen, region, account_id(keys, region, environ))
    print(f"CloudMonitor's simulated {EVENT} for {instance_id} in {region}:\n  {json.dumps(event)}")
    print(*(f"note: {warning}" for warning in _warnings(seen)), sep="\n")
    if dry_run:
        print("Nothing was sent (dry run).")
    elif confirmed("Send this?", yes=yes):
        _send(event, region, keys, environ)
        print(f"CloudMonitor accepted the simulated event for {instance_id}.")
        _advise(_write(event, root, instance_id), region, environ)
    else:
        print("Nothing was sent.")


def _send(event: Mapping[str, Any], region: str, keys: Credentials, environ: Mapping[str, str]) -> None:
    endpoint = Variables(environ).endpoint("CMS_ENDPOINT") or Endpoint("https", f"metrics.{region}.aliyuncs.com")
    query = {"Product": "ECS", "EventName": EVENT, "EventContent": json.dumps(event)}
    answer = ask("SendDryRunSystemEvent", "2019-01-01", query, keys, region, endpoint)
    if str(answer.get("Success")).lower() != "true":
        refusal = f"{answer.get('Code')} {answer.get('Message')} (request id {answer.get('RequestId')})"
        raise CommandFailed(f"SendDryRunSystemEvent: {refusal}")


def _warnings(seen: Described) -> Iterator[str]:
    if not is_spot(seen):
        yield "it is not a spot instance: the function will skip it"
    if tags_of(seen).get(TAG["Key"]) != TAG["Value"]:
        yield f"it lacks the tag {TAG['Key']}={TAG['Value']}: the function will skip it"
    if not locked(seen):
        yield (
            "it is not under the Recycling lock. With SPOTKEEPER_REQUIRE_RECYCLING_LOCK=true (the default) "
            "the function skips it after a minute and changes nothing; in a dry run it still answers with its plan"
        )


def simulated(seen: Described, region: str, account: str) -> dict[str, Any]:
    """The event as CloudMonitor's debug form has it ("Query the interruption events of preemptible instances")."""
    instance_id, name = str(seen["InstanceId"]), str(seen.get("InstanceName") or "")
    return {
        "product": "ECS",
        "resourceId": f"acs:ecs:{region}:{account}:instance/{instance_id}",
        "level": "WARN",
        "instanceName": name,
        "regionId": region,
        "groupId": "0",
        "name": EVENT,
        "content": {"instanceId": instance_id, "instanceName": name, "action": "delete"},
        "status": "Normal",
    }


def _write(event: Mapping[str, Any], root: Path, instance_id: str) -> Path:
    file = root / ".cache" / f"interruption-{instance_id}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(event, indent=2) + "\n", encoding="utf-8")
    return file.relative_to(root)


def _advise(file: Path, region: str, environ: Mapping[str, str]) -> None:
    function = f"{environ.get('DEPLOY_PREFIX') or 'spotkeeper'}-interruption"
    print(f"Its plan or answer is in the log of {function} in a minute or two.")
    print("If not, simulated events do not reach your account's event bus; invoke the function directly:")
    print(f"  npx s cli fc3 invoke --region {region} --function-name {function} \\")
    print(f"    --event-file {file} --invocation-type async")
