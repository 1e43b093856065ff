"""A finished rescue, and the resources that are left of it."""

from __future__ import annotations

from typing import Any

from simulator.ecs import Timings
from tests.sweep.stage import DAY, SweepStage, stage

DELETE = {"SPOTKEEPER_SWEEP_DELETE": "true"}
DELETIONS = ("DeleteImage", "DeleteSnapshot", "DeleteDisk")
DISKS_STAY = Timings(image=90, usable=60, snapshot=400, boot=25)
"""The snapshots are not complete when the source is released: its disks stay."""
NOTHING_LEFT: dict[str, list[str]] = {"images": [], "snapshots": [], "disks": []}


def finished(timings: Timings = DISKS_STAY, **changes: Any) -> SweepStage:
    """A finished rescue long after: source released, its replacement gone too, so that nobody uses the image."""
    here = stage(timings, **changes)
    answer = here.finishes()
    here.advance(1000)
    release(here, answer["replacement_id"])
    here.advance(8 * DAY)
    here.before = {**here.before, "finished": here.state, "answer": answer}
    return here


def release(here: SweepStage, instance_id: str) -> None:
    """Somebody deletes an instance."""
    ecs = here.cloud.ecs
    here.cloud.progress()
    ecs.release(ecs.instances[instance_id], here.cloud.now(), "DeleteInstance")


def leftovers(here: SweepStage) -> dict[str, list[str]]:
    """The resources of the finished rescue that still exist."""
    ecs, answer = here.state["ecs"], here.before["answer"]
    return {
        "images": [item["ImageId"] for item in ecs["images"] if item["ImageId"] == answer["image_id"]],
        "snapshots": [snapshot["SnapshotId"] for snapshot in ecs["snapshots"]],
        "disks": [disk["DiskId"] for disk in ecs["disks"] if disk["DiskId"] in answer["retained_disks"]],
    }


def kept(here: SweepStage, **settings: str) -> dict[str, Any]:
    """Sweep with deletion; nothing may be written."""
    return here.idle(**{**DELETE, **settings})
