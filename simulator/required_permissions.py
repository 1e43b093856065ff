"""The permissions that a request needs: actions on resources.

Sources: "Authentication rules" of ECS, "RAM authentication" of CLB, "Authorization syntax and elements" of OSS,
"Policies and sample policies" of Function Compute, "RAM authorization" of RAM and Auto Scaling. A call that they leave
open is checked in the least friendly way: Auto Scaling's calls for ``*``, which no narrower resource allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from simulator.oss.target import target_of
from simulator.ram import RequiredPermission
from simulator.wire import Request, from_json

if TYPE_CHECKING:
    from simulator.cloud import Cloud

_NUMBERED = re.compile(r"\.\d+\Z")
_INNER_SNAPSHOT = re.compile(r"DataDisk\.\d+\.SnapshotId\Z")
_KINDS = {
    "InstanceId": "ecs:instance",
    "InstanceIds": "ecs:instance",
    "ImageId": "ecs:image",
    "DiskId": "ecs:disk",
    "DiskIds": "ecs:disk",
    "SnapshotId": "ecs:snapshot",
    "SnapshotIds": "ecs:snapshot",
    "SecurityGroupId": "ecs:securitygroup",
    "SecurityGroupIds": "ecs:securitygroup",
    "KeyPairName": "ecs:keypair",
    "VSwitchId": "vpc:vswitch",
}
"""ECS parameter -> the resource that it names."""
_MADE = {"RunInstances": "instance", "CreateImage": "image", "RunCommand": "command"}
"""A resource that an action makes is checked as ``<kind>/*``, with the tags that the request gives it."""
_TAG = "ecs:tag/"


def of_rpc(cloud: Cloud, product: str, action: str, flat: Mapping[str, str]) -> list[RequiredPermission]:
    """The permissions that an RPC call needs, by its parameters as sent."""
    name = f"{product}:{action}"
    if product == "ecs":
        return [RequiredPermission(name, arn, tags) for arn, tags in _of_ecs(cloud, action, flat)] + list(
            _passed_role(cloud, action, flat)
        )
    if product == "slb":
        return [RequiredPermission(name, arn) for arn in _of_slb(cloud, flat)]
    if product == "ram":
        return [RequiredPermission(name, arn) for arn in _of_ram(cloud, flat)]
    return [RequiredPermission(name, "*")]


def of_oss(cloud: Cloud, operation: str, request: Request) -> list[RequiredPermission]:
    """The permission that an OSS operation needs; ListObjectsV2 is permitted by the action of ListObjects."""
    target = target_of(request)
    action = "ListObjects" if operation == "ListObjectsV2" else operation
    path = f"{target.bucket}/{target.key}" if target.key else target.bucket or "*"
    conditions = {"oss:Prefix": target.parameters.get("prefix", "")} if action == "ListObjects" else {}
    return [RequiredPermission(f"oss:{action}", f"acs:oss:oss-{cloud.region}:{cloud.account_id}:{path}", conditions)]


def of_fc(cloud: Cloud, action: str, request: Request) -> list[RequiredPermission]:
    """The permission that a call to Function Compute needs: on the function, without a qualifier."""
    function = request.path.partition("/functions/")[2].partition("/")[0]
    return [RequiredPermission(f"fc:{action}", _arn(cloud, "fc", f"functions/{function}"))]


def _arn(cloud: Cloud, product: str, resource: str, region: str | None = None) -> str:
    return f"acs:{product}:{region or cloud.region}:{cloud.account_id}:{resource}"


def _of_ecs(cloud: Cloud, action: str, flat: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    region = flat.get("RegionId")
    named = list(_named(flat))
    if action in _MADE:
        yield _arn(cloud, "ecs", f"{_MADE[action]}/*", region), _given_tags(flat)
    elif not named:
        yield _arn(cloud, "ecs", "*", region), {}
    for product, kind, resource_id in named:
        yield _arn(cloud, product, f"{kind}/{resource_id}", region), _tags_of(cloud, kind, resource_id)


def _named(flat: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Product, kind and id of the resources that the parameters name."""
    for name, value in flat.items():
        plain = "SnapshotId" if _INNER_SNAPSHOT.match(name) else _NUMBERED.sub("", name)
        if plain == "ResourceId":
            yield "ecs", flat.get("ResourceType", ""), value
        elif plain in _KINDS:
            product, _, kind = _KINDS[plain].partition(":")
            for instance_id in _ids(value):
                yield product, kind, instance_id


def _ids(value: str) -> list[str]:
    """A single id, or those of a JSON list."""
    try:
        found = from_json(value)
    except ValueError:
        return [value]
    return list(map(str, found)) if isinstance(found, list) else [value]


def _given_tags(flat: Mapping[str, str]) -> dict[str, str]:
    keys = {name: value for name, value in flat.items() if re.fullmatch(r"Tag\.\d+\.Key", name)}
    return {f"{_TAG}{key}": flat.get(name.removesuffix("Key") + "Value", "") for name, key in keys.items()}


def _tags_of(cloud: Cloud, kind: str, resource_id: str) -> dict[str, str]:
    """The tags that a Describe shows by now: no document says that RAM sees a tag sooner."""
    kinds: dict[str, Mapping[str, Any]] = {
        "instance": cloud.ecs.instances,
        "image": cloud.ecs.images,
        "disk": cloud.ecs.disks,
        "snapshot": cloud.ecs.snapshots,
    }
    found = kinds.get(kind, {}).get(resource_id)
    return {f"{_TAG}{key}": value for key, value in found.tags.seen(cloud.now()).items()} if found else {}


def _passed_role(cloud: Cloud, action: str, flat: Mapping[str, str]) -> Iterator[RequiredPermission]:
    """An instance that is launched with a RAM role gets it from the caller."""
    if action == "RunInstances" and (role := flat.get("RamRoleName")):
        yield RequiredPermission("ram:PassRole", _ram(cloud, f"role/{role}"), {"acs:Service": "ecs.aliyuncs.com"})


def _of_slb(cloud: Cloud, flat: Mapping[str, str]) -> Iterator[str]:
    """The CLB; where servers are named these too, whatever kind of server they are."""
    balancer, group = flat.get("LoadBalancerId", "*"), flat.get("VServerGroupId")
    if group:
        balancer = next((owner.id for owner in cloud.slb.load_balancers.values() if group in _groups_of(owner)), "*")
    yield _arn(cloud, "slb", f"loadbalancer/{balancer}", flat.get("RegionId"))
    for server in _servers(flat):
        kind = "instance" if server.startswith("i-") else "eni"
        yield _arn(cloud, "ecs", f"{kind}/{server}", flat.get("RegionId"))


def _groups_of(balancer: Any) -> list[str]:
    return [group.id for group in balancer.vserver_groups]


def _servers(flat: Mapping[str, str]) -> list[str]:
    try:
        servers = from_json(flat.get("BackendServers", "[]"))
    except ValueError:
        return []
    found = servers if isinstance(servers, list) else []
    return [str(server.get("ServerId") if isinstance(server, dict) else server) for server in found]


def _of_ram(cloud: Cloud, flat: Mapping[str, str]) -> Iterator[str]:
    if role := flat.get("RoleName"):
        yield _ram(cloud, f"role/{role}")
    if policy := flat.get("PolicyName"):
        owner = "system" if flat.get("PolicyType") == "System" else cloud.account_id
        yield f"acs:ram:*:{owner}:policy/{policy}"


def _ram(cloud: Cloud, resource: str) -> str:
    return f"acs:ram:*:{cloud.account_id}:{resource}"
