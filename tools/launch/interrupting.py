"""``make simulate-interruption``: CloudMonitor's SendDryRunSystemEvent for one instance.

Whether such an event reaches EventBridge's default bus is not documented: it is made for CloudMonitor's own
subscriptions. So the same event is also written to a file, with the command that hands it to the function directly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from spotkeeper.clock import Clock
from spotkeeper.instances import Described, describe_instance, is_spot, locked, tags_of
from spotkeeper.settings import Endpoint, Variables
from tools.deploy.openapi import account_id, ask
from tools.launch.errors import CannotLaunch, LaunchFailed
from tools.launch.launching import TAG, credentials, open_ecs

EVENT = "Instance:PreemptibleInstanceInterruption"
_ACCEPTED = {"INSTANCE": r"i-[a-z0-9]{1,40}", "REGION": r"[a-z]{2,3}(-[a-z0-9]+)+"}
_NOT_OURS = ("PYTHON",)


def simulate(arguments: Sequence[str], environ: Mapping[str, str], clock: Clock, root: Path) -> None:
    """Send the event for INSTANCE. Raises CannotLaunch, LaunchFailed, and ``CloudError`` for a refusal."""
    instance_id, region = _parse(arguments, environ)
    seen = describe_instance(open_ecs(region, environ, clock), instance_id)
    if seen is None:
        raise CannotLaunch(f"there is no instance {instance_id} in {region}")
    for warning in _warnings(seen):
        print(f"note: {warning}")
    keys = credentials(environ)
    event = simulated(seen, region, account_id(keys, region, environ))
    endpoint = Variables(environ).endpoint("CMS_ENDPOINT") or Endpoint("https", f"metrics.{region}.aliyuncs.com")
    query = {"Product": "ECS", "EventName": EVENT, "EventContent": json.dumps(event)}
    answer = ask("SendDryRunSystemEvent", "2019-01-01", query, keys, region, endpoint)
    if str(answer.get("Success")).lower() != "true":
        raise LaunchFailed(f"SendDryRunSystemEvent: {answer.get('Code')} {answer.get('Message')}")
    print(f"CloudMonitor took the simulated event for {instance_id} (request id {answer.get('RequestId')}).")
    _advise(_write(event, root, instance_id), region, environ)


def _parse(arguments: Sequence[str], environ: Mapping[str, str]) -> tuple[str, str]:
    values = {"REGION": environ.get("DEPLOY_REGION") or "cn-hangzhou"}
    for argument in arguments:
        name, _, value = argument.partition("=")
        if name not in (*_ACCEPTED, *_NOT_OURS):
            raise CannotLaunch(f"{name} is unknown; accepted: INSTANCE=i-… and REGION=…")
        values[name] = value
    for name, pattern in _ACCEPTED.items():
        if not re.fullmatch(pattern, values.get(name, "")):
            raise CannotLaunch("make simulate-interruption INSTANCE=i-… REGION=cn-hangzhou (or DEPLOY_REGION)")
    return values["INSTANCE"], values["REGION"]


def _warnings(seen: Described) -> Iterator[str]:
    if not is_spot(seen):
        yield "it is no spot instance: the function will skip it"
    if tags_of(seen).get(TAG["Key"]) != TAG["Value"]:
        yield f"it lacks the tag {TAG['Key']}={TAG['Value']}: the function will skip it"
    if not locked(seen):
        yield (
            "it is healthy, not under the Recycling lock. With SPOTKEEPER_REQUIRE_RECYCLING_LOCK=true (the default) "
            "the function skips it after a minute and changes nothing; in a dry run it answers its plan all the same"
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
    print("If not, simulated events do not reach the event bus of your account; hand it over directly:")
    print(f"  npx s cli fc3 invoke --region {region} --function-name {function} \\")
    print(f"    --event-file {file} --invocation-type async")
