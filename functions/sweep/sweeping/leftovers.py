"""The leftovers of finished rescues: looked at once a day, and on the day when they may be deleted.

The name of a key in the index of leftovers is the time of the next look. So a sweep lists due leftovers only, and
leftovers that it has no time for are due in the next sweep.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from spotkeeper import episode
from spotkeeper.clients import items
from spotkeeper.episode import EPISODE_TAG, Episode, EpisodeKey
from spotkeeper.errors import CloudError, InaccessibleRecord, UnreadableRecord
from spotkeeper.instances import Described, is_held, tags_of
from spotkeeper.rescue_index import Due
from spotkeeper.retry import passes_by_itself
from sweeping.context import Context
from sweeping.decide import DAY, CleanUp
from sweeping.observe import held_episodes, instances
from sweeping.state import Leftover

MOST = 50
"""So many are looked at in each sweep: 72,000 a day."""


def look(run: Context, due: Sequence[Due], images: Sequence[Described]) -> Iterator[Leftover]:
    """The leftovers of each rescue; where its records cannot be read, the reason."""
    held = held_episodes(images, run.now)
    by_id = {str(image["ImageId"]): image for image in images}
    standing, errors = instances(run, {entry.episode[0] for entry in due})
    for entry in due:
        left = _leftover(run, entry.episode, by_id, errors.get(entry.episode[0]))
        kept = left.name in held or is_held(tags_of(left.image), run.now)
        yield replace(left, held=kept, source_stands=left.instance_id in standing)


def _leftover(run: Context, key: EpisodeKey, images: Mapping[str, Described], known: CloudError | None) -> Leftover:
    try:
        if known:
            raise known
        return _readable(run, key, images)
    except (InaccessibleRecord, CloudError) as error:
        if isinstance(error, CloudError) and passes_by_itself(error):
            raise
        return Leftover(*key, unreadable=str(error), error=error)
    except UnreadableRecord as error:
        return Leftover(*key, unreadable=str(error))


def _readable(run: Context, key: EpisodeKey, images: Mapping[str, Described]) -> Leftover:
    rescue = episode.glance(run.journal, run.home, *key)
    if _own(run, key, "cleaned"):
        return Leftover(*key, cleaned=True)
    if "event" not in rescue.records:  # the first record to expire
        return _kept(run, key, images) or Leftover(*key, unreadable=_by_hand(key, images.values()))
    if "done" not in rescue.records:  # a call died before it
        return Leftover(*key, finished=False)
    done, finished_at = rescue.look("done"), float(rescue.look("done")["at"])
    # Only the source's disks can have been retained, whatever an answer says.
    kept = set(_texts(done["answer"].get("retained_disks")))
    # Only the record ``usable`` names the rescue's image: users can copy names and tags.
    image_id = str(_look(rescue, "usable").get("image_id") or "")
    image = images.get(image_id)
    begun = (_own(run, key, "clean-up") or {}).get("snapshot_ids")
    return Leftover(
        instance_id=key[0],
        number=key[1],
        finished_at=finished_at,
        image_id=image_id,
        image=image,
        snapshot_ids=_texts(begun) or snapshots_of(image),
        disks=tuple(_disks(run, sorted(kept & _look(rescue, "disks").get("disks", {}).keys()))),
        released_by=max(finished_at, float(rescue.look("event").get("notice_end", 0.0))),
    )


def _kept(run: Context, key: EpisodeKey, images: Mapping[str, Described]) -> Leftover | None:
    """The leftovers by the sweep's own latest record of them (``actions.clean_up``); None without any."""
    start = f"{run.home}/sweeps/{key[0]}/{key[1]}/leftovers-"
    weeks = (name.removeprefix(start) for name in run.journal.keys(start))
    latest = max((int(week) for week in weeks if week.isdecimal()), default=0)
    found = _own(run, key, f"leftovers-{latest}") or {}
    times = found.get("finished_at"), found.get("released_by")
    if not all(isinstance(time, float) for time in times):
        return None
    image_id = str(found.get("image_id") or "")
    return Leftover(
        instance_id=key[0],
        number=key[1],
        finished_at=float(found["finished_at"]),
        image_id=image_id,
        image=images.get(image_id),
        snapshot_ids=_texts(found.get("snapshot_ids")),
        disks=tuple(_disks(run, list(_texts(found.get("disk_ids"))))),
        released_by=float(found["released_by"]),
    )


def _by_hand(key: EpisodeKey, images: Iterable[Described]) -> str:
    """The warning about leftovers that no record names any more; the tag only says where to look."""
    name = f"{key[0]}/{key[1]}"
    tagged = sorted(str(image["ImageId"]) for image in images if tags_of(image).get(EPISODE_TAG) == name)
    return (
        f"the journal's records of this rescue have expired, and only what they name is deleted. "
        f"Delete by hand its images with their snapshots (tag {EPISODE_TAG}={name}: {', '.join(tagged) or 'none'}) and "
        f"the retained disks of {key[0]}, then the journal's object open/leftovers/<time>/{name}"
    )


def _look(rescue: Episode, name: str) -> Mapping[str, Any]:
    """A record. Raises ``BrokenRecord`` also where a rescue would supersede the record."""
    found = rescue.look(name) if name in rescue.records else {}
    if not found and name in rescue.broken:
        raise rescue.broken[name]
    return found


def _own(run: Context, key: EpisodeKey, name: str) -> Mapping[str, Any] | None:
    """A record of the sweep."""
    return run.journal.read(f"{run.home}/sweeps/{key[0]}/{key[1]}/{name}")


def _disks(run: Context, disk_ids: list[str]) -> list[Described]:
    if not disk_ids:
        return []
    found = run.ecs.listed("DescribeDisks", ", ".join(disk_ids), {"DiskIds": json.dumps(disk_ids)}, "Disks", "Disk")
    return [disk for disk in found if disk.get("DiskId") in disk_ids]


def next_look(clean_up: CleanUp, run: Context) -> int:
    """In a day, or when the leftovers are old enough if that is sooner."""
    old = clean_up.leftover.finished_at + run.settings.image_ttl_days * DAY
    return int(min(run.now + DAY, old + 1) if old > run.now else run.now + DAY)


def _texts(found: object) -> tuple[str, ...]:
    return tuple(str(text) for text in found) if isinstance(found, (list, tuple)) else ()


def snapshots_of(image: Described | None) -> tuple[str, ...]:
    """The snapshots behind an image."""
    mappings: Iterable[Described] = items(image or {}, "DiskDeviceMappings", "DiskDeviceMapping")
    return tuple(str(mapping["SnapshotId"]) for mapping in mappings if mapping.get("SnapshotId"))


def line(clean_up: CleanUp) -> str:
    """A line of the answer."""
    left = clean_up.leftover
    if left.unreadable:
        return f"{left.name}: {clean_up.reason}"
    image = f"image {left.image_id}" if left.image else "no image"
    disks = ", ".join(str(disk["DiskId"]) for disk in left.disks) or "none"
    return f"{left.name}: {image}, {len(left.snapshot_ids)} snapshots, retained disks {disks} ({clean_up.reason})"
