"""The image of a rescue: found, chosen and waited for. Only a proven image of this rescue (``owned``) is launched."""

from __future__ import annotations

from rescue.actions import source_disks
from rescue.actions.image_ownership import (
    FAILED_STATES,
    USABLE,
    FoundImage,
    OwnedImages,
    Owner,
    image_by_id,
    images_of_try,
    owned,
    prove_by_create_image,
    recorded_image,
    tagged_images,
)
from rescue.context import Context
from rescue.decide import Decision
from rescue.state import Image, State
from spotkeeper.errors import WaitFailed
from spotkeeper.polling import ABSENT, Waiter, wait_for

IMAGE_WAITER = Waiter(
    "image",
    success=frozenset({USABLE}),
    retry=frozenset({"Creating", "Waiting", "Available", ABSENT}),
    failure=FAILED_STATES,
    first_pause=2.0,
    longest_pause=8.0,
)
"""No setting limits this wait: it lasts until the call's deadline, and the next call goes on with it. Only the next try
of a more urgent step interrupts it (``workflow.step_limit``)."""
LOOK_PAUSE = 10.0
NOT_OURS = "not an image of this rescue's disks"


def look_for_image(run: Context, state: State, _: Decision | None = None) -> State:
    """Find the image that an earlier call of this episode has made.

    After the release the image is the only copy, so a recorded try may take its time to appear.
    """
    patience = run.deadline.sooner(IMAGE_WAITER.absent_seconds)
    images = _candidates(run, state)
    number = run.episode.last("image") if state.gone else 0
    while number and not _shows(images, number) and patience.remaining() > LOOK_PAUSE:
        run.clock.sleep(LOOK_PAUSE)
        images = _candidates(run, state)
    return choose_image(run, state, images)


def _shows(images: OwnedImages, try_number: int) -> bool:
    """Whether the image of this try is among them, or an earlier image that has not failed."""
    ours = [image for image, owner in images if owner is not Owner.OTHER]
    return any(image.try_number >= try_number or not image.failed for image in ours)


def _candidates(run: Context, state: State) -> OwnedImages:
    """This rescue's images, and those that may be. After the release, an image may have lost its tag or name, too."""
    images = tagged_images(run)
    last = run.episode.last("image")
    if state.gone and last and not any(image.try_number for image in images):
        images += images_of_try(run, last)
    if state.gone:
        images += _recorded(run, images)
    found = owned(run, state, images)
    if not state.gone or run.settings.dry_run:
        return found
    doubtful = [image for image, owner in found if _disks_cannot_tell(run, image, owner)]
    for image in doubtful:
        prove_by_create_image(run, image)
    return owned(run, state, images) if doubtful else found


def _recorded(run: Context, known: list[FoundImage]) -> list[FoundImage]:
    """The image that the journal names, if it exists and is not known."""
    image_id = recorded_image(run)
    missing = image_id and not any(image.image_id == image_id for image in known)
    image = image_by_id(run, image_id) if missing else None
    return [image] if image else []


def _disks_cannot_tell(run: Context, image: FoundImage, owner: Owner) -> bool:
    """A call without a journal has recorded no disks; and disks can change between CreateImage and the record."""
    if owner is Owner.UNPROVEN:
        return not source_disks.recorded(run)
    return owner is Owner.OTHER and image.try_number > 0


def choose_image(run: Context, state: State, images: OwnedImages) -> State:
    """The state with the image that stays: the recorded image, else the first image that has not failed.

    An unproven image counts only when no other image can be made any more, and then it is waited for.
    """
    # While the source stands, the repeated CreateImage tells whose an image with the name of a try is (``make_image``).
    others = (image for image, owner in images if owner is Owner.OTHER and (state.gone or not image.try_number))
    state = state.warn(*map(not_ours, others))
    ours = [image for image, owner in images if owner is Owner.THIS_RESCUE]
    alive = [image for image in ours if not image.failed]
    recorded = (image for image in alive if image.image_id == recorded_image(run))
    if chosen := next(recorded, alive[0] if alive else None):
        seen = Image.USABLE if chosen.state == USABLE else Image.CREATING
        return state.replace(image=seen, image_id=chosen.image_id, snapshot_ids=chosen.snapshot_ids)
    if not state.needs_image and (launched := [image for image, _ in images if image.image_id == recorded_image(run)]):
        image_id = launched[0].image_id
        broken = f"image {image_id} has failed since the launch of the replacement: it launches no other instance"
        return state.replace(image=Image.FAILED, image_id=image_id).warn(broken)
    unproven = [image for image, owner in images if owner is Owner.UNPROVEN and not image.failed]
    if state.gone and unproven and source_disks.recorded(run):
        return state.replace(image=Image.CREATING, image_id=unproven[0].image_id)
    # CreateImage was tried again after the last failed image: that image may only not be listed yet.
    failed = bool(ours) and ours[-1].try_number >= run.episode.last("image")
    return state.replace(image=Image.FAILED if failed else Image.NONE)


def not_ours(image: FoundImage) -> str:
    """The warning about an image of another owner."""
    why = "it has the name of an image of this rescue, but other disks" if image.try_number else "it has only the tag"
    return f"image {image.image_id} is not an image of this rescue and was left alone: {why}"


def wait_for_image(run: Context, state: State, _: Decision) -> State:
    """Wait until the image is usable, and record which image stays, and since when it is usable.

    A failed image is no error yet: whether another image can be made depends on the source, so the source is read next.
    """
    others: dict[str, FoundImage] = {}
    try:
        image = wait_for(IMAGE_WAITER, state.image_id, lambda: _look(run, state, others), run.step_limit.until)
    except WaitFailed as failure:
        last = failure.last
        failed = last is None or (last.image_id in run.own_images and last.try_number >= run.episode.last("image"))
        return state.replace(image=Image.FAILED if failed else Image.UNKNOWN, source_seen=False).warn(str(failure))
    assert image is not None  # noqa: S101 - the waiter's success state
    state = state.warn(*(not_ours(other) for other in others.values() if not other.try_number))
    if _other_stays(run, state, image):
        run.ecs.call("DeleteImage", image.image_id, {"ImageId": image.image_id})
        return state.replace(image=Image.UNKNOWN)
    return state.replace(image=Image.USABLE, image_id=image.image_id, snapshot_ids=image.snapshot_ids)


def _other_stays(run: Context, state: State, image: FoundImage) -> bool:
    """Whether the journal names another image of this rescue; a record of an image of another owner is superseded."""
    while True:
        standing = run.episode.record("usable", {"image_id": image.image_id, "at": run.clock.now()})
        if standing["image_id"] == image.image_id:
            return False
        other = image_by_id(run, str(standing["image_id"]))
        if other and all(owner is Owner.THIS_RESCUE for _, owner in owned(run, state, [other])):
            return True
        run.episode.supersede("usable")


def _look(run: Context, state: State, others: dict[str, FoundImage]) -> tuple[str, FoundImage | None]:
    """The image's state; a usable image is waited for until its owner is proven.

    ``others`` gets the other images with the rescue's tag.
    """
    images = {image.image_id: image for image in tagged_images(run)}
    image = images.pop(state.image_id, None) or image_by_id(run, state.image_id)
    others.update(images)
    if image is None or image.state != USABLE:
        return (image.state if image else ABSENT), image
    ((_, owner),) = owned(run, state, [image])
    return {Owner.THIS_RESCUE: USABLE, Owner.UNPROVEN: "Waiting"}.get(owner, NOT_OURS), image
