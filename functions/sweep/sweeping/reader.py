"""What a sweep looks at to find rescues. Nothing here writes.

Its cost follows what is open: one listing of the index and one of the signs of life, and the records of those rescues
alone on which no call is working.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from spotkeeper import episode, hints
from spotkeeper.clients import chunks, items
from spotkeeper.episode import EPISODE_TAG, Episode
from spotkeeper.errors import (
    BrokenRecord,
    CloudError,
    DeadlineReached,
    RefusedRecord,
    SpotkeeperError,
    UnreadableRecord,
)
from spotkeeper.events.times import epoch_seconds
from spotkeeper.hints import Key, Sign
from spotkeeper.instances import ALL_STATUSES, Described, describe_instances, is_held, is_spot, locked, tags_of
from spotkeeper.retry import passes_by_itself
from spotkeeper.settings import TagFilter
from sweeping.context import Context
from sweeping.decide import SILENT_SECONDS
from sweeping.state import Rescue

IDS_PER_CALL = 100
MOST_REFUSED = 5
"""So many ids may be refused by themselves, say since somebody wrote them into the index: more is a refusal of all."""


@dataclass(frozen=True)
class Candidates:
    """Instances that may need a rescue, before any record of theirs is read.

    ``described`` are those that exist, by id, as far as they were asked for; ``index`` are the episodes that the index
    says are open, ``indexed`` the latest of each instance. ``error``: why those that are not under the lock could not
    be looked at; ``refused``: why some of them could not, by id.
    """

    under_lock: Mapping[str, Described]
    described: Mapping[str, Described]
    index: set[Key]
    indexed: Mapping[str, int]
    signs: Mapping[Key, list[Sign]]
    error: SpotkeeperError | None = None
    refused: Mapping[str, CloudError] = field(default_factory=dict)

    def ordered(self, now: float) -> list[str]:
        """Under the lock and never begun, then under the lock, then the rest; alike ones in turns, minute by minute."""
        every = {*self.under_lock, *(() if self.error else self.indexed.keys() - self.refused.keys())}
        return sorted(every, key=lambda one: (one not in self.under_lock, one in self.indexed, turn(one, now)))


@dataclass(frozen=True)
class Reader:
    """Reads what may need a rescue, in one region."""

    run: Context

    def candidates(self) -> Candidates:
        """Managed spot instances under the lock, and what the index says is open; of that only the former described."""
        under_lock = self.locked_instances()
        index = hints.open_rescues(self.run.journal, self.run.home)
        indexed = dict(sorted(index))  # of several episodes the latest
        return Candidates(under_lock, under_lock, index, indexed, hints.signs(self.run.journal, self.run.home))

    def described(self, seen: Candidates) -> Candidates:
        """The same with the instances that are not under the lock described, too."""
        try:
            others, refused = self.instances(set(seen.indexed) - set(seen.under_lock))
        except (CloudError, DeadlineReached) as error:
            return replace(seen, error=error)
        return replace(seen, described={**others, **seen.under_lock}, refused=refused)

    def locked_instances(self) -> dict[str, Described]:
        """Managed spot instances under the ``Recycling`` lock, by id."""
        tag = self.run.settings.managed_tag
        parameters: dict[str, Any] = {"LockReason": "recycling", **({"Tag": [tag_parameter(tag)]} if tag else {})}
        found = describe_instances(self.run.ecs, "instances under the lock", parameters)
        # A filter that is not understood would show everybody's instances.
        return {str(one["InstanceId"]): one for one in found if locked(one) and is_spot(one) and self._managed(one)}

    def _managed(self, one: Described) -> bool:
        return self.run.settings.managed_tag is None or self.run.settings.managed_tag.matches(tags_of(one))

    def instances(self, instance_ids: Iterable[str]) -> tuple[dict[str, Described], dict[str, CloudError]]:
        """Those of the instances that exist, by id, and those of which the API refuses to tell.

        One refused id refuses a call for all its ids: each half is asked for alone. Raises ``CloudError`` where that
        passes by itself, or concerns ever more of them.
        """
        left = list(chunks(sorted(instance_ids), IDS_PER_CALL))
        found: dict[str, Described] = {}
        refused: dict[str, CloudError] = {}
        while left:
            chunk = left.pop()
            try:
                described = describe_instances(
                    self.run.ecs, f"{len(chunk)} instances", {"InstanceIds": json.dumps(chunk)}
                )
                found.update({str(one["InstanceId"]): one for one in described if one.get("InstanceId") in chunk})
            except CloudError as error:
                if passes_by_itself(error) or len(refused) >= MOST_REFUSED:
                    raise
                if len(chunk) == 1:
                    refused[chunk[0]] = error
                else:
                    left += [chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]]
        return found, refused

    def images(self) -> list[Described]:
        """All custom images of the account in the region, whatever their state."""
        parameters = {"Status": ALL_STATUSES, "ImageOwnerAlias": "self"}
        pages = self.run.ecs.pages("DescribeImages", "custom images", parameters)
        return [image for page in pages for image in items(page, "Images", "Image")]

    def rescue(self, instance_id: str, seen: Candidates, now: float) -> Rescue:
        """What is known of a candidate; while a call works on it, nobody wants to know more than that."""
        instance = seen.described.get(instance_id)
        number = seen.indexed.get(instance_id, 1)
        rescue = Rescue(instance_id, number, instance, locked(instance), indexed=instance_id in seen.indexed)
        rescue = replace(rescue, managed=instance is None or self._managed(instance))
        rescue = replace(rescue, signs=_believable(seen, rescue.key, now))
        if rescue.alive_at is not None and now - rescue.alive_at <= SILENT_SECONDS:
            return rescue
        rescue = self._latest(rescue)
        rescue = replace(rescue, signs=_believable(seen, rescue.key, now))
        return replace(rescue, handed=self._handed(rescue))

    def _latest(self, rescue: Rescue) -> Rescue:
        """What its latest episode tells. Raises ``JournalUnavailable`` where it cannot be listed, or in an outage."""
        found = episode.glance(self.run.journal, self.run.home, rescue.instance_id)
        number = found.number if found.records else rescue.number
        indexed = rescue.indexed and number == rescue.number
        rescue = replace(rescue, number=number, records=frozenset(found.records), indexed=indexed)
        try:
            return self._read(rescue, found)
        except UnreadableRecord as error:
            return replace(rescue, unreadable=str(error), refusal=_refusal(error))

    def _read(self, rescue: Rescue, found: Episode) -> Rescue:
        if _is_no_end(found):
            rescue = replace(rescue, records=rescue.records - {"done"})
        if "lost" in rescue.records:
            return replace(rescue, end=found.look("lost"))
        if not rescue.open:
            return rescue
        event = found.look("event")
        rescue = replace(rescue, event=event, notice_end=float(event["notice_end"]))
        return replace(rescue, opened_at=epoch_seconds(str(event.get("opened_at") or "")))

    def _handed(self, rescue: Rescue) -> int:
        """How often it was handed over since an error that needs a human."""
        if rescue.needs_human_since is None:
            return 0
        return len(self.run.journal.keys(f"{self.run.home}/sweeps/{rescue.name}/handed-"))

    def stale_index(self, index: set[Key], rescues: Sequence[Rescue], now: float) -> Iterator[Key]:
        """Entries of the index whose rescue is over, was lost more than a day ago, never began, or has a successor."""
        latest = {one.instance_id: one.number for one in rescues if one.records}
        yield from sorted(key for key in index if key[1] < latest.get(key[0], 0))
        for one in rescues:
            if one.indexed and not one.unreadable and _is_stale(one, self._indexed_at(one, now), now):
                yield one.key

    def _indexed_at(self, rescue: Rescue, now: float) -> float:
        """When an entry of a rescue without any record was made; of others nobody wants to know."""
        if rescue.records or rescue.signs:
            return 0.0
        return self.written_at(hints.open_key(self.run.home, rescue.key), now)

    def written_at(self, key: str, now: float) -> float:
        """When it was written, as it says itself; 0 where it does not, or names the future."""
        try:
            at = (self.run.journal.read(key) or {}).get("at")
        except UnreadableRecord:
            return 0.0  # as if it did not say
        return float(at) if isinstance(at, (int, float)) and at <= now + AHEAD_SECONDS else 0.0


def _is_no_end(found: Episode) -> bool:
    """Whether ``done`` is somebody else's, and no end."""
    try:
        return "done" in found.records and not found.look("done")
    except BrokenRecord:
        return True


def _refusal(error: UnreadableRecord) -> RefusedRecord | None:
    return error if isinstance(error, RefusedRecord) else None


def _believable(seen: Candidates, key: Key, now: float) -> tuple[Sign, ...]:
    """The signs of one rescue but for those of the future: else one of them would keep everybody from it for ever."""
    return tuple(one for one in seen.signs.get(key, ()) if one.at <= now + AHEAD_SECONDS)


def stale_signs(home: str, seen: Candidates, rescues: Iterable[Rescue], now: float) -> list[str]:
    """Keys of signs that tell nothing: of the future, of rescues that are not open, of calls that were silent for long.

    Endings of open rescues stay: they tell since when somebody is needed.
    """
    closed = {one.key for one in rescues if one.records & {"done", "lost"}}
    found: list[str] = []
    for key, every in seen.signs.items():
        ended = key in closed or seen.indexed.get(key[0]) != key[1]
        late = (one for one in every if now - one.at > LATE_SECONDS and (ended or not one.ending))
        found += [one.key(home) for one in (*late, *(one for one in every if one.at > now + AHEAD_SECONDS))]
    return found


AHEAD_SECONDS = 60.0
"""So far another machine's clock may be ahead of ours. No call of ours left a sign that lies further in the future."""
LATE_SECONDS = 600.0
"""A sign of life so old tells nothing: every call leaves one every 20 s."""
UNBEGUN_SECONDS = 600.0
"""A call that made its entry in the index and no record within so long has died in between."""
LOST_SECONDS = 86_400.0
"""How long a lost rescue is repeated among the warnings."""


def _is_stale(rescue: Rescue, indexed_at: float, now: float) -> bool:
    if "done" in rescue.records:
        return True
    if "lost" in rescue.records:
        at = rescue.end.get("at")
        return isinstance(at, (int, float)) and now - at > LOST_SECONDS
    return not rescue.records and not rescue.signs and now - indexed_at > UNBEGUN_SECONDS


GOLDEN = 0x9E3779B1
"""The golden section of 2 ** 32: starting points that far apart leave no large gap on a circle."""


def turn(name: str, now: float) -> int:
    """Sorts alike ones: a circle that each minute begins elsewhere.

    Where each sweep has time for a share of them, all have had their turn after little more than 1/share sweeps.
    """
    return (zlib.crc32(name.encode()) + int(now // 60) * GOLDEN) % 2**32


def held_episodes(images: Iterable[Described], now: float) -> set[str]:
    """The episodes whose image carries the hold tag."""
    return {tags[EPISODE_TAG] for image in images if is_held(tags := tags_of(image), now) and EPISODE_TAG in tags}


def tag_parameter(tag: TagFilter) -> dict[str, str]:
    """A tag filter as DescribeInstances takes it; without a value any value matches."""
    return {"Key": tag.key} if tag.value is None else {"Key": tag.key, "Value": tag.value}
