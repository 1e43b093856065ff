"""The disks that outlive the source: what the journal says of them, and what is true."""

from __future__ import annotations

import json
from collections.abc import Mapping

from rescue.context import Context
from rescue.state import State
from spotkeeper.clients import items
from spotkeeper.clock import Deadline
from spotkeeper.instances import Described
from spotkeeper.settings import RetainDisks


def recorded(run: Context) -> Mapping[str, Described]:
    """The source's disks by id, with their flags as they were before the rescue."""
    return dict(run.episode.records.get("disks", {}).get("disks", {}))


def describe_disks(run: Context, until: Deadline) -> list[Described]:
    """All disks attached to the source, system disk included."""
    pages = run.ecs.pages("DescribeDisks", run.instance_id, {"InstanceId": run.instance_id}, until=until)
    disks = [disk for page in pages for disk in items(page, "Disks", "Disk")]
    return [disk for disk in disks if disk.get("InstanceId") == run.instance_id]


def flag_record(disk: Described) -> dict[str, object]:
    """What has to be known of a disk to put its flag back, or to find it when the instance is gone."""
    names = ("Device", "Type", "Category", "Size", "PerformanceLevel", "DeleteWithInstance", "MultiAttach")
    return {name: disk[name] for name in names if disk.get(name) is not None}


def of_source(run: Context, state: State) -> Mapping[str, Described]:
    """The source's disks by id: those that are attached to it while it stands, then those that the journal names."""
    attached = [] if state.source is None else state.disks or describe_disks(run, run.step.until)
    return {str(disk["DiskId"]): disk for disk in attached} or recorded(run)


def doomed(run: Context) -> list[str]:
    """The disks that would have been released with the instance, had nobody retained them."""
    return sorted(disk_id for disk_id, disk in recorded(run).items() if disk.get("DeleteWithInstance"))


def surviving(run: Context, disk_ids: list[str]) -> list[str]:
    """Those that exist and will not be released with the instance (a disk may have refused, or nobody got to it)."""
    if not disk_ids:
        return []
    pages = run.ecs.pages("DescribeDisks", run.instance_id, {"DiskIds": json.dumps(disk_ids)})
    today = [disk for page in pages for disk in items(page, "Disks", "Disk") if disk.get("DiskId") in disk_ids]
    return sorted(str(disk["DiskId"]) for disk in today if not (disk.get("InstanceId") and disk["DeleteWithInstance"]))


def staying(run: Context, state: State) -> list[str]:
    """The disks that outlive the source because of us: they cost money until somebody deletes them."""
    return [] if state.flags_restored else surviving(run, doomed(run))


def way_back(run: Context) -> str:
    """For a human: which disks are left and how to get the machine back from them."""
    known = recorded(run)
    if run.settings.retain_disks is RetainDisks.NEVER:
        return "No disk was retained."
    if "disks" not in run.episode.records:
        return "Which disks were retained is not recorded: look for disks that are attached to nothing."
    if not (left := surviving(run, sorted(known))):
        return "No disk was retained."
    named = ", ".join(f"{one} ({known[one].get('Device')}, {known[one].get('Type')})" for one in left)
    return (
        f"Retained disks: {named}. Way back: create a snapshot of each; attach the data disks to a new instance; of "
        "the former system disk copy the files, since it counts as a data disk now and no image can be made of it."
    )


def kept_without_record(run: Context, state: State) -> str:
    """For a human: the disks that were retained although nobody could write down what they were like."""
    kept = sorted({*run.touched, *(str(one["DiskId"]) for one in state.disks or () if one.get("DeleteWithInstance"))})
    if not kept or "disks" in run.episode.records:
        return ""
    return f" Disks {', '.join(kept)} were retained without a record: they stay until somebody deletes them."
