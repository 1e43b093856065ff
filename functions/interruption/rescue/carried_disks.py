"""Which settings of a disk that of the replacement gets, as tables: every field of DescribeDisks is in one of them.

Fields are named as in ``carried``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rescue.carried import values
from rescue.carried_tags import own_tags
from spotkeeper.instances import Described, tags_of
from spotkeeper.settings import Relaunch

LOCAL_DISK_PREFIXES = ("ephemeral", "local_", "elastic_ephemeral")
"""Of the host, or without snapshots: their data is in no image."""

PLAIN = {
    "Category": "Category",
    "Size": "Size",
    "DiskName": "DiskName",
    "Description": "Description",
}
"""Field -> member of SystemDisk and DataDisk, taken over as it is where it is set."""

OF_CATEGORY = {
    "PerformanceLevel": "cloud_essd",
    "ProvisionedIops": "cloud_auto",
    "BurstingEnabled": "cloud_auto",
}
"""The same, for disks of this category only: RunInstances refuses it for others."""

COMPUTED = {
    "Encrypted": "Encrypted",
    "KMSKeyId": "KMSKeyId",
    "Device": "DataDisk.Device",
    "Type": "SystemDisk or DataDisk",
    "DeleteWithInstance": "DataDisk.DeleteWithInstance",
}
"""Field -> the member that is made of it."""

LISTED = {
    "ProductCode": "marketplace licence {}",
    "AutoSnapshotPolicyId": "snapshot policy {}",
    "StorageClusterId": "dedicated block storage cluster {}",
    "StorageSetId": "storage set {}",
    "StorageSetPartitionNumber": "storage set partition {}",
    "Placement": "placement in zones {}",
}
"""Field -> what ``not_carried`` says where it is set, ``{}`` being its values."""

LISTED_BY_CODE = {
    "DeleteWithInstance": "of a system disk that stays",
    "Device": "where there is none",
    "Tags": "those that the instance does not have",
    "ResourceGroupId": "where it is not that of the instance",
    "MultiAttach": "where it is Enabled",
    "DiskChargeType": "where it is PrePaid",
    "EnableAutoSnapshot": "with the snapshot policy",
    "DeleteAutoSnapshot": "with the snapshot policy",
}
"""Fields that ``not_carried`` has under a condition."""

OF_THE_DISK = "of this one disk: its id, state, or history"

NO_SETTING = {
    **dict.fromkeys(("DiskId", "SerialNumber", "Status", "CreationTime", "OperationLocks", "BdfId"), OF_THE_DISK),
    **dict.fromkeys(("AttachedTime", "DetachedTime", "Attachments", "InstanceId"), OF_THE_DISK),
    **dict.fromkeys(("MountInstances", "MountInstanceNum"), f"{OF_THE_DISK}; a shared disk is listed"),
    **dict.fromkeys(("ImageId", "SourceSnapshotId", "SourceDiskId", "DataSource"), "tells what the disk was made of"),
    **dict.fromkeys(("RegionId", "ZoneId"), "follows from the vSwitch"),
    **dict.fromkeys(
        ("IOPS", "IOPSRead", "IOPSWrite", "Throughput", "ThroughputRead", "ThroughputWrite"),
        "follows from category, size and level",
    ),
    "Portable": "follows from the category",
    "ExpiredTime": "of subscriptions",
    "EnableAutomatedSnapshotPolicy": "AutoSnapshotPolicyId tells it",
}
"""Field -> why there is nothing to carry."""

NOT_ASKED_FOR = {
    "AutoSnapshotPolicyId": "listed: a policy that was deleted meanwhile would stand against every launch",
    "EncryptAlgorithm": "no Describe action tells it",
    "SnapshotId": "the image tells it",
    "StorageClusterId": "listed: bound to its zone",
}
"""Member of SystemDisk and DataDisk -> why it is not sent."""


def is_local(disk: Described) -> bool:
    """Whether its data ends with the instance, since nothing can take it along."""
    return str(disk.get("Category") or "").startswith(LOCAL_DISK_PREFIXES)


def disk_parameters(disks: Sequence[Described], relaunch: Relaunch) -> dict[str, Any]:
    """``SystemDisk`` and ``DataDisk`` of RunInstances.

    A data disk of the image is matched by its device: an entry for a device overrides, one without adds a disk. So a
    disk that has none is left to the image, where there is one.
    """
    system = [_members(disk) for disk in disks if disk.get("Type") == "system"]
    data = [
        {**_members(disk), **_of_data_disk(disk)}
        for disk in sorted(disks, key=lambda one: str(one.get("Device")))
        if _is_asked_for(disk, relaunch)
    ]
    parameters: dict[str, Any] = {"DataDisk": data} if data else {}
    if system:
        # SystemDisk.Size is a text, DataDisk.N.Size a number (request model of RunInstances).
        sizes = {name: str(system[0][name]) for name in ("Size",) if name in system[0]}
        parameters["SystemDisk"] = {**system[0], **sizes}
    return parameters


def _is_asked_for(disk: Described, relaunch: Relaunch) -> bool:
    named = bool(disk.get("Device")) or relaunch is Relaunch.AT_ONCE
    return disk.get("Type") == "data" and named and not is_local(disk)


def _of_data_disk(disk: Described) -> dict[str, Any]:
    device = {"Device": disk["Device"]} if disk.get("Device") else {}
    return {**device, "DeleteWithInstance": bool(disk.get("DeleteWithInstance"))}


def _members(disk: Described) -> dict[str, Any]:
    found = {member: disk[name] for name, member in PLAIN.items() if disk.get(name)}
    found.update(
        {name: disk[name] for name, only in OF_CATEGORY.items() if disk.get(name) and disk.get("Category") == only}
    )
    if disk.get("Encrypted"):
        # A text in the request model of RunInstances. Without a key it is the account's service key.
        found["Encrypted"] = "true"
        found.update({"KMSKeyId": disk["KMSKeyId"]} if disk.get("KMSKeyId") else {})
    return found


def listed(source: Described, disks: Sequence[Described], relaunch: Relaunch) -> list[str]:
    """What the replacement's disks cannot get, where the source's have it."""
    return [text for disk in disks for text in (*_plainly(disk), *_by_code(source, disk, relaunch))]


def _plainly(disk: Described) -> list[str]:
    found = [(text, values(disk, path)) for path, text in LISTED.items()]
    return [f"{text.format(', '.join(map(str, there)))} of {_name(disk)}" for text, there in found if there]


def _by_code(source: Described, disk: Described, relaunch: Relaunch) -> list[str]:
    name, group = _name(disk), disk.get("ResourceGroupId")
    tags = sorted(set(own_tags(tags_of(disk)).items()) - set(tags_of(source).items()))
    flags = [flag for flag in ("EnableAutoSnapshot", "DeleteAutoSnapshot") if disk.get(flag)]
    is_data = disk.get("Type") == "data"
    told = {
        f"local {name}: its data ends with the instance": is_local(disk),
        f"{' and '.join(flags)} of {name}": bool(disk.get("AutoSnapshotPolicyId") and flags),
        f"DeleteWithInstance=false of {name}: RunInstances cannot say so of a system disk": not is_data
        and disk.get("DeleteWithInstance") is False,
        f"category, size and encryption of {name}: without a device name, the image decides": is_data
        and not disk.get("Device")
        and relaunch is not Relaunch.AT_ONCE,
        f"tags {', '.join(f'{key}={value}' for key, value in tags)} of {name}": bool(tags),
        f"resource group {group} of {name}": bool(group) and group != source.get("ResourceGroupId"),
        f"shared {name}: attach it to the replacement": disk.get("MultiAttach") == "Enabled",
        f"subscription of {name}": disk.get("DiskChargeType") == "PrePaid",
    }
    return [text for text, applies in told.items() if applies]


def _name(disk: Described) -> str:
    return f"disk {disk.get('DiskId')} ({disk.get('Device') or 'no device name'})"
