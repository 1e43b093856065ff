"""CreateImage: a failed image is deleted and made again under the next name; only a proven image is deleted."""

from __future__ import annotations

from rescue.actions import source_disks
from rescue.actions.image import IMAGE_WAITER, choose_image, not_ours
from rescue.actions.image_ownership import (
    FoundImage,
    Owner,
    create_parameters,
    image_name,
    images_of_try,
    owned,
    tagged_images,
)
from rescue.actions.source_instance import look
from rescue.context import Context
from rescue.decide import Decision
from rescue.state import Image, State
from spotkeeper.errors import CloudError, DeadlineReached, RescueFailed
from spotkeeper.retry import RetryPolicy, passes_by_itself

CREATE_CONFLICTS = RetryPolicy(
    conflicts=frozenset(
        {
            "IncorrectDiskStatus.CreatingSnapshot",
            "IncorrectDiskStatus.Transferring",
            "IncorrectInstanceStatus",
            "InvalidSnapshotId.NotReady",
            "SnapshotNotReady",
            # Quotas of operations in progress, which a mass reclaim uses up for a while (not quotas of resources).
            "TooManySnapshot.Unfinished",
            "QuotaExceed.ConcurrentSnapshotQuota",
            "IdempotentProcessing",
            "IdempotenceProcessing",
        }
    )
)
DELETE_SECONDS = 5.0
NAME_TAKEN = "InvalidImageName.Duplicated"
QUOTAS = frozenset({"QuotaExceed.Image", "QuotaExceed.Snapshot"})
UNPROVEN_SECONDS = 30.0
"""How long an image of our name without visible snapshots is waited for while another image can be made."""
FIRST_TRY_PAUSE = 10.0
LONGEST_PAUSE_IN_NOTICE = 60.0
LONGEST_TRY_PAUSE = 3600.0
"""Seconds from the begin of a try whose image fails to the next, doubled with each try: each try leaves snapshots."""


def make_image(run: Context, state: State, _: Decision) -> State:
    """CreateImage, or adopt the image that another call of this episode has made meanwhile.

    Raises ``RescueFailed`` if the quota is used up; the retained disks stay.
    """
    number = _begin_try(run, state)
    try:
        answer = run.ecs.call("CreateImage", run.instance_id, create_parameters(run, number), retry=CREATE_CONFLICTS)
    except CloudError as error:
        return _create_failed(run, state, error, number)
    # Steps that were refused for good before the image are tried once more while it is in creation.
    image_id = str(answer.get("ImageId") or "")
    run.own_images.add(image_id)
    return state.replace(image=Image.CREATING, image_id=image_id, refusals={}).warn(*run.remains.values())


def _begin_try(run: Context, state: State) -> int:
    """The number of this try. A failed try is recorded, and its image deleted, before the next try begins.

    Raises ``DeadlineReached`` until the pause after a failed try is over.
    """
    number = max(1, run.episode.last("image"))
    if not state.journal_reached:
        return _begin_try_without_journal(run, state, number)
    if state.image is Image.FAILED:
        run.episode.record(f"failed-{number}", {"image_id": state.image_id})
    if f"failed-{number}" in run.episode.records:
        _delete_failed(run, state)
        _end_before_pause(run, number)
        number += 1
    run.episode.record(f"image-{number}", {"name": image_name(run, number), "at": run.clock.now()})
    return number


def _end_before_pause(run: Context, number: int) -> None:
    """Raises ``DeadlineReached`` during the pause after a failed try; the step goes on when the pause is over."""
    begun, now = run.episode.records.get(f"image-{number}"), run.clock.now()
    if begun is None or not run.episode.records[f"failed-{number}"].get("image_id"):
        return  # the name belongs to an image of another owner: nothing was made
    in_notice = now <= float(run.episode.records["event"]["notice_end"])  # the state's is estimated anew by each call
    pause, waited = pause_after(number, in_notice=in_notice), now - float(begun["at"])
    if 0 <= waited < pause:
        left = pause - waited
        run.step_limit.until = run.deadline.sooner(left)
        raise DeadlineReached(f"{number} images of {run.instance_id} have failed; the next try is due in {left:.0f} s")


def pause_after(number: int, *, in_notice: bool) -> float:
    """Seconds from the begin of the failed try ``number`` to the next try."""
    longest = LONGEST_PAUSE_IN_NOTICE if in_notice else LONGEST_TRY_PAUSE
    return min(longest, FIRST_TRY_PAUSE * 2.0 ** min(number - 1, 16))


def _begin_try_without_journal(run: Context, state: State, number: int) -> int:
    """The images themselves show the earlier tries."""
    if state.image is Image.FAILED:
        number = 1 + max((image.try_number for image in _delete_failed(run, state)), default=number)
    while number in run.taken_names:
        number += 1
    return number


def _delete_failed(run: Context, state: State) -> list[FoundImage]:
    """Delete the failed images of this rescue; returns all images of this rescue."""
    ours = [image for image, owner in owned(run, state, tagged_images(run)) if owner is Owner.THIS_RESCUE]
    for image in ours:
        if image.failed:
            if image.snapshot_ids:
                names = ", ".join(image.snapshot_ids)
                text = f"snapshots {names} of the failed image {image.image_id} stay until somebody deletes them"
                run.remains[f"snapshots of {image.image_id}"] = text
            try:
                until = run.step_limit.until.sooner(DELETE_SECONDS)
                run.ecs.call("DeleteImage", image.image_id, {"ImageId": image.image_id}, until=until)
            except CloudError as error:
                # The next try has a name of its own, so the failed image may stay.
                run.remains[image.image_id] = f"the failed image {image.image_id} was not deleted: {error}"
    return ours


def _create_failed(run: Context, state: State, error: CloudError, number: int) -> State:
    if error.code == NAME_TAKEN:
        return _name_taken(run, state, number)
    advice = ""
    if error.code in QUOTAS:
        advice = (
            " Delete images or snapshots that are not needed, or raise the quota, then invoke the function again with "
            "the same event."
        )
    else:
        state = look(run, state)
        if state.gone:
            return state
        if passes_by_itself(error, CREATE_CONFLICTS):
            raise error
    disks = f"{source_disks.way_back(run)}{source_disks.retained_without_record(run, state)}"
    raise RescueFailed(f"no image of {run.instance_id}: {error}.{advice} {disks}") from error


def _name_taken(run: Context, state: State, number: int) -> State:
    """The name belongs to an image of this rescue that is not visible yet, or to an image of another owner."""
    images = owned(run, state, images_of_try(run, number))
    owners = {owner for _, owner in images}
    if Owner.THIS_RESCUE in owners:
        return choose_image(run, state, images)
    if Owner.OTHER not in owners and (not images or _may_be_ours(run, number)):
        run.clock.sleep(IMAGE_WAITER.first_pause)
        return state.replace(image=Image.UNKNOWN)
    run.taken_names.add(number)
    if state.journal_reached:
        why = "the name belongs to an image of another owner"
        run.episode.record(f"failed-{number}", {"image_id": "", "why": why})
    return state.replace(image=Image.UNKNOWN).warn(*(not_ours(image) for image, _ in images))


def _may_be_ours(run: Context, number: int) -> bool:
    """Whether to wait longer for the proof of an image, although another image can be made meanwhile."""
    begun = run.episode.records.get(f"image-{number}")
    return begun is not None and run.clock.now() - float(begun["at"]) < UNPROVEN_SECONDS
