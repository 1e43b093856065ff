"""The one custom image of a rescue.

The k-th try is named ``spotkeeper-<instance>-<episode>-<k>``: names are unique in a region, so side-by-side calls
cannot make two of them. An image that fails is deleted and made again under the next name. Only what is proven to be
this rescue's (see ``owned``) is ever launched or deleted.
"""

from __future__ import annotations

from typing import Any

from rescue import kept_disks
from rescue.facts import Facts, Image
from rescue.own_images import IMAGE, USABLE, Found, Owned, Owner, by_id, image_name, named, owned, tagged
from rescue.source import look
from rescue.tools import Tools
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


def look_for_image(tools: Tools, facts: Facts) -> Facts:
    """What an earlier call of this episode has made.

    Once the source is gone the image is the only hope, so one that was asked for may take its time to appear.
    """
    patience = tools.deadline.sooner(IMAGE.absent_seconds)
    images = _candidates(tools, facts)
    asked_for = facts.gone and tools.episode.last("image")
    while asked_for and not _shows(images, asked_for) and patience.remaining() > LOOK_PAUSE:
        tools.clock.sleep(LOOK_PAUSE)
        images = _candidates(tools, facts)
    return _seen(tools, facts, images)


def _shows(images: Owned, try_number: int) -> bool:
    """Whether the image of this try is among them, or an earlier one that has not failed."""
    ours = [image for image, owner in images if owner is not Owner.SOMEBODY_ELSE]
    return any(image.try_number >= try_number or image.state not in IMAGE.failure for image in ours)


def _candidates(tools: Tools, facts: Facts) -> Owned:
    """This rescue's images, and those that may be. Somebody may have taken the tag away from the only hope."""
    images = tagged(tools)
    last = tools.episode.last("image")
    if facts.gone and last and not any(image.try_number for image in images):
        images += named(tools, last)
    found = owned(tools, facts, images)
    if not facts.gone or tools.settings.dry_run:
        return found
    doubtful = [image for image, owner in found if _disks_cannot_tell(tools, image, owner)]
    for image in doubtful:
        _ask_again(tools, image)
    return owned(tools, facts, images) if doubtful else found


def _disks_cannot_tell(tools: Tools, image: Found, owner: Owner) -> bool:
    """A call without a journal has recorded no disks; and disks come and go between CreateImage and the record."""
    if owner is Owner.UNPROVEN:
        return not kept_disks.recorded(tools)
    return owner is Owner.SOMEBODY_ELSE and image.try_number > 0


def _ask_again(tools: Tools, image: Found) -> None:
    """CreateImage tells whose an image is, where it still knows the token.

    It cannot make another image: the name is taken, and the source is gone.
    """
    parameters = _parameters(tools, image.try_number)
    try:
        answer = tools.ecs.call("CreateImage", tools.instance_id, parameters)
    except CloudError:
        return  # refused: nothing proves that the image is ours
    tools.own_images.add(str(answer.get("ImageId") or ""))


def _seen(tools: Tools, facts: Facts, images: Owned) -> Facts:
    """The image that stays: the one the journal names, else the first that has not failed.

    What is not proven to be ours is an image only where none can be made any more, and then it is waited for.
    """
    facts = facts.warn(*(_warning(image) for image, owner in images if owner is Owner.SOMEBODY_ELSE))
    ours = [image for image, owner in images if owner is Owner.THIS_RESCUE]
    alive = [image for image in ours if image.state not in IMAGE.failure]
    recorded = tools.episode.records.get("usable", {}).get("image_id")
    if chosen := next((image for image in alive if image.image_id == recorded), alive[0] if alive else None):
        state = Image.USABLE if chosen.state == USABLE else Image.CREATING
        return facts.but(image=state, image_id=chosen.image_id, snapshot_ids=chosen.snapshot_ids)
    hope = [image for image, owner in images if owner is Owner.UNPROVEN and image.state not in IMAGE.failure]
    if facts.gone and hope and kept_disks.recorded(tools):
        return facts.but(image=Image.CREATING, image_id=hope[0].image_id)
    # A try that was begun after the last failed one may still show an image: it is asked for again under its name.
    failed = bool(ours) and ours[-1].try_number >= tools.episode.last("image")
    return facts.but(image=Image.FAILED if failed else Image.NONE)


def _warning(image: Found) -> str:
    what = "has the name of an image of this rescue and other disks" if image.try_number else "only carries its tag"
    return f"image {image.image_id} was left alone: it {what}, so somebody else has made it"


def make_image(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """CreateImage, or adopt what a call of this episode made meanwhile.

    Raises ``RescueFailed`` where the quota is used up; the retained disks stay.
    """
    number = _begin_try(tools, facts)
    try:
        answer = tools.ecs.call(
            "CreateImage", tools.instance_id, _parameters(tools, number), retry=CREATE_CONFLICTS, until=until
        )
    except CloudError as error:
        return _refused(tools, facts, error, number)
    # What was refused for good before the image is tried once more while it grows.
    image_id = str(answer.get("ImageId") or "")
    tools.own_images.add(image_id)
    return facts.but(image=Image.CREATING, image_id=image_id, refusals={}).warn(*tools.undeleted.values())


def _parameters(tools: Tools, number: int) -> dict[str, Any]:
    """CreateImage of the k-th try: whoever asks for it sends the same."""
    return {
        "InstanceId": tools.instance_id,
        "ImageName": image_name(tools, number),
        "Description": f"Rescue of {tools.instance_id} by Spotkeeper",
        "Tag": [{"Key": EPISODE_TAG, "Value": tools.episode.name}],
        "ClientToken": tools.token("CreateImage", str(number)),
    }


def _begin_try(tools: Tools, facts: Facts) -> int:
    """Which try this is. A failed one is written down and deleted before the next begins."""
    number = max(1, tools.episode.last("image"))
    if not facts.journal_reached:
        return _begin_try_without_journal(tools, facts, number)
    if facts.image is Image.FAILED:
        tools.episode.record(f"failed-{number}", {"image_id": facts.image_id})
    if f"failed-{number}" in tools.episode.records:
        _delete_failed(tools, facts)
        number += 1
    tools.episode.record(f"image-{number}", {"name": image_name(tools, number), "at": tools.clock.now()})
    return number


def _begin_try_without_journal(tools: Tools, facts: Facts, number: int) -> int:
    """The images themselves tell which tries there were."""
    if facts.image is Image.FAILED:
        number = 1 + max((image.try_number for image in _delete_failed(tools, facts)), default=number)
    while number in tools.taken_names:
        number += 1
    return number


def _delete_failed(tools: Tools, facts: Facts) -> list[Found]:
    """Delete those of this rescue's images that have failed; returns all that it has."""
    ours = [image for image, owner in owned(tools, facts, tagged(tools)) if owner is Owner.THIS_RESCUE]
    for image in ours:
        if image.state in IMAGE.failure:
            try:
                until = tools.step.until.sooner(DELETE_SECONDS)
                tools.ecs.call("DeleteImage", image.image_id, {"ImageId": image.image_id}, until=until)
            except CloudError as error:
                # One that cannot be deleted keeps nobody from the next try, which has a name of its own.
                tools.undeleted[image.image_id] = f"the failed image {image.image_id} stays: {error}"
    return ours


def _refused(tools: Tools, facts: Facts, error: CloudError, number: int) -> Facts:
    unrecorded = kept_disks.kept_without_record(tools, facts)
    if error.code in QUOTAS:
        raise RescueFailed(
            f"no image of {tools.instance_id}: {error}. Delete images or snapshots that nobody needs, or raise the "
            f"quota, then invoke the function again with the same event. {kept_disks.way_back(tools)}{unrecorded}"
        ) from error
    if error.code == NAME_TAKEN:
        return _name_taken(tools, facts, number)
    facts = look(tools, facts)
    if facts.gone:
        return facts
    if passes_by_itself(error, CREATE_CONFLICTS):
        raise error
    raise RescueFailed(f"no image of {tools.instance_id}: {error}. {kept_disks.way_back(tools)}{unrecorded}") from error


def _name_taken(tools: Tools, facts: Facts, number: int) -> Facts:
    """By an earlier answer of ours that got lost and is not visible yet, or by somebody else's image."""
    images = owned(tools, facts, named(tools, number))
    if any(owner is Owner.THIS_RESCUE for _, owner in images):
        return _seen(tools, facts, images)
    foreign = any(owner is Owner.SOMEBODY_ELSE for _, owner in images)
    if not foreign and (not images or _may_be_ours(tools, number)):
        tools.clock.sleep(IMAGE.first_pause)
        return facts.but(image=Image.UNKNOWN)
    tools.taken_names.add(number)
    if facts.journal_reached:
        why = "the name belongs to somebody else's image"
        tools.episode.record(f"failed-{number}", {"image_id": "", "why": why})
    return facts.but(image=Image.UNKNOWN).warn(*(_warning(image) for image, _ in images))


def _may_be_ours(tools: Tools, number: int) -> bool:
    """Whether an image that nobody can judge yet is worth more waiting: another one can be made meanwhile."""
    begun = tools.episode.records.get(f"image-{number}")
    return begun is not None and tools.clock.now() - float(begun["at"]) < UNPROVEN_SECONDS


def wait_for_image(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """Wait until it is usable, and record which one stays and since when.

    An image that fails is no error yet: whether it can be made again depends on the source, so that is looked at next.
    """
    others: dict[str, Found] = {}
    try:
        image = wait_for(IMAGE, facts.image_id, lambda: _look(tools, facts, others), tools.clock, until)
    except WaitFailed as failure:
        failed = failure.last is None or _last_try_of_ours(tools, failure.last)
        return facts.but(image=Image.FAILED if failed else Image.UNKNOWN, source_seen=False).warn(str(failure))
    assert image is not None  # noqa: S101 - the waiter's success state
    facts = facts.warn(*(_warning(one) for one in others.values() if not one.try_number))
    if _other_stays(tools, facts, image):
        tools.ecs.call("DeleteImage", image.image_id, {"ImageId": image.image_id})
        return facts.but(image=Image.UNKNOWN)
    return facts.but(image=Image.USABLE, image_id=image.image_id, snapshot_ids=image.snapshot_ids)


def _last_try_of_ours(tools: Tools, image: Found) -> bool:
    return image.image_id in tools.own_images and image.try_number >= tools.episode.last("image")


def _other_stays(tools: Tools, facts: Facts, image: Found) -> bool:
    """Whether the journal names another image of this rescue; an image of somebody else that it names is refused."""
    while True:
        standing = tools.episode.record("usable", {"image_id": image.image_id, "at": tools.clock.now()})
        if standing["image_id"] == image.image_id:
            return False
        other = by_id(tools, str(standing["image_id"]))
        if other and all(owner is Owner.THIS_RESCUE for _, owner in owned(tools, facts, [other])):
            return True
        tools.episode.refuse("usable")


def _look(tools: Tools, facts: Facts, others: dict[str, Found]) -> tuple[str, Found | None]:
    """The image's state; a usable one goes on being waited for until it is known whose it is.

    ``others`` gets what else carries our tag.
    """
    images = {one.image_id: one for one in tagged(tools)}
    image = images.pop(facts.image_id, None) or by_id(tools, facts.image_id)
    others.update(images)
    if image is None or image.state != USABLE:
        return (image.state if image else ABSENT), image
    ((_, owner),) = owned(tools, facts, [image])
    return {Owner.THIS_RESCUE: USABLE, Owner.UNPROVEN: "Waiting"}.get(owner, NOT_OURS), image
