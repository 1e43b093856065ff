"""The clean-up: leftovers deleted, and their entries in the index renewed or removed."""

from __future__ import annotations

from collections.abc import Iterable

from spotkeeper.errors import CloudError
from spotkeeper.instances import ALL_STATUSES, describe_images
from spotkeeper.rescue_index import Due
from sweeping.context import Context
from sweeping.decide import DAY, CleanUp
from sweeping.state import Leftover

WEEK = 7 * DAY
KEPT_AFTER = 30 * DAY
"""By then most leftovers are deleted, and the records of their rescue still stand: 90 days by default."""
IN_USE = frozenset({"ImageUsingByInstance", "SnapshotCreatedImage", "IncorrectDiskStatus", "ImageUseShared"})
GONE = frozenset({"InvalidImageId.NotFound", "InvalidSnapshotId.NotFound", "InvalidDiskId.NotFound"})


def delete(run: Context, clean_up: CleanUp) -> tuple[bool, list[str]]:
    """Delete, the image before its snapshots; they are recorded first, so that a call after a crash finds them.

    A resource in use stays, and with an image everything stays. No call uses Force. Returns whether anything was
    deleted or nothing is left, and what stays: id and code. Raises ``CloudError``, ``JournalUnavailable``.
    """
    document = {"image_id": clean_up.image_id, "snapshot_ids": list(clean_up.snapshot_ids)}
    run.journal.create(f"{run.home}/sweeps/{clean_up.leftover.name}/clean-up", document)
    deleted, stay = _delete(run, "DeleteImage", "ImageId", [clean_up.image_id] if clean_up.image_id else [])
    if stay:
        return False, stay
    snapshots, snapshots_stay = _delete(run, "DeleteSnapshot", "SnapshotId", clean_up.snapshot_ids)
    disks, disks_stay = _delete(run, "DeleteDisk", "DiskId", clean_up.disk_ids)
    stay = [*snapshots_stay, *disks_stay]
    if not stay:
        _close(run, clean_up)
    return deleted + snapshots + disks > 0 or not stay, stay


def reschedule(run: Context, due: Due, clean_up: CleanUp, until: int) -> None:
    """Remove the entry from the index; unless all is closed, with a new entry. Raises ``JournalUnavailable``."""
    if clean_up.closed and not clean_up.leftover.cleaned:
        _close(run, clean_up)
    if not clean_up.closed:
        _keep(run, clean_up.leftover)
        run.journal.hint(Due(due.episode, until).key(run.home), {})
    run.journal.delete(due.key(run.home))


def _keep(run: Context, left: Leftover) -> None:
    """Record leftovers that stay, each week anew: the records of their rescue expire. Raises ``JournalUnavailable``."""
    if left.unreadable or not left.finished or run.now - left.finished_at < KEPT_AFTER:
        return
    document = {
        "finished_at": left.finished_at,
        "released_by": left.released_by,
        "image_id": left.image_id,
        "snapshot_ids": list(left.snapshot_ids),
        "disk_ids": [str(disk["DiskId"]) for disk in left.disks],
    }
    run.journal.create(f"{run.home}/sweeps/{left.name}/leftovers-{int(run.now // WEEK)}", document)


def _close(run: Context, clean_up: CleanUp) -> None:
    """Record that nothing is left of a rescue: no sweep looks at it any more. Raises ``JournalUnavailable``."""
    document = {"image_id": clean_up.image_id, "disk_ids": list(clean_up.disk_ids)}
    run.journal.create(f"{run.home}/sweeps/{clean_up.leftover.name}/cleaned", document)


def _delete(run: Context, action: str, key: str, resource_ids: Iterable[str]) -> tuple[int, list[str]]:
    """The number of deleted resources, and the resources that stay because they are in use: id and code."""
    deleted, stay = 0, list[str]()
    for resource_id in resource_ids:
        try:
            run.ecs.call(action, resource_id, {key: resource_id})
            deleted += 1
        except CloudError as error:  # noqa: PERF203
            if error.code in IN_USE:
                stay.append(f"{resource_id} ({error.code})")
            elif error.code not in GONE and not (action == "DeleteImage" and _image_is_gone(run, resource_id)):
                raise
    return deleted, stay


def _image_is_gone(run: Context, image_id: str) -> bool:
    """RAM allows deletion by tag: it refuses a second call for an image that an unanswered call has deleted."""
    images = describe_images(run.ecs, image_id, {"ImageId": image_id, "Status": ALL_STATUSES})
    return not any(image.get("ImageId") == image_id for image in images)
