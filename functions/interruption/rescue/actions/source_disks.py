"""The source's disks: as attached, as recorded, as retained; and the text for a human who needs the retained disks."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rescue.context import Context
from rescue.state import State
from spotkeeper.errors import CloudUnreachable
from spotkeeper.instances import Described
from spotkeeper.settings.interruption import RetainDisks

INCOMPLETE = "IncompleteAnswer"
"""An answer that cannot be whole; it passes by itself."""


def recorded(run: Context) -> Mapping[str, Described]:
    """The source's disks by id, with their flags before the rescue, by the journal."""
    return dict(run.episode.records.get("disks", {}).get("disks", {}))


def attached(run: Context) -> list[Described]:
    """All disks that are attached to the source. Raises ``CloudUnreachable`` for a list without its system disk.

    No document says that the list is complete at once.
    """
    shown = run.ecs.listed("DescribeDisks", run.instance_id, {"InstanceId": run.instance_id}, "Disks", "Disk")
    disks: list[Described] = [disk for disk in shown if disk.get("InstanceId") == run.instance_id]
    if not any(disk.get("Type") == "system" for disk in disks):
        raise CloudUnreachable("DescribeDisks", run.instance_id, INCOMPLETE, "the answer shows no system disk")
    return disks


def record_of(disk: Described) -> dict[str, object]:
    """The fields that are recorded of a disk: to restore its flag, and to find the disk after the release."""
    names = ("Device", "Type", "Category", "Size", "PerformanceLevel", "DeleteWithInstance", "MultiAttach")
    return {name: disk[name] for name in names if disk.get(name) is not None}


def of_source(run: Context, state: State) -> Mapping[str, Described]:
    """The source's disks by id: the attached disks while it exists, then the recorded disks."""
    now = [] if state.source is None else state.disks or attached(run)
    return {str(disk["DiskId"]): disk for disk in now} or recorded(run)


def to_retain(run: Context) -> list[str]:
    """The recorded disks that would be released with the instance if they were not retained."""
    return sorted(disk_id for disk_id, disk in recorded(run).items() if disk.get("DeleteWithInstance"))


def surviving(run: Context, disk_ids: list[str]) -> list[str]:
    """Those of the disks that exist and are not released with the instance."""
    if not disk_ids:
        return []
    shown = run.ecs.listed("DescribeDisks", run.instance_id, {"DiskIds": json.dumps(disk_ids)}, "Disks", "Disk")
    disks = [disk for disk in shown if disk.get("DiskId") in disk_ids]
    return sorted(str(disk["DiskId"]) for disk in disks if not (disk.get("InstanceId") and disk["DeleteWithInstance"]))


def retained(run: Context, state: State) -> list[str]:
    """The disks that outlive the source because of the rescue: they cost money until somebody deletes them."""
    return [] if state.flags_restored else surviving(run, to_retain(run))


def way_back(run: Context) -> str:
    """For a human: the disks that are left, and the way from them to a running instance."""
    known = recorded(run)
    if run.settings.retain_disks is RetainDisks.NEVER:
        return "No disk was retained."
    if "disks" not in run.episode.records:
        return "The journal does not name the retained disks: look for disks that are attached to no instance."
    if not (left := surviving(run, sorted(known))):
        return "No disk was retained."
    names = ", ".join(f"{disk_id} ({known[disk_id].get('Device')}, {known[disk_id].get('Type')})" for disk_id in left)
    return (
        f"Retained disks: {names}. Way back: create a snapshot of each disk; attach the data disks to a new instance; "
        "copy the files of the former system disk, since it is a data disk now and cannot become an image."
    )


def retained_without_record(run: Context, state: State) -> str:
    """For a human: the disks that were retained without a record of their flags; empty if there are none."""
    described = (str(disk["DiskId"]) for disk in state.disks or () if disk.get("DeleteWithInstance"))
    disks = sorted({*run.unrecorded_disks, *described})
    if not disks or "disks" in run.episode.records:
        return ""
    return f" Disks {', '.join(disks)} were retained without a record: they stay until somebody deletes them."
