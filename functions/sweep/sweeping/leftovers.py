"""What finished rescues left behind, when its turn has come: looked at once a day, and the day when it may be deleted.

The index of leftovers is an agenda: a key's name says when it is to be looked at next. So a sweep lists what is due and
nothing else, and what it has no time for is due in the next one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from spotkeeper import episode, hints
from spotkeeper.clients import items
from spotkeeper.episode import Episode
from spotkeeper.errors import BrokenRecord, CloudError, RefusedRecord
from spotkeeper.hints import Due, Key
from spotkeeper.instances import Described, is_held, tags_of
from spotkeeper.retry import passes_by_itself
from sweeping.context import Context
from sweeping.decide import DAY, CleanUp
from sweeping.reader import Reader, held_episodes
from sweeping.state import Leftover

MOST = 50
"""So many are looked at in one sweep: 72,000 a day."""


@dataclass(frozen=True)
class Leftovers:
    """Reads what is left."""

    run: Context
    reader: Reader

    def due(self, now: float) -> list[Due]:
        """Those whose turn has come."""
        return hints.leftovers_due(self.run.journal, self.run.home, now, MOST)

    def look(self, due: Sequence[Due], images: Sequence[Described], now: float) -> Iterator[Leftover]:
        """What each of them left, one after the other; one whose records nobody can read says why."""
        held = held_episodes(images, now)
        by_id = {str(image["ImageId"]): image for image in images}
        standing, refused = self.reader.instances({one.episode[0] for one in due})
        for one in due:
            left = self._leftover(one.episode, by_id, refused.get(one.episode[0]))
            kept = left.name in held or is_held(tags_of(left.image), now)
            yield replace(left, held=kept, source_stands=left.instance_id in standing)

    def _leftover(self, key: Key, images: Mapping[str, Described], refusal: CloudError | None) -> Leftover:
        try:
            if refusal:
                raise refusal
            return self._readable(key, images)
        except BrokenRecord as error:
            return Leftover(*key, unreadable=str(error))
        except RefusedRecord as error:
            return Leftover(*key, unreadable=str(error), refusal=error)
        except CloudError as error:
            if passes_by_itself(error):
                raise
            return Leftover(*key, unreadable=str(error), refusal=error)

    def _readable(self, key: Key, images: Mapping[str, Described]) -> Leftover:
        rescue = episode.glance(self.run.journal, self.run.home, *key)
        if "done" not in rescue.records or self._own(key, "cleaned"):
            # Without ``done`` a call died before it; without ``event`` the records are too old to be kept.
            ended = "done" in rescue.records
            return Leftover(*key, finished=ended, cleaned=ended or "event" not in rescue.records)
        done, finished_at = rescue.look("done"), float(rescue.look("done")["at"])
        # Only what ``usable`` names is the rescue's image: names and tags are anybody's to copy.
        image_id = str(self._look(rescue, "usable").get("image_id") or "")
        image = images.get(image_id)
        planned = (self._own(key, "clean-up") or {}).get("snapshot_ids")
        return Leftover(
            instance_id=key[0],
            number=key[1],
            finished_at=finished_at,
            image_id=image_id,
            image=image,
            snapshot_ids=_texts(planned) or snapshots_of(image),
            disks=tuple(self._disks(sorted(_kept(done) & _recorded(self._look(rescue, "disks"))))),
            released_by=max(finished_at, float(rescue.look("event").get("notice_end", 0.0))),
        )

    def _look(self, rescue: Episode, name: str) -> Mapping[str, Any]:
        """A record. Raises ``BrokenRecord`` for one that Describe could once tell anew: now nobody can."""
        found = rescue.look(name) if name in rescue.records else {}
        if not found and name in rescue.broken:
            raise rescue.broken[name]
        return found

    def _own(self, key: Key, name: str) -> Mapping[str, Any] | None:
        """A record of the sweep's own."""
        return self.run.journal.read(f"{self.run.home}/sweeps/{key[0]}/{key[1]}/{name}")

    def _disks(self, disk_ids: list[str]) -> list[Described]:
        if not disk_ids:
            return []
        pages = self.run.ecs.pages("DescribeDisks", ", ".join(disk_ids), {"DiskIds": json.dumps(disk_ids)})
        return [disk for page in pages for disk in items(page, "Disks", "Disk") if disk.get("DiskId") in disk_ids]


def next_look(one: CleanUp, ttl_days: float, now: float) -> int:
    """In a day, or when it is old enough if that is sooner."""
    old = one.leftover.finished_at + ttl_days * DAY
    return int(min(now + DAY, old + 1) if old > now else now + DAY)


def _kept(done: Mapping[str, object]) -> set[str]:
    """The retained disks that the answer names."""
    answer = done.get("answer")
    return set(_texts(answer.get("retained_disks"))) if isinstance(answer, Mapping) else set()


def _recorded(disks: Mapping[str, object]) -> set[str]:
    """The source's disks: nothing else can have been retained, whatever an answer says."""
    found = disks.get("disks")
    return {str(one) for one in found} if isinstance(found, Mapping) else set()


def _texts(found: object) -> tuple[str, ...]:
    return tuple(str(one) for one in found) if isinstance(found, (list, tuple)) else ()


def snapshots_of(image: Described | None) -> tuple[str, ...]:
    """The snapshots behind an image."""
    mappings: Iterable[Described] = items(image or {}, "DiskDeviceMappings", "DiskDeviceMapping")
    return tuple(str(one["SnapshotId"]) for one in mappings if one.get("SnapshotId"))


def leftover_line(clean_up: CleanUp) -> str:
    """What is left of a rescue, and what becomes of it."""
    left = clean_up.leftover
    image = f"image {left.image_id}" if left.image else "no image"
    disks = ", ".join(str(disk["DiskId"]) for disk in left.disks) or "none"
    return f"{left.name}: {image}, {len(left.snapshot_ids)} snapshots, retained disks {disks} ({clean_up.reason})"
