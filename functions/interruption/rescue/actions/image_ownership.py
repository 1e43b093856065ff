"""Which images are this rescue's: proven by their disks or by CreateImage's answer, never by tag or name alone.

The k-th try is named ``spotkeeper-<instance>-<episode>-<k>``: image names are unique in a region, so calls side by side
cannot make two images of a try.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from typing import Any

from rescue.actions import source_disks
from rescue.context import Context
from rescue.launch_spec.disk_settings import is_local
from rescue.state import State
from spotkeeper.clients import chunks, items
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import CloudError
from spotkeeper.instances import ALL_STATUSES, Described, describe_images, tags_of

USABLE = "usable"
FAILED_STATES = frozenset({"CreateFailed", "UnAvailable", "Deprecated"})
SNAPSHOTS_PER_CALL = 100
TRY = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True)
class FoundImage:
    """An image as DescribeImages shows it."""

    image_id: str
    try_number: int
    """0 if its name is not a name of this episode."""
    state: str
    snapshot_ids: tuple[str, ...]
    """Empty until DescribeImages shows a snapshot of every disk."""

    @property
    def failed(self) -> bool:
        """Whether its creation has failed."""
        return self.state in FAILED_STATES


class Owner(Enum):
    """The owner of an image with the rescue's tag or name."""

    THIS_RESCUE = "CreateImage has answered with it, or its snapshots are of the source's disks"
    UNPROVEN = "its snapshots, or their disks, are not visible"
    OTHER = "it has another name and no record names it, or its snapshots are of other disks"


OwnedImages = Sequence[tuple[FoundImage, Owner]]


def image_name(run: Context, number: int) -> str:
    """The name of the k-th try."""
    return f"spotkeeper-{run.instance_id}-{run.episode.number}-{number}"


def create_parameters(run: Context, number: int) -> dict[str, Any]:
    """The parameters of CreateImage of the k-th try, the same in every call."""
    return {
        "InstanceId": run.instance_id,
        "ImageName": image_name(run, number),
        "Description": f"Rescue of {run.instance_id} by Spotkeeper",
        "Tag": [{"Key": EPISODE_TAG, "Value": run.episode.name}],
        "ClientToken": run.token("CreateImage", str(number)),
    }


def tagged_images(run: Context) -> list[FoundImage]:
    """The images in any state that carry this episode's tag, oldest try first. The tag is no proof (see ``owned``)."""
    described = _described(run, run.episode.name, Tag=[{"Key": EPISODE_TAG, "Value": run.episode.name}])
    found = [_found(run, image) for image in described if tags_of(image).get(EPISODE_TAG) == run.episode.name]
    return sorted(found, key=lambda image: image.try_number)


def images_of_try(run: Context, number: int) -> list[FoundImage]:
    """The image with the name of the k-th try, whatever its tags (the API matches names loosely)."""
    name = image_name(run, number)
    found = (_found(run, image) for image in _described(run, name, ImageName=name))
    return [image for image in found if image.try_number == number]


def image_by_id(run: Context, image_id: str) -> FoundImage | None:
    """The image, or None."""
    found = (_found(run, image) for image in _described(run, image_id, ImageId=image_id))
    return next((image for image in found if image.image_id == image_id), None)


def recorded_image(run: Context) -> str:
    """The id of the image that stays, by the journal; empty before it is usable."""
    return str(run.episode.records.get("usable", {}).get("image_id") or "")


def _described(run: Context, about: str, **filters: Any) -> list[Described]:
    return describe_images(run.ecs, about, {"Status": ALL_STATUSES, "ImageOwnerAlias": "self", **filters})


def _found(run: Context, image: Described) -> FoundImage:
    usable, status = image.get("Usable"), str(image.get("Status"))
    # ``Usable`` decides if the API shows it; else ``Available`` does.
    is_usable = status not in FAILED_STATES and (usable is True or (usable is None and status == "Available"))
    prefix, name = image_name(run, 0)[:-1], str(image.get("ImageName") or "")
    number = name.removeprefix(prefix)
    disks = items(image, "DiskDeviceMappings", "DiskDeviceMapping")
    snapshot_ids = [str(disk.get("SnapshotId") or "") for disk in disks]
    return FoundImage(
        image_id=str(image.get("ImageId")),
        try_number=int(number) if name.startswith(prefix) and TRY.fullmatch(number) else 0,
        state=USABLE if is_usable else status,
        snapshot_ids=tuple(snapshot_ids) if all(snapshot_ids) else (),
    )


def owned(run: Context, state: State, images: Iterable[FoundImage]) -> OwnedImages:
    """The images, each with its owner. A proof holds for the rest of the call.

    Anybody can copy a tag, and make an image of any name. But only the platform says of which disk a snapshot is
    (DescribeSnapshots, ``SourceDiskId``); and CreateImage answers with an image only to the request that made it.
    """
    images = list(images)
    # After the release no other image can be made, and somebody may have renamed the image that the journal names.
    renamed = recorded_image(run) if state.gone else ""
    named = {image.image_id for image in images if image.try_number or image.image_id == renamed}
    unproven = [image for image in images if image.image_id in named - run.own_images]
    snapshot_ids = [snapshot_id for image in unproven for snapshot_id in image.snapshot_ids]
    disks = source_disks.of_source(run, state) if snapshot_ids else {}
    disk_of = _source_disk_ids(run, snapshot_ids) if disks else {}
    found = [(image, _owner(run, image, named, disks, disk_of)) for image in images]
    run.own_images |= {image.image_id for image, owner in found if owner is Owner.THIS_RESCUE}
    return found


def _owner(
    run: Context,
    image: FoundImage,
    named: AbstractSet[str],
    disks: Mapping[str, Described],
    disk_of: Mapping[str, str],
) -> Owner:
    if image.image_id in run.own_images:
        return Owner.THIS_RESCUE
    if image.image_id not in named:
        return Owner.OTHER
    if not image.snapshot_ids or not all(disk_of.get(snapshot) for snapshot in image.snapshot_ids):
        return Owner.UNPROVEN
    ours = is_image_of({disk_of[snapshot] for snapshot in image.snapshot_ids}, disks)
    return Owner.THIS_RESCUE if ours else Owner.OTHER


def is_image_of(imaged: AbstractSet[str], disks: Mapping[str, Described]) -> bool:
    """Whether an image of the disks ``imaged`` is of an instance with ``disks``: of no other disk, and of all it can.

    A local disk is in no image; whether a shared disk (multi-attach) is in an image is not documented.
    """
    needed = {name for name, disk in disks.items() if not is_local(disk) and disk.get("MultiAttach") != "Enabled"}
    return bool(imaged) and needed <= imaged <= disks.keys()


def _source_disk_ids(run: Context, snapshot_ids: Sequence[str]) -> dict[str, str]:
    """The disk of each snapshot that is visible."""
    disk_of: dict[str, str] = {}
    for chunk in chunks(snapshot_ids, SNAPSHOTS_PER_CALL):
        parameters = {"SnapshotIds": json.dumps(chunk)}
        shown = run.ecs.listed("DescribeSnapshots", run.episode.name, parameters, "Snapshots", "Snapshot")
        disk_of |= {str(snapshot["SnapshotId"]): str(snapshot.get("SourceDiskId") or "") for snapshot in shown}
    return disk_of


def prove_by_create_image(run: Context, image: FoundImage) -> None:
    """Repeat CreateImage after the release: it answers with the image if it is this rescue's and the token is known.

    It cannot make another image: the name is taken, and the source is released.
    """
    try:
        answer = run.ecs.call("CreateImage", run.instance_id, create_parameters(run, image.try_number))
    except CloudError:
        return  # refused: nothing proves that the image is ours
    run.own_images.add(str(answer.get("ImageId") or ""))
