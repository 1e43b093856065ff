"""What finished rescues left: deleted, and put away in the index."""

from __future__ import annotations

from collections.abc import Iterable

from spotkeeper.errors import CloudError
from spotkeeper.hints import Due
from spotkeeper.instances import ALL_STATUSES, describe_images
from sweeping.context import Context
from sweeping.decide import CleanUp

IN_USE = frozenset({"ImageUsingByInstance", "SnapshotCreatedImage", "IncorrectDiskStatus", "ImageUseShared"})
GONE = frozenset({"InvalidImageId.NotFound", "InvalidSnapshotId.NotFound", "InvalidDiskId.NotFound"})


def clean_up(run: Context, plan: CleanUp) -> None:
    """Delete, the image before its snapshots; what is written down first is found again after a crash.

    What is in use refuses and stays, and with an image that stays everything does. Never with Force.
    Raises ``CloudError``, ``JournalUnavailable``.
    """
    folder = f"{run.home}/sweeps/{plan.leftover.name}"
    run.journal.create(f"{folder}/clean-up", {"image_id": plan.image_id, "snapshot_ids": list(plan.snapshot_ids)})
    if plan.image_id and _delete(run, "DeleteImage", "ImageId", [plan.image_id]):
        return
    stays = _delete(run, "DeleteSnapshot", "SnapshotId", plan.snapshot_ids)
    stays += _delete(run, "DeleteDisk", "DiskId", plan.disk_ids)
    if not stays:
        _close(run, plan)


def put_away(run: Context, due: Due, plan: CleanUp, until: int) -> None:
    """What is over is in the index no more; the rest is due another time. Raises ``JournalUnavailable``."""
    if plan.over and not plan.leftover.cleaned:
        _close(run, plan)
    if not plan.over:
        run.journal.hint(Due(due.episode, until).key(run.home), {})
    run.journal.delete(due.key(run.home))


def _close(run: Context, plan: CleanUp) -> None:
    """Write down that nothing is left of a rescue: no sweep looks at it any more. Raises ``JournalUnavailable``."""
    document = {"image_id": plan.image_id, "disk_ids": list(plan.disk_ids)}
    run.journal.create(f"{run.home}/sweeps/{plan.leftover.name}/cleaned", document)


def _delete(run: Context, action: str, key: str, resource_ids: Iterable[str]) -> list[str]:
    """Returns what is in use and stays."""
    return [one for one in resource_ids if not _deleted(run, action, key, one)]


def _deleted(run: Context, action: str, key: str, resource_id: str) -> bool:
    try:
        run.ecs.call(action, resource_id, {key: resource_id})
    except CloudError as error:
        if error.code in IN_USE:
            return False
        if error.code not in GONE and not (action == "DeleteImage" and _image_is_gone(run, resource_id)):
            raise
    return True


def _image_is_gone(run: Context, image_id: str) -> bool:
    """The role may delete what carries a tag: asked again for what an unanswered call has deleted, RAM refuses."""
    parameters = {"ImageId": image_id, "Status": ALL_STATUSES}
    return not any(one.get("ImageId") == image_id for one in describe_images(run.ecs, image_id, parameters))
