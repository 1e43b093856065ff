"""The launch spec: everything of the source that RunInstances can give to its replacement. Pure.

Shape of the ``plan`` record::

    {"run": {RunInstances parameters without image and rung}, "rungs": [{...}], "family": "ecs.g7",
     "not_carried": ["..."], "own_image": "m-..."}

A rung is a mapping of the parameters that it adds, with ``"drops"``: what of ``run`` does not fit it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from spotkeeper.episode import EPISODE_TAG
from spotkeeper.hooks import ALIVE_TAG, FAILED_TAG
from spotkeeper.instances import Described, tags_of
from spotkeeper.settings import InterruptionSettings, UserData

TAG_LIMIT = 20
FOREIGN_TAG_PREFIXES = ("acs:", "aliyun", "ack.", "k8s.")
STATE_TAGS = frozenset({EPISODE_TAG, ALIVE_TAG, FAILED_TAG})
LOCAL_DISK_PREFIXES = ("ephemeral", "local_")

PLAIN_FIELDS = {
    "InstanceName": "InstanceName",
    "Description": "Description",
    "HostName": "HostName",
    "CreditSpecification": "CreditSpecification",
    "DeploymentSetId": "DeploymentSetId",
    "ResourceGroupId": "ResourceGroupId",
}
"""DescribeInstances field -> RunInstances parameter, taken over as they are where they have a value."""

METADATA_FIELDS = ("HttpEndpoint", "HttpTokens", "HttpPutResponseHopLimit")
SPOT_PARAMETERS = ("SpotStrategy", "SpotPriceLimit", "SpotDuration", "SpotInterruptionBehavior")


def launch_spec(
    source: Described, disks: Sequence[Described], user_data: str, ram_role: str, settings: InterruptionSettings
) -> dict[str, Any]:
    """The ``plan`` record (see the module's text for its shape)."""
    run: dict[str, Any] = {"Amount": 1, "SecurityGroupIds": security_groups(source)}
    run.update({to: source[name] for name, to in PLAIN_FIELDS.items() if source.get(name)})
    run.update({name: value for name in METADATA_FIELDS if (value := (source.get("MetadataOptions") or {}).get(name))})
    run.update(_login(source))
    run.update(_internet(source))
    run.update(_disks(disks))
    run.update({"RamRoleName": ram_role} if ram_role else {})
    run.update({"UserData": user_data} if user_data and settings.user_data is UserData.KEEP else {})
    tags, dropped = carried_tags(tags_of(source))
    return {
        "run": {**run, "Tag": [{"Key": key, "Value": value} for key, value in tags.items()]},
        "rungs": rungs(source, settings),
        "not_carried": [*not_carried(source, disks), *dropped],
        "own_image": str(source.get("ImageId") or ""),
        "source_type": str(source.get("InstanceType") or ""),
    }


def security_groups(source: Described) -> list[str]:
    """The ids of its security groups."""
    return list((source.get("SecurityGroupIds") or {}).get("SecurityGroupId") or [])


def _login(source: Described) -> dict[str, Any]:
    """Its key pair, or the password that the image keeps: without either nobody could log in any more."""
    key_pair = source.get("KeyPairName")
    return {"KeyPairName": key_pair} if key_pair else {"PasswordInherit": True}


def _internet(source: Described) -> dict[str, Any]:
    """Public bandwidth of its own; that of an EIP belongs to the EIP."""
    outgoing = int(source.get("InternetMaxBandwidthOut") or 0)
    if (source.get("EipAddress") or {}).get("AllocationId") or outgoing <= 0:
        return {}
    names = ("InternetChargeType", "InternetMaxBandwidthOut", "InternetMaxBandwidthIn")
    return {name: source[name] for name in names if source.get(name) and source[name] != -1}


def _disks(disks: Sequence[Described]) -> dict[str, Any]:
    """Category, size and level of the system disk; of the data disks also the flag.

    A data disk of the image is matched by its device: an entry for a device overrides, it does not add a disk.
    """
    system = [disk for disk in disks if disk.get("Type") == "system"]
    data = [disk for disk in disks if disk.get("Type") == "data" and not is_local(disk)]
    names = ("Category", "Size", "PerformanceLevel", "ProvisionedIops", "BurstingEnabled")
    parameters: dict[str, Any] = {}
    if system:
        parameters["SystemDisk"] = {name: str(system[0][name]) for name in names if system[0].get(name)}
    if data:
        parameters["DataDisk"] = [
            {
                "Device": disk.get("Device"),
                **{name: disk[name] for name in names if disk.get(name)},
                "DeleteWithInstance": bool(disk.get("DeleteWithInstance")),
            }
            for disk in sorted(data, key=lambda one: str(one.get("Device")))
        ]
    return parameters


def is_local(disk: Described) -> bool:
    """Whether it is a disk of the host, which nothing can take along."""
    return str(disk.get("Category") or "").startswith(LOCAL_DISK_PREFIXES)


def carried_tags(tags: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The user's tags (neither the platform's nor those of an earlier rescue), one place left free for the episode's.

    Where there are too many, those go last that Spotkeeper reads: without them the replacement would not be managed.
    """
    own = {
        key: value for key, value in tags.items() if key not in STATE_TAGS and not key.startswith(FOREIGN_TAG_PREFIXES)
    }
    ours_first = sorted(own.items(), key=lambda tag: not tag[0].startswith("spotkeeper:"))
    kept = dict(ours_first[: TAG_LIMIT - 1])
    return kept, [f"tag {key}: an instance has {TAG_LIMIT} tags at most" for key in own if key not in kept]


def rungs(source: Described, settings: InterruptionSettings) -> list[dict[str, Any]]:
    """The ladder: charge (spot, then on-demand), then vSwitch, then instance type."""
    own_type = str(source.get("InstanceType") or "")
    own_vswitch = str((source.get("VpcAttributes") or {}).get("VSwitchId") or "")
    types = list(dict.fromkeys([own_type, *settings.fallback_instance_types]))
    vswitches = list(dict.fromkeys([own_vswitch, *settings.fallback_vswitch_ids]))
    charges = [True, False] if settings.fallback_on_demand else [True]
    return [
        _rung(source, spot=spot, vswitch=vswitch, instance_type=instance_type)
        for spot in charges
        for vswitch in vswitches
        for instance_type in types
    ]


def _rung(source: Described, *, spot: bool, vswitch: str, instance_type: str) -> dict[str, Any]:
    drops: list[str] = []
    own_type = str(source.get("InstanceType") or "")
    add: dict[str, Any] = {"InstanceType": instance_type, "VSwitchId": vswitch, "InstanceChargeType": "PostPaid"}
    add.update(_spot(source, same_type=instance_type == own_type) if spot else {"SpotStrategy": "NoSpot"})
    if spot and "SpotPriceLimit" not in add and source.get("SpotStrategy") == "SpotWithPriceLimit":
        drops.append("SpotPriceLimit")
    if source.get("CreditSpecification") and family(instance_type) != family(own_type):
        drops.append("CreditSpecification")
    return {"add": add, "drops": drops}


def _spot(source: Described, *, same_type: bool) -> dict[str, Any]:
    """The source's bid. A price limit is one type's: another type bids the market price, which on-demand caps."""
    limited = source.get("SpotStrategy") == "SpotWithPriceLimit" and same_type
    spot: dict[str, Any] = {"SpotStrategy": "SpotWithPriceLimit" if limited else "SpotAsPriceGo"}
    if limited and source.get("SpotPriceLimit"):
        spot["SpotPriceLimit"] = source["SpotPriceLimit"]
    if source.get("SpotDuration") is not None:
        spot["SpotDuration"] = source["SpotDuration"]
    if source.get("SpotInterruptionBehavior"):
        spot["SpotInterruptionBehavior"] = source["SpotInterruptionBehavior"]
    return spot


def family(instance_type: str) -> str:
    """``ecs.g7.large`` -> ``ecs.g7``."""
    return instance_type.rpartition(".")[0]


def not_carried(source: Described, disks: Sequence[Described]) -> list[str]:
    """What the replacement cannot get, where the source has it."""
    lost: list[str] = []
    if not source.get("KeyPairName"):
        lost.append("password: it cannot be read; the one inside the image stays valid (PasswordInherit)")
    if address := (source.get("EipAddress") or {}).get("IpAddress"):
        lost.append(f"EIP {address}: associate it with the replacement")
    lost += _network_not_carried(source)
    if codes := sorted({str(disk["ProductCode"]) for disk in disks if disk.get("ProductCode")}):
        lost.append(f"marketplace licence {', '.join(codes)}")
    if policies := sorted({str(disk["AutoSnapshotPolicyId"]) for disk in disks if disk.get("AutoSnapshotPolicyId")}):
        lost.append(f"snapshot policies {', '.join(policies)}")
    lost += [
        f"local disk {disk.get('DiskId')} ({disk.get('Device')}): its data ends with the instance"
        for disk in disks
        if is_local(disk)
    ]
    return lost


def _network_not_carried(source: Described) -> list[str]:
    lost: list[str] = []
    interfaces = (source.get("NetworkInterfaces") or {}).get("NetworkInterface") or []
    if secondary := [str(one.get("NetworkInterfaceId")) for one in interfaces if one.get("Type") == "Secondary"]:
        lost.append(f"secondary network cards {', '.join(secondary)}")
    if any((one.get("Ipv6Sets") or {}).get("Ipv6Set") for one in interfaces):
        lost.append("IPv6 addresses")
    addresses = ((source.get("VpcAttributes") or {}).get("PrivateIpAddress") or {}).get("IpAddress") or []
    if addresses:
        lost.append(f"private address {', '.join(addresses)}: the source holds it until it is released")
    if (source.get("PublicIpAddress") or {}).get("IpAddress"):
        lost.append("public address: the replacement gets a new one")
    return lost


def run_parameters(plan: Mapping[str, Any], rung: Mapping[str, Any], image_id: str, episode: str) -> dict[str, Any]:
    """The RunInstances parameters of one rung, made of the recorded plan alone, so that every call sends the same."""
    run = {name: value for name, value in plan["run"].items() if name not in rung["drops"]}
    tags = [*run.pop("Tag"), {"Key": EPISODE_TAG, "Value": episode}]
    return {**run, **rung["add"], "ImageId": image_id, "Tag": tags}
