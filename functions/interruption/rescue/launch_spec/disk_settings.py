"""The settings of a disk that the replacement's disk gets, and those that are only listed, as tables.

``tests/rescue/settings_tables.py`` has all other fields of DescribeDisks, with the reason. Fields are named as in
``instance_settings``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rescue.launch_spec.instance_settings import applying, texts
from rescue.launch_spec.tags import own_tags
from spotkeeper.instances import Described, tags_of
from spotkeeper.settings.interruption import Relaunch

LOCAL_DISK_PREFIXES = ("ephemeral", "local_", "elastic_ephemeral")
"""Disks of the host, or without snapshots: their data is in no image."""

PLAIN = ("Category", "Size", "DiskName", "Description")
"""Fields that SystemDisk and DataDisk have under the same name, copied if they are set."""

OF_CATEGORY = {
    "PerformanceLevel": "cloud_essd",
    "ProvisionedIops": "cloud_auto",
    "BurstingEnabled": "cloud_auto",
}
"""The same, for disks of this category only: RunInstances refuses the member for other categories."""

LISTED = {
    "ProductCode": "marketplace licence {}",
    "AutoSnapshotPolicyId": "snapshot policy {}",
    "StorageClusterId": "dedicated block storage cluster {}",
    "StorageSetId": "storage set {}",
    "StorageSetPartitionNumber": "storage set partition {}",
    "Placement": "placement in zones {}",
}
"""Field -> the text of ``not_carried`` if it is set; ``{}`` stands for its values."""


def is_local(disk: Described) -> bool:
    """Whether its data ends with the instance: no image or snapshot holds it."""
    return str(disk.get("Category") or "").startswith(LOCAL_DISK_PREFIXES)


def disk_parameters(disks: Sequence[Described], relaunch: Relaunch) -> dict[str, Any]:
    """``SystemDisk`` and ``DataDisk`` of RunInstances.

    RunInstances matches a data disk of the image by its device: an entry with a device overrides it, an entry without a
    device adds a disk. So a disk without a device is left to the image, if there is an image.
    """
    system = [_members(disk) for disk in disks if disk.get("Type") == "system"]
    data = [
        {**_members(disk), **_data_disk_members(disk)}
        for disk in sorted(disks, key=lambda disk: str(disk.get("Device")))
        if _is_requested(disk, relaunch)
    ]
    parameters: dict[str, Any] = {"DataDisk": data} if data else {}
    if system:
        # SystemDisk.Size is a text, DataDisk.N.Size a number (request model of RunInstances).
        size = {"Size": str(system[0]["Size"])} if "Size" in system[0] else {}
        parameters["SystemDisk"] = {**system[0], **size}
    return parameters


def _is_requested(disk: Described, relaunch: Relaunch) -> bool:
    named = bool(disk.get("Device")) or relaunch is Relaunch.AT_ONCE
    return disk.get("Type") == "data" and named and not is_local(disk)


def _data_disk_members(disk: Described) -> dict[str, Any]:
    device = {"Device": disk["Device"]} if disk.get("Device") else {}
    return {**device, "DeleteWithInstance": bool(disk.get("DeleteWithInstance"))}


def _members(disk: Described) -> dict[str, Any]:
    of_category = [name for name, category in OF_CATEGORY.items() if disk.get("Category") == category]
    found = {name: disk[name] for name in (*PLAIN, *of_category) if disk.get(name)}
    if disk.get("Encrypted"):
        # A text in the request model of RunInstances. Without KMSKeyId, the account's service key encrypts the disk.
        found["Encrypted"] = "true"
        found |= {"KMSKeyId": disk["KMSKeyId"]} if disk.get("KMSKeyId") else {}
    return found


def listed(source: Described, disks: Sequence[Described], relaunch: Relaunch) -> list[str]:
    """The texts about the settings of the source's disks that the replacement's disks cannot get."""
    found: list[str] = []
    for disk in disks:
        found += [f"{text} of {_name(disk)}" for text in texts(disk, LISTED)]
        found += _listed_by_condition(source, disk, relaunch)
    return found


def _listed_by_condition(source: Described, disk: Described, relaunch: Relaunch) -> list[str]:
    name, group = _name(disk), disk.get("ResourceGroupId")
    tags = sorted(set(own_tags(tags_of(disk)).items()) - set(tags_of(source).items()))
    flags = [flag for flag in ("EnableAutoSnapshot", "DeleteAutoSnapshot") if disk.get(flag)]
    is_data = disk.get("Type") == "data"
    stays = not is_data and disk.get("DeleteWithInstance") is False
    imaged = is_data and not disk.get("Device") and relaunch is not Relaunch.AT_ONCE
    return applying(
        {
            f"local {name}: its data ends with the instance": is_local(disk),
            f"{' and '.join(flags)} of {name}": disk.get("AutoSnapshotPolicyId") and flags,
            f"DeleteWithInstance=false of {name}: RunInstances has no such parameter for a system disk": stays,
            f"category, size and encryption of {name}: without a device name, the image decides": imaged,
            f"tags {', '.join(f'{key}={value}' for key, value in tags)} of {name}": tags,
            f"resource group {group} of {name}": group and group != source.get("ResourceGroupId"),
            f"shared {name}: attach it to the replacement": disk.get("MultiAttach") == "Enabled",
            f"subscription of {name}": disk.get("DiskChargeType") == "PrePaid",
        }
    )


def _name(disk: Described) -> str:
    return f"disk {disk.get('DiskId')} ({disk.get('Device') or 'no device name'})"
