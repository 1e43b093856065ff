"""Each setting of a disk, seeded alone: a disk of the replacement has it, or the answer lists it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from rescue.launch_spec import disk_settings
from simulator import proof
from simulator.ecs import DiskSpec
from tests.rescue import settings_tables
from tests.rescue.reading import replacements
from tests.rescue.stage import SOURCE, Stage, stage
from tests.rescue.test_disks import DATA, SYSTEM


def a_disk(device: str = "/dev/xvdb", category: str = "cloud_essd", **attributes: Any) -> DiskSpec:
    """A data disk with further attributes."""
    level = "PL1" if category == "cloud_essd" else ""
    return DiskSpec(category, 100, level, device, attributes=attributes)


DISKS = {
    "Category": (DiskSpec("cloud_ssd", 100, "", "/dev/xvdb"), "cloud_ssd"),
    "Size": (DiskSpec("cloud_essd", 137, "PL1", "/dev/xvdb"), 137),
    "Device": (a_disk("/dev/xvdf"), "/dev/xvdf"),
    "Type": (a_disk(), "data"),
    "DiskName": (a_disk(disk_name="orders"), "orders"),
    "Description": (a_disk(description="orders of the shop"), "orders of the shop"),
    "PerformanceLevel": (DiskSpec("cloud_essd", 500, "PL2", "/dev/xvdb"), "PL2"),
    "ProvisionedIops": (DiskSpec("cloud_auto", 100, "", "/dev/xvdb", provisioned_iops=900), 900),
    "BurstingEnabled": (a_disk(category="cloud_auto", bursting_enabled=True), True),
    "DeleteWithInstance": (DiskSpec("cloud_essd", 100, "PL1", "/dev/xvdb", delete_with_instance=False), False),
    "Encrypted": (DiskSpec("cloud_essd", 100, "PL1", "/dev/xvdb", encrypted=True), True),
    "KMSKeyId": (DiskSpec("cloud_essd", 100, "PL1", "/dev/xvdb", encrypted=True, attributes={"kms_key_id": "k"}), "k"),
}
"""Field -> a data disk that has it, and what DescribeDisks shows."""


def test_every_carried_field_of_disks_is_seeded() -> None:
    """Every field of the tables, and no other."""
    assert set(DISKS) == {*disk_settings.PLAIN, *disk_settings.OF_CATEGORY, *settings_tables.DISK_COMPUTED}


MODES = [pytest.param("from-image", id="from-image"), pytest.param("at-once", id="at-once")]


def on_devices(disks: Mapping[str, tuple[DiskSpec, Any]]) -> dict[str, DiskSpec]:
    """Each disk on a device of its own, so that one source can have them all; a disk without a device keeps none."""
    devices = (f"/dev/xvd{letter}" for letter in "bcdefghijklmnopqrstuvw")
    return {path: replace(spec, device=spec.device and next(devices)) for path, (spec, _) in disks.items()}


@cache
def rescued(mode: str) -> Stage:
    """The rescue of a source that has all the disks."""
    here = stage(settings={"SPOTKEEPER_RELAUNCH": mode}, disks=(SYSTEM, *on_devices(DISKS).values()))
    here.deliver()
    return here


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", sorted(DISKS))
def test_a_setting_of_a_disk_is_carried(path: str, mode: str) -> None:
    """The replacement's disk shows what the source's did."""
    device = on_devices(DISKS)[path].device
    made = proof.disks(rescued(mode).state, replacements(rescued(mode))[0]["InstanceId"])
    (disk,) = (item for item in made if item["Device"] == device)
    assert disk[path] == (device if path == "Device" else DISKS[path][1])


@pytest.mark.parametrize("mode", MODES)
def test_an_encrypted_system_disk_stays_encrypted(mode: str) -> None:
    """With its own key, also where the replacement comes from an image that is not encrypted."""
    system = DiskSpec("cloud_essd", 40, "PL0", encrypted=True, attributes={"kms_key_id": "key-1"})
    here = stage(settings={"SPOTKEEPER_RELAUNCH": mode}, disks=(system,))
    here.deliver()
    (disk,) = proof.disks(here.state, replacements(here)[0]["InstanceId"])
    assert (disk["Encrypted"], disk["KMSKeyId"]) == (True, "key-1")


DISK_LOSSES = {
    "ProductCode": (a_disk(settings={"ProductCode": "jxsc1"}), "jxsc1"),
    "AutoSnapshotPolicyId": (a_disk(auto_snapshot_policy_id="sp-1"), "sp-1"),
    "StorageClusterId": (a_disk(settings={"StorageClusterId": "dbsc-1"}), "dbsc-1"),
    "StorageSetId": (a_disk(settings={"StorageSetId": "ss-1"}), "ss-1"),
    "StorageSetPartitionNumber": (a_disk(settings={"StorageSetPartitionNumber": 3}), "partition 3"),
    "Placement": (a_disk(settings={"Placement": {"ZoneIds": "cn-hangzhou-g,cn-hangzhou-h"}}), "cn-hangzhou-g"),
    "DeleteWithInstance": (DiskSpec("cloud_essd", 40, "PL0", delete_with_instance=False), "DeleteWithInstance=false"),
    "Device": (a_disk(""), "without a device name"),
    "Tags": (a_disk(settings={"Tags": {"Tag": [{"TagKey": "backup", "TagValue": "daily"}]}}), "backup=daily"),
    "ResourceGroupId": (a_disk(resource_group_id="rg-9"), "rg-9"),
    "MultiAttach": (DiskSpec("cloud_essd", 100, "PL1", "/dev/xvdb", multi_attach=True), "shared"),
    "DiskChargeType": (a_disk(settings={"DiskChargeType": "PrePaid"}), "subscription"),
    "EnableAutoSnapshot": (a_disk(auto_snapshot_policy_id="sp-1", enable_auto_snapshot=True), "EnableAutoSnapshot"),
    "DeleteAutoSnapshot": (a_disk(auto_snapshot_policy_id="sp-1"), "DeleteAutoSnapshot"),
}
"""Field -> a disk that has it, and what the answer says."""


@cache
def lossy() -> tuple[dict[str, str], list[str]]:
    """The disk of each field, by id, of a source that has them all; and what the answer lists of its rescue."""
    specs = on_devices(DISK_LOSSES) | {"DeleteWithInstance": DISK_LOSSES["DeleteWithInstance"][0]}
    here = stage(disks=tuple(specs.values()))
    ids = {disk.device: disk.disk_id for disk in here.cloud.ecs.disks_of(SOURCE)}
    return {path: ids[spec.device] for path, spec in specs.items()}, list(here.deliver()["not_carried"])


@cache
def plain_losses() -> list[str]:
    """The losses of a source whose disks have no special settings."""
    return list(stage(disks=(SYSTEM, DATA)).deliver()["not_carried"])


@pytest.mark.parametrize("path", sorted(DISK_LOSSES))
def test_a_setting_of_a_disk_is_listed(path: str) -> None:
    """The answer names it with the disk, and only where it is."""
    told = DISK_LOSSES[path][1]
    disks, listed = lossy()
    assert [text for text in listed if told in text and disks[path] in text]
    assert [text for text in plain_losses() if told in text] == []


def test_every_listed_field_of_disks_is_seeded() -> None:
    """Every field of the tables, and no other."""
    assert set(DISK_LOSSES) == {*disk_settings.LISTED, *settings_tables.DISK_LISTED_BY_CODE}


def test_entry_disks_on_an_instance_type_that_has_none() -> None:
    """Another family gets the next category, and the answer says so; refused, it would never be launched."""
    disks = (DiskSpec("cloud_essd_entry", 40, ""), DiskSpec("cloud_ssd", 100, "", "/dev/xvdb"))
    here = stage(
        instance_type="ecs.u1-c1m4.large", disks=disks, settings={"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": "ecs.g7.large"}
    )
    here.cloud.ecs.stock["cn-hangzhou-h", "ecs.u1-c1m4.large", "spot"] = 0
    answer = here.deliver()
    (made,) = replacements(here)
    found = {
        disk["Type"]: (disk["Category"], disk.get("PerformanceLevel"))
        for disk in proof.disks(here.state, made["InstanceId"])
    }
    assert (made["InstanceType"], made["SpotStrategy"]) == ("ecs.g7.large", "SpotAsPriceGo")
    assert found == {"system": ("cloud_essd", "PL0"), "data": ("cloud_ssd", None)}
    assert [
        text for text in answer["not_carried"] if text.startswith("cloud_essd_entry: does not fit spot ecs.g7.large")
    ]
