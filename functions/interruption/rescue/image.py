"""The one custom image of a rescue.

The k-th try is named ``spotkeeper-<instance>-<episode>-<k>``: names are unique in a region, so side-by-side calls
cannot make two of them. An image that fails is deleted and made again under the next name. Only what is proven to be
this rescue's (see ``owned``) is ever launched or deleted.
"""

from __future__ import annotations

from typing import Any

from rescue import kept_disks
from rescue.context import Context
from rescue.own_images import IMAGE, USABLE, Found, Owned, Owner, by_id, image_name, named, owned, tagged
from rescue.source import look
from rescue.state import Image, State
from spotkeeper.clock import Deadline
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import CloudError, RescueFailed, WaitFailed
from spotkeeper.polling import ABSENT, wait_for
from spotkeeper.retry import RetryPolicy, passes_by_itself

CREATE_CONFLICTS = RetryPolicy(
    conflicts=frozenset(
        {
            "IncorrectDiskStatus.CreatingSnapshot",
            "IncorrectDiskStatus.Transferring",
            "IncorrectInstanceStatus",
            "InvalidSnapshotId.NotReady",
            "SnapshotNotReady",
            # Quotas of what is in progress, which a mass reclaim uses up for a while (not those of what there is).
            "TooManySnapshot.Unfinished",
            "QuotaExceed.ConcurrentSnapshotQuota",
            "IdempotentProcessing",
            "IdempotenceProcessing",
        }
    )
)
LOOK_PAUSE = 10.0
DELETE_SECONDS = 5.0
NAME_TAKEN = "InvalidImageName.Duplicated"
QUOTAS = frozenset({"QuotaExceed.Image", "QuotaExceed.Snapshot"})
UNPROVEN_SECONDS = 30.0
"""So long an image of our name, whose snapshots nobody sees yet, is waited for while another one can be made."""
NOT_OURS = "not an image of this rescue's disks"


def look_for_image(run: Context, state: State) -> State:
    """What an earlier call of this episode has made.

    Once the source is gone the image is the only hope, so one that was asked for may take its time to appear.
    """
    patience = run.deadline.sooner(IMAGE.absent_seconds)
    images = _candidates(run, state)
    asked_for = state.gone and run.episode.last("image")
    while asked_for and not _shows(images, asked_for) and patience.remaining() > LOOK_PAUSE:
        run.clock.sleep(LOOK_PAUSE)
        images = _candidates(run, state)
    return _seen(run, state, images)


def _shows(images: Owned, try_number: int) -> bool:
    """Whether the image of this try is among them, or an earlier one that has not failed."""
    ours = [image for image, owner in images if owner is not Owner.SOMEBODY_ELSE]
    return any(image.try_number >= try_number or image.state not in IMAGE.failure for image in ours)


def _candidates(run: Context, state: State) -> Owned:
    """This rescue's images, and those that may be. Somebody may have taken the tag away from the only hope."""
    images = tagged(run)
    last = run.episode.last("image")
    if state.gone and last and not any(image.try_number for image in images):
        images += named(run, last)
    found = owned(run, state, images)
    if not state.gone or run.settings.dry_run:
        return found
    doubtful = [image for image, owner in found if _disks_cannot_tell(run, image, owner)]
    for image in doubtful:
        _ask_again(run, image)
    return owned(run, state, images) if doubtful else found


def _disks_cannot_tell(run: Context, image: Found, owner: Owner) -> bool:
    """A call without a journal has recorded no disks; and disks come and go between CreateImage and the record."""
    if owner is Owner.UNPROVEN:
        return not kept_disks.recorded(run)
    return owner is Owner.SOMEBODY_ELSE and image.try_number > 0


def _ask_again(run: Context, image: Found) -> None:
    """CreateImage tells whose an image is, where it still knows the token.

    It cannot make another image: the name is taken, and the source is gone.
    """
    parameters = _parameters(run, image.try_number)
    try:
        answer = run.ecs.call("CreateImage", run.instance_id, parameters)
    except CloudError:
        return  # refused: nothing proves that the image is ours
    run.own_images.add(str(answer.get("ImageId") or ""))


def _seen(run: Context, state: State, images: Owned) -> State:
    """The image that stays: the one the journal names, else the first that has not failed.

    What is not proven to be ours is an image only where none can be made any more, and then it is waited for.
    """
    state = state.warn(*(_warning(image) for image, owner in images if owner is Owner.SOMEBODY_ELSE))
    ours = [image for image, owner in images if owner is Owner.THIS_RESCUE]
    alive = [image for image in ours if image.state not in IMAGE.failure]
    recorded = run.episode.records.get("usable", {}).get("image_id")
    if chosen := next((image for image in alive if image.image_id == recorded), alive[0] if alive else None):
        seen = Image.USABLE if chosen.state == USABLE else Image.CREATING
        return state.replace(image=seen, image_id=chosen.image_id, snapshot_ids=chosen.snapshot_ids)
    hope = [image for image, owner in images if owner is Owner.UNPROVEN and image.state not in IMAGE.failure]
    if state.gone and hope and kept_disks.recorded(run):
        return state.replace(image=Image.CREATING, image_id=hope[0].image_id)
    # A try that was begun after the last failed one may still show an image: it is asked for again under its name.
    failed = bool(ours) and ours[-1].try_number >= run.episode.last("image")
    return state.replace(image=Image.FAILED if failed else Image.NONE)


def _warning(image: Found) -> str:
    what = "has the name of an image of this rescue and other disks" if image.try_number else "only carries its tag"
    return f"image {image.image_id} was left alone: it {what}, so somebody else has made it"


def make_image(run: Context, state: State, until: Deadline) -> State:
    """CreateImage, or adopt what a call of this episode made meanwhile.

    Raises ``RescueFailed`` where the quota is used up; the retained disks stay.
    """
    number = _begin_try(run, state)
    try:
        answer = run.ecs.call(
            "CreateImage", run.instance_id, _parameters(run, number), retry=CREATE_CONFLICTS, until=until
        )
    except CloudError as error:
        return _refused(run, state, error, number)
    # What was refused for good before the image is tried once more while it grows.
    image_id = str(answer.get("ImageId") or "")
    run.own_images.add(image_id)
    return state.replace(image=Image.CREATING, image_id=image_id, refusals={}).warn(*run.undeleted.values())


def _parameters(run: Context, number: int) -> dict[str, Any]:
    """CreateImage of the k-th try: whoever asks for it sends the same."""
    return {
        "InstanceId": run.instance_id,
        "ImageName": image_name(run, number),
        "Description": f"Rescue of {run.instance_id} by Spotkeeper",
        "Tag": [{"Key": EPISODE_TAG, "Value": run.episode.name}],
        "ClientToken": run.token("CreateImage", str(number)),
    }


def _begin_try(run: Context, state: State) -> int:
    """Which try this is. A failed one is written down and deleted before the next begins."""
    number = max(1, run.episode.last("image"))
    if not state.journal_reached:
        return _begin_try_without_journal(run, state, number)
    if state.image is Image.FAILED:
        run.episode.record(f"failed-{number}", {"image_id": state.image_id})
    if f"failed-{number}" in run.episode.records:
        _delete_failed(run, state)
        number += 1
    run.episode.record(f"image-{number}", {"name": image_name(run, number), "at": run.clock.now()})
    return number


def _begin_try_without_journal(run: Context, state: State, number: int) -> int:
    """The images themselves tell which tries there were."""
    if state.image is Image.FAILED:
        number = 1 + max((image.try_number for image in _delete_failed(run, state)), default=number)
    while number in run.taken_names:
        number += 1
    return number


def _delete_failed(run: Context, state: State) -> list[Found]:
    """Delete those of this rescue's images that have failed; returns all that it has."""
    ours = [image for image, owner in owned(run, state, tagged(run)) if owner is Owner.THIS_RESCUE]
    for image in ours:
        if image.state in IMAGE.failure:
            try:
                until = run.step.until.sooner(DELETE_SECONDS)
                run.ecs.call("DeleteImage", image.image_id, {"ImageId": image.image_id}, until=until)
            except CloudError as error:
                # One that cannot be deleted keeps nobody from the next try, which has a name of its own.
                run.undeleted[image.image_id] = f"the failed image {image.image_id} stays: {error}"
    return ours


def _refused(run: Context, state: State, error: CloudError, number: int) -> State:
    unrecorded = kept_disks.kept_without_record(run, state)
    if error.code in QUOTAS:
        raise RescueFailed(
            f"no image of {run.instance_id}: {error}. Delete images or snapshots that nobody needs, or raise the "
            f"quota, then invoke the function again with the same event. {kept_disks.way_back(run)}{unrecorded}"
        ) from error
    if error.code == NAME_TAKEN:
        return _name_taken(run, state, number)
    state = look(run, state)
    if state.gone:
        return state
    if passes_by_itself(error, CREATE_CONFLICTS):
        raise error
    raise RescueFailed(f"no image of {run.instance_id}: {error}. {kept_disks.way_back(run)}{unrecorded}") from error


def _name_taken(run: Context, state: State, number: int) -> State:
    """By an earlier answer of ours that got lost and is not visible yet, or by somebody else's image."""
    images = owned(run, state, named(run, number))
    if any(owner is Owner.THIS_RESCUE for _, owner in images):
        return _seen(run, state, images)
    foreign = any(owner is Owner.SOMEBODY_ELSE for _, owner in images)
    if not foreign and (not images or _may_be_ours(run, number)):
        run.clock.sleep(IMAGE.first_pause)
        return state.replace(image=Image.UNKNOWN)
    run.taken_names.add(number)
    if state.journal_reached:
        why = "the name belongs to somebody else's image"
        run.episode.record(f"failed-{number}", {"image_id": "", "why": why})
    return state.replace(image=Image.UNKNOWN).warn(*(_warning(image) for image, _ in images))


def _may_be_ours(run: Context, number: int) -> bool:
    """Whether an image that nobody can judge yet is worth more waiting: another one can be made meanwhile."""
    begun = run.episode.records.get(f"image-{number}")
    return begun is not None and run.clock.now() - float(begun["at"]) < UNPROVEN_SECONDS


def wait_for_image(run: Context, state: State, until: Deadline) -> State:
    """Wait until it is usable, and record which one stays and since when.

    An image that fails is no error yet: whether it can be made again depends on the source, so that is looked at next.
    """
    others: dict[str, Found] = {}
    try:
        image = wait_for(IMAGE, state.image_id, lambda: _look(run, state, others), run.clock, until)
    except WaitFailed as failure:
        failed = failure.last is None or _last_try_of_ours(run, failure.last)
        return state.replace(image=Image.FAILED if failed else Image.UNKNOWN, source_seen=False).warn(str(failure))
    assert image is not None  # noqa: S101 - the waiter's success state
    state = state.warn(*(_warning(one) for one in others.values() if not one.try_number))
    if _other_stays(run, state, image):
        run.ecs.call("DeleteImage", image.image_id, {"ImageId": image.image_id})
        return state.replace(image=Image.UNKNOWN)
    return state.replace(image=Image.USABLE, image_id=image.image_id, snapshot_ids=image.snapshot_ids)


def _last_try_of_ours(run: Context, image: Found) -> bool:
    return image.image_id in run.own_images and image.try_number >= run.episode.last("image")


def _other_stays(run: Context, state: State, image: Found) -> bool:
    """Whether the journal names another image of this rescue; an image of somebody else that it names is refused."""
    while True:
        standing = run.episode.record("usable", {"image_id": image.image_id, "at": run.clock.now()})
        if standing["image_id"] == image.image_id:
            return False
        other = by_id(run, str(standing["image_id"]))
        if other and all(owner is Owner.THIS_RESCUE for _, owner in owned(run, state, [other])):
            return True
        run.episode.refuse("usable")


def _look(run: Context, state: State, others: dict[str, Found]) -> tuple[str, Found | None]:
    """The image's state; a usable one goes on being waited for until it is known whose it is.

    ``others`` gets what else carries our tag.
    """
    images = {one.image_id: one for one in tagged(run)}
    image = images.pop(state.image_id, None) or by_id(run, state.image_id)
    others.update(images)
    if image is None or image.state != USABLE:
        return (image.state if image else ABSENT), image
    ((_, owner),) = owned(run, state, [image])
    return {Owner.THIS_RESCUE: USABLE, Owner.UNPROVEN: "Waiting"}.get(owner, NOT_OURS), image
