"""The one custom image of a rescue.

The k-th try is named ``spotkeeper-<instance>-<episode>-<k>``: names are unique in a region, so side-by-side calls
cannot make two of them. An image that fails is deleted and made again under the next name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rescue import kept_disks
from rescue.facts import Facts, Image
from rescue.source import look
from rescue.tools import Tools
from spotkeeper.clients import items
from spotkeeper.clock import Deadline
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import CloudError, RescueFailed, WaitFailed
from spotkeeper.instances import ALL_STATUSES, Described, describe_images, tags_of
from spotkeeper.polling import ABSENT, Waiter, wait_for
from spotkeeper.retry import RetryPolicy, passes_by_itself

USABLE = "usable"
IMAGE = Waiter(
    "image",
    success=frozenset({USABLE}),
    retry=frozenset({"Creating", "Waiting", "Available", ABSENT}),
    failure=frozenset({"CreateFailed", "UnAvailable", "Deprecated"}),
    first_pause=2.0,
    longest_pause=8.0,
)

CREATE_CONFLICTS = RetryPolicy(
    conflicts=frozenset(
        {
            "IncorrectDiskStatus.CreatingSnapshot",
            "IncorrectDiskStatus.Transferring",
            "IncorrectInstanceStatus",
            "InvalidSnapshotId.NotReady",
            "IdempotentProcessing",
            "IdempotenceProcessing",
        }
    )
)
LOOK_PAUSE = 10.0
NAME_TAKEN = "InvalidImageName.Duplicated"
QUOTAS = frozenset({"QuotaExceed.Image", "QuotaExceed.Snapshot"})


@dataclass(frozen=True)
class Found:
    """An image of this episode as DescribeImages shows it."""

    image_id: str
    try_number: int
    state: str
    snapshot_ids: tuple[str, ...]
    """Empty while not every disk of it shows one."""


def image_name(tools: Tools, number: int) -> str:
    """The name of the k-th try."""
    return f"spotkeeper-{tools.instance_id}-{tools.episode.number}-{number}"


def own_images(tools: Tools) -> list[Found]:
    """This episode's images in any state, oldest try first. Images that merely have such a name are somebody else's."""
    parameters = {
        "Status": ALL_STATUSES,
        "ImageOwnerAlias": "self",
        "Tag": [{"Key": EPISODE_TAG, "Value": tools.episode.name}],
    }
    described = describe_images(tools.ecs, tools.episode.name, parameters)
    own = [_found(tools, image) for image in described if tags_of(image).get(EPISODE_TAG) == tools.episode.name]
    return sorted(own, key=lambda image: image.try_number)


def _found(tools: Tools, image: Described) -> Found:
    tail = str(image.get("ImageName") or "").removeprefix(image_name(tools, 0)[:-1])
    snapshot_ids = [str(one.get("SnapshotId") or "") for one in items(image, "DiskDeviceMappings", "DiskDeviceMapping")]
    return Found(
        image_id=str(image.get("ImageId")),
        try_number=int(tail) if tail.isdigit() else 0,
        state=_state(image),
        snapshot_ids=tuple(snapshot_ids) if all(snapshot_ids) else (),
    )


def _state(image: Described) -> str:
    """``Usable`` decides where the API gives it; else ``Available`` does."""
    usable, status = image.get("Usable"), str(image.get("Status"))
    if status not in IMAGE.failure and (usable is True or (usable is None and status == "Available")):
        return USABLE
    return status


def look_for_image(tools: Tools, facts: Facts) -> Facts:
    """What an earlier call of this episode has made.

    Once the source is gone the image is the only hope, so one that was asked for may take its time to appear.
    """
    images = own_images(tools)
    patience = tools.deadline.sooner(IMAGE.absent_seconds)
    while facts.gone and not images and tools.episode.last("image") and patience.remaining() > LOOK_PAUSE:
        tools.clock.sleep(LOOK_PAUSE)
        images = own_images(tools)
    return _seen(tools, facts, images)


def _seen(tools: Tools, facts: Facts, images: Sequence[Found]) -> Facts:
    """The image that stays: the one the journal names, else the first that has not failed."""
    named = tools.episode.records.get("usable", {}).get("image_id")
    alive = [image for image in images if image.state not in IMAGE.failure]
    chosen = next((image for image in alive if image.image_id == named), alive[0] if alive and not named else None)
    if chosen is None:
        return facts.but(image=Image.FAILED if images else Image.NONE)
    state = Image.USABLE if chosen.state == USABLE else Image.CREATING
    return facts.but(image=state, image_id=chosen.image_id, snapshot_ids=chosen.snapshot_ids)


def make_image(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """CreateImage, or adopt what a call of this episode made meanwhile.

    Raises ``RescueFailed`` where the quota is used up; the retained disks stay.
    """
    number = _begin_try(tools, facts)
    parameters = {
        "InstanceId": tools.instance_id,
        "ImageName": image_name(tools, number),
        "Description": f"Rescue of {tools.instance_id} by Spotkeeper",
        "Tag": [{"Key": EPISODE_TAG, "Value": tools.episode.name}],
        "ClientToken": tools.token("CreateImage", str(number)),
    }
    try:
        answer = tools.ecs.call("CreateImage", tools.instance_id, parameters, retry=CREATE_CONFLICTS, until=until)
    except CloudError as error:
        return _refused(tools, facts, error, number)
    # What was refused for good before the image is tried once more while it grows.
    image_id = str(answer.get("ImageId") or "")
    return facts.but(image=Image.CREATING, image_id=image_id, refusals={})


def _begin_try(tools: Tools, facts: Facts) -> int:
    """Which try this is. A failed one is written down and deleted before the next begins."""
    number = max(1, tools.episode.last("image"))
    if not facts.journal_reached:
        return _begin_try_without_journal(tools, facts, number)
    if facts.image is Image.FAILED:
        tools.episode.record(f"failed-{number}", {"image_id": facts.image_id})
    if f"failed-{number}" in tools.episode.records:
        _delete_failed(tools)
        number += 1
    tools.episode.record(f"image-{number}", {"name": image_name(tools, number), "at": tools.clock.now()})
    return number


def _begin_try_without_journal(tools: Tools, facts: Facts, number: int) -> int:
    """The images themselves tell which tries there were."""
    if facts.image is not Image.FAILED:
        return number
    tried = max((image.try_number for image in own_images(tools)), default=number)
    _delete_failed(tools)
    return max(tried, number) + 1


def _delete_failed(tools: Tools) -> None:
    for image in own_images(tools):
        if image.state in IMAGE.failure:
            tools.ecs.call("DeleteImage", image.image_id, {"ImageId": image.image_id})


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
    seen = look_for_image(tools, facts)
    if seen.has_image:
        return seen
    if not _visible_to_anyone(tools, number):
        tools.clock.sleep(IMAGE.first_pause)
        return facts.but(image=Image.UNKNOWN)
    tools.episode.record(f"failed-{number}", {"image_id": "", "why": "the name belongs to somebody else's image"})
    return facts.but(image=Image.NONE)


def _visible_to_anyone(tools: Tools, number: int) -> bool:
    name = image_name(tools, number)
    described = describe_images(tools.ecs, name, {"Status": ALL_STATUSES, "ImageName": name})
    return any(image.get("ImageName") == name for image in described)


def wait_for_image(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """Wait until it is usable, and record which one stays and since when.

    An image that fails is no error yet: whether it can be made again depends on the source, so that is looked at next.
    """
    try:
        image = wait_for(IMAGE, facts.image_id, lambda: _look(tools, facts), tools.clock, until)
    except WaitFailed as failure:
        return facts.but(image=Image.FAILED, source_seen=False).warn(str(failure))
    assert image is not None  # noqa: S101 - the waiter's success state
    document = {"image_id": image.image_id, "at": tools.clock.now()}
    standing = tools.episode.record("usable", document)
    if standing["image_id"] != image.image_id:
        tools.ecs.call("DeleteImage", image.image_id, {"ImageId": image.image_id})
        return facts.but(image=Image.UNKNOWN)
    return facts.but(image=Image.USABLE, image_id=image.image_id, snapshot_ids=image.snapshot_ids)


def _look(tools: Tools, facts: Facts) -> tuple[str, Found | None]:
    images = own_images(tools)
    image = next((one for one in images if one.image_id == facts.image_id), None)
    return (image.state if image else ABSENT), image
