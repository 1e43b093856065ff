"""Disks that do not do as they are told."""

from __future__ import annotations

import pytest

from simulator.ecs import DiskSpec, Timings
from tests.rescue.reading import doomed_disks, images, replacements, source_disks
from tests.rescue.stage import REALISTIC, SOURCE, Stage, stage

SYSTEM = DiskSpec("cloud_essd", 40, "PL0")
DATA = DiskSpec("cloud_essd", 100, "PL1", "/dev/xvdb")
LOCK_CODES = ("InvalidOperation.InstanceLocked", "InstanceLockedForSecurity", "IncorrectInstanceStatus")


def disks_by_device(here: Stage) -> tuple[str, str]:
    """The system disk and the data disk of a source that has two."""
    system, data = here.cloud.ecs.disks_of(SOURCE)
    return system.disk_id, data.disk_id


@pytest.mark.parametrize(
    ("kind", "refuses"),
    [
        (DiskSpec("cloud", 100, "", "/dev/xvdb", portable=False), "DeleteWithInstance.Conflict"),
        (DATA, "IncorrectDiskStatus"),
    ],
)
def test_a_disk_that_refuses_is_reported_and_the_others_are_kept(kind: DiskSpec, refuses: str) -> None:
    """One disk's refusal costs only that disk its retention; the image holds all of them."""
    here = stage(Timings(image=500, usable=30, snapshot=25), disks=(SYSTEM, kind))
    system, data = disks_by_device(here)
    if kind.portable:
        here.cloud.ecs.disks_that_refuse[data] = refuses
    answer = here.rescues()
    assert any(data in text and refuses in text for text in answer["warnings"])
    assert not any(system in text for text in answer["warnings"])
    assert len(images(here)[0]["DiskDeviceMappings"]["DiskDeviceMapping"]) == 2
    changed = [call.parameters for call in here.calls("ModifyDiskAttribute") if not call.code]
    assert changed[0]["DeleteWithInstance"].lower() == "false"
    assert system in changed[0].values()


@pytest.mark.parametrize("code", LOCK_CODES)
def test_a_lock_that_refuses_disk_changes_is_a_warning(code: str) -> None:
    """Where the reclaim lock itself forbids the change, the image is made all the same, and no disk is said to stay."""
    here = stage()
    here.cloud.ecs.lock_refuses_disk_changes = code
    answer = here.rescues()
    for disk in doomed_disks(here):
        assert any(disk in text and code in text for text in answer["warnings"])
    assert answer["retained_disks"] == []
    here.pass_notice()
    assert not set(doomed_disks(here)) & set(source_disks(here))


def test_a_disk_that_refused_and_one_that_stays() -> None:
    """Of two disks, one of which refused, only the other can outlive the source, and only it is reported."""
    here = stage(Timings(image=500, usable=30, snapshot=450, boot=20), disks=(SYSTEM, DATA))
    system, data = disks_by_device(here)
    here.cloud.ecs.disks_that_refuse[data] = "IncorrectDiskStatus"
    answer = here.deliver()
    here.pass_notice()
    assert system in source_disks(here)
    assert data not in source_disks(here)
    assert answer["retained_disks"] == [system]


def test_a_local_disk_cannot_be_saved() -> None:
    """A local disk ends with its host: it is in no image, and both the warnings and ``not_carried`` name it."""
    here = stage(disks=(SYSTEM, DiskSpec("local_ssd_pro", 100, "", "/dev/xvdb")))
    system, local = disks_by_device(here)
    answer = here.finishes()
    assert any(local in text for text in answer["warnings"])
    assert any(local in text for text in answer["not_carried"])
    assert not any(system in text for text in answer["warnings"])
    assert [item["Size"] for item in images(here)[0]["DiskDeviceMappings"]["DiskDeviceMapping"]] == ["40"]
    assert "DataDisk" not in replacements(here)[0]["LaunchedWith"]


def test_a_multi_attach_disk_is_left_alone() -> None:
    """A shared disk does not go with the instance anyway: nobody asks it to stay."""
    shared = DiskSpec("cloud_essd", 100, "PL1", "/dev/xvdb", delete_with_instance=False, multi_attach=True)
    here = stage(disks=(SYSTEM, shared))
    assert here.rescues()["warnings"] == []


def test_retain_never_touches_no_flag() -> None:
    """SPOTKEEPER_RETAIN_DISKS=never rescues as ever without a ModifyDiskAttribute: disks go with the source."""
    here = stage(REALISTIC, {"SPOTKEEPER_RETAIN_DISKS": "never"})
    answer = here.rescues()
    assert here.calls("ModifyDiskAttribute") == []
    assert answer["retained_disks"] == []
    here.pass_notice()
    assert len(source_disks(here)) == 1


def test_a_disk_that_its_owner_moves_to_another_instance() -> None:
    """Its flag is not put back: it would be released with its new instance."""
    here = stage(Timings(image=60, boot=20))
    data = next(disk for disk in here.cloud.ecs.disks_of(SOURCE) if disk.type == "data" and disk.delete_with_instance)

    def moves() -> None:
        data.instance_id, data.delete_with_instance = here.fleet.bystanders[0].instance_id, False

    here.meanwhile("RunInstances", moves)
    here.finishes()
    assert not here.cloud.ecs.disks[data.disk_id].delete_with_instance
