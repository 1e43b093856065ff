"""Which images are this rescue's: proven by their disks or by CreateImage's answer, never by tag or name alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rescue import kept_disks
from rescue.carried_disks import is_local
from rescue.context import Context
from rescue.state import State
from spotkeeper.clients import items
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.instances import ALL_STATUSES, Described, describe_images, tags_of
from spotkeeper.polling import ABSENT, Waiter

USABLE = "usable"
IMAGE = Waiter(
    "image",
    success=frozenset({USABLE}),
    retry=frozenset({"Creating", "Waiting", "Available", ABSENT}),
    failure=frozenset({"CreateFailed", "UnAvailable", "Deprecated"}),
    first_pause=2.0,
    longest_pause=8.0,
)

SNAPSHOTS_PER_CALL = 100
TRY = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class Found:
    """An image as DescribeImages shows it."""

    image_id: str
    try_number: int
    """0 where its name is not one of this episode's."""
    state: str
    snapshot_ids: tuple[str, ...]
    """Empty while not every disk of it shows one."""


class Owner(Enum):
    """Whose an image with our tag or our name is."""

    THIS_RESCUE = "CreateImage has answered with it, or its snapshots are of the source's disks"
    UNPROVEN = "its snapshots, or of which disks they are, cannot be seen"
    SOMEBODY_ELSE = "it has another name, or its snapshots are of other disks"


Owned = Sequence[tuple[Found, Owner]]


def image_name(run: Context, number: int) -> str:
    """The name of the k-th try."""
    return f"spotkeeper-{run.instance_id}-{run.episode.number}-{number}"


def tagged(run: Context) -> list[Found]:
    """The images in any state that carry this episode's tag, oldest try first. The tag is no proof (see ``owned``)."""
    tag = {"Key": EPISODE_TAG, "Value": run.episode.name}
    described = _described(run, run.episode.name, Tag=[tag])
    found = [_found(run, image) for image in described if tags_of(image).get(EPISODE_TAG) == run.episode.name]
    return sorted(found, key=lambda image: image.try_number)


def named(run: Context, number: int) -> list[Found]:
    """The image with the name of the k-th try, whatever tags it has (the API matches names loosely)."""
    found = (_found(run, one) for one in _described(run, image_name(run, number), ImageName=image_name(run, number)))
    return [image for image in found if image.try_number == number]


def by_id(run: Context, image_id: str) -> Found | None:
    """The image, or None."""
    found = (_found(run, one) for one in _described(run, image_id, ImageId=image_id))
    return next((image for image in found if image.image_id == image_id), None)


def _described(run: Context, about: str, **which: Any) -> list[Described]:
    parameters = {
        "Status": ALL_STATUSES,
        "ImageOwnerAlias": "self",
    }
    return describe_images(run.ecs, about, {**parameters, **which})


def _found(run: Context, image: Described) -> Found:
    prefix, name = image_name(run, 0)[:-1], str(image.get("ImageName") or "")
    tail = name.removeprefix(prefix)
    snapshot_ids = [str(one.get("SnapshotId") or "") for one in items(image, "DiskDeviceMappings", "DiskDeviceMapping")]
    return Found(
        image_id=str(image.get("ImageId")),
        try_number=int(tail) if name.startswith(prefix) and TRY.fullmatch(tail) else 0,
        state=_state(image),
        snapshot_ids=tuple(snapshot_ids) if all(snapshot_ids) else (),
    )


def _state(image: Described) -> str:
    """``Usable`` decides where the API gives it; else ``Available`` does."""
    usable, status = image.get("Usable"), str(image.get("Status"))
    if status not in IMAGE.failure and (usable is True or (usable is None and status == "Available")):
        return USABLE
    return status


def owned(run: Context, state: State, images: Iterable[Found]) -> Owned:
    """Each image with whose it is. What is proven once stays proven for this call.

    Anybody can copy a tag, and make an image of any name. Of which disk a snapshot is, only the platform says
    (DescribeSnapshots, ``SourceDiskId``); and CreateImage answers with an image only the request that made it.
    """
    images = list(images)
    open_ones = [one for one in images if one.try_number and one.image_id not in run.own_images and one.snapshot_ids]
    disks = kept_disks.of_source(run, state) if open_ones else {}
    sources = _source_disks(run, [snapshot for one in open_ones for snapshot in one.snapshot_ids]) if disks else {}
    found = [(one, _owner(run, one, disks, sources)) for one in images]
    run.own_images |= {one.image_id for one, owner in found if owner is Owner.THIS_RESCUE}
    return found


def _owner(run: Context, image: Found, disks: Mapping[str, Described], sources: Mapping[str, str]) -> Owner:
    if image.image_id in run.own_images:
        return Owner.THIS_RESCUE
    if not image.try_number:
        return Owner.SOMEBODY_ELSE
    if not image.snapshot_ids or not all(sources.get(snapshot) for snapshot in image.snapshot_ids):
        return Owner.UNPROVEN
    ours = is_image_of({sources[snapshot] for snapshot in image.snapshot_ids}, disks)
    return Owner.THIS_RESCUE if ours else Owner.SOMEBODY_ELSE


def is_image_of(imaged: AbstractSet[str], disks: Mapping[str, Described]) -> bool:
    """Whether an image of an instance with these disks is one of ``imaged``: of no other disk, and of all that it can.

    A local disk is in no image; whether a shared one (multi-attach) is, is documented nowhere.
    """
    needed = {name for name, disk in disks.items() if not is_local(disk) and disk.get("MultiAttach") != "Enabled"}
    return bool(imaged) and needed <= imaged <= disks.keys()


def _source_disks(run: Context, snapshot_ids: Sequence[str]) -> dict[str, str]:
    """Of which disk each snapshot is; those that cannot be seen are missing."""
    sources: dict[str, str] = {}
    for start in range(0, len(snapshot_ids), SNAPSHOTS_PER_CALL):
        wanted = json.dumps(snapshot_ids[start : start + SNAPSHOTS_PER_CALL])
        for page in run.ecs.pages("DescribeSnapshots", run.episode.name, {"SnapshotIds": wanted}):
            shown = items(page, "Snapshots", "Snapshot")
            sources.update({str(one["SnapshotId"]): str(one.get("SourceDiskId") or "") for one in shown})
    return sources
