"""What a sweep looks at. Nothing here writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spotkeeper import episode
from spotkeeper.clients import Api, items
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import BrokenRecord
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import ALL_STATUSES, Described, describe_instances, is_held, is_spot, locked, tags_of
from spotkeeper.journal import Journal
from spotkeeper.settings import SweepSettings, TagFilter
from sweeping.facts import Leftover, Rescue

IDS_PER_CALL = 100

Key = tuple[str, int]


@dataclass(frozen=True)
class Observer:
    """The eyes of one sweep in one region; ``home`` is ``<account>/<region>``."""

    ecs: Api
    journal: Journal
    home: str
    settings: SweepSettings

    def locked_instances(self) -> dict[str, Described]:
        """Managed spot instances under the ``Recycling`` lock, by id."""
        tag = self.settings.managed_tag
        parameters: dict[str, Any] = {"LockReason": "recycling", **({"Tag": [tag_parameter(tag)]} if tag else {})}
        found = describe_instances(self.ecs, "instances under the lock", parameters)
        # A filter that is not understood would show everybody's instances.
        return {str(one["InstanceId"]): one for one in found if locked(one) and is_spot(one) and self._managed(one)}

    def _managed(self, one: Described) -> bool:
        return self.settings.managed_tag is None or self.settings.managed_tag.matches(tags_of(one))

    def instances(self, instance_ids: Iterable[str]) -> dict[str, Described]:
        """Those of the instances that exist, by id."""
        wanted, found = sorted(instance_ids), {}
        for start in range(0, len(wanted), IDS_PER_CALL):
            chunk = wanted[start : start + IDS_PER_CALL]
            described = describe_instances(self.ecs, f"{len(chunk)} instances", {"InstanceIds": json.dumps(chunk)})
            found.update({str(one["InstanceId"]): one for one in described if one.get("InstanceId") in chunk})
        return found

    def images(self) -> list[Described]:
        """All custom images of the account in the region, whatever their state."""
        parameters = {"Status": ALL_STATUSES, "ImageOwnerAlias": "self"}
        pages = self.ecs.pages("DescribeImages", "custom images", parameters)
        return [image for page in pages for image in items(page, "Images", "Image")]

    def rescues(self, index: Mapping[Key, set[str]], held: set[str]) -> list[Rescue]:
        """Every managed instance that is under the lock or has an open episode."""
        under_lock = self.locked_instances()
        latest = dict(sorted(index))
        wanted = {*under_lock, *(one for one, number in latest.items() if is_open(index[one, number]))}
        described = {**self.instances(wanted - set(under_lock)), **under_lock}
        return [
            self._rescue((instance_id, latest.get(instance_id, 1)), index, described.get(instance_id), held)
            for instance_id in sorted(wanted)
            if instance_id not in described or self._managed(described[instance_id])
        ]

    def _rescue(self, key: Key, index: Mapping[Key, set[str]], instance: Described | None, held: set[str]) -> Rescue:
        instance_id, number = key
        names = frozenset(index.get(key, ()))
        rescue = Rescue(instance_id, number, instance, locked(instance), names)
        rescue = replace(rescue, image_held=rescue.name in held)
        if not is_open(names):
            return rescue
        try:
            return self._open(rescue, key)
        except BrokenRecord as error:
            return replace(rescue, unreadable=str(error))

    def _open(self, rescue: Rescue, key: Key) -> Rescue:
        event = self.read(key, "event")
        attempts = [self.read(key, name) for name in rescue.records if name.startswith("attempt-")]
        return replace(
            rescue,
            event=event,
            notice_end=moment(event, "notice_end", f"{rescue.name}/event"),
            opened_at=epoch_seconds(str(event.get("opened_at") or "")),
            working_until=max((moment(one, "deadline_at", f"{rescue.name}/attempt") for one in attempts), default=None),
        )

    def leftovers(self, index: Mapping[Key, set[str]], images: Sequence[Described], now: float) -> list[Leftover]:
        """What finished rescues left behind and nobody has cleaned up yet."""
        held = held_episodes(images, now)
        by_id = {str(image["ImageId"]): image for image in images}
        finished = [key for key, names in sorted(index.items()) if "done" in names and "cleaned" not in names]
        standing = self.instances({instance_id for instance_id, _ in finished})
        found = [self._leftover(key, index[key], by_id) for key in finished]
        return [
            replace(
                one,
                held=one.name in held or is_held(tags_of(one.image), now),
                source_stands=one.instance_id in standing,
            )
            for one in found
        ]

    def _leftover(self, key: Key, names: set[str], images: Mapping[str, Described]) -> Leftover:
        try:
            return self._readable_leftover(key, names, images)
        except BrokenRecord as error:
            return Leftover(*key, unreadable=str(error))

    def _readable_leftover(self, key: Key, names: set[str], images: Mapping[str, Described]) -> Leftover:
        done = self.read(key, "done")
        image_id = str(self.read(key, "usable").get("image_id", "")) if "usable" in names else ""
        planned = self.read(key, "clean-up") if "clean-up" in names else {}
        image = images.get(image_id)
        kept = [str(disk_id) for disk_id in done.get("answer", {}).get("retained_disks", ())]
        return Leftover(
            instance_id=key[0],
            number=key[1],
            finished_at=moment(done, "at", f"{key[0]}/{key[1]}/done"),
            image_id=image_id,
            image=image,
            snapshot_ids=tuple(planned.get("snapshot_ids", ())) or snapshots_of(image),
            disks=tuple(self._disks(kept)),
        )

    def _disks(self, disk_ids: list[str]) -> list[Described]:
        if not disk_ids:
            return []
        pages = self.ecs.pages("DescribeDisks", ", ".join(disk_ids), {"DiskIds": json.dumps(disk_ids)})
        return [disk for page in pages for disk in items(page, "Disks", "Disk") if disk.get("DiskId") in disk_ids]

    def read(self, key: Key, name: str) -> Mapping[str, Any]:
        """A record of an episode; empty where it does not stand."""
        folder = "sweeps" if name == "clean-up" else episode.FOLDER
        return self.journal.read(f"{self.home}/{folder}/{key[0]}/{key[1]}/{name}") or {}

    def index(self) -> dict[Key, set[str]]:
        """Every episode with the names of its records."""
        return episode.index(self.journal, self.home)


def moment(record: Mapping[str, Any], name: str, key: str) -> float:
    """A field in seconds since 1970. Raises ``BrokenRecord``."""
    found = record.get(name)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise BrokenRecord(key, f"has no {name} in seconds")
    return float(found)


def held_episodes(images: Iterable[Described], now: float) -> set[str]:
    """The episodes whose image carries the hold tag."""
    return {tags[EPISODE_TAG] for image in images if is_held(tags := tags_of(image), now) and EPISODE_TAG in tags}


def snapshots_of(image: Described | None) -> tuple[str, ...]:
    """The snapshots behind an image."""
    mappings = items(image or {}, "DiskDeviceMappings", "DiskDeviceMapping")
    return tuple(str(one["SnapshotId"]) for one in mappings if one.get("SnapshotId"))


def tag_parameter(tag: TagFilter) -> dict[str, str]:
    """A tag filter as DescribeInstances takes it; without a value any value matches."""
    return {"Key": tag.key} if tag.value is None else {"Key": tag.key, "Value": tag.value}


def is_open(names: Iterable[str]) -> bool:
    """Whether an episode with these records was begun and has not ended."""
    return "event" in names and not {"done", "lost"} & set(names)
