"""The instances under the lock, the open rescues and the images. Nothing here writes.

The cost depends on the open rescues: a listing of the index, a listing of the signs of life, and the records of those
rescues that no call is working on.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from spotkeeper import episode, rescue_index, signs_of_life
from spotkeeper.clients import chunks
from spotkeeper.episode import EPISODE_TAG, Episode, EpisodeKey
from spotkeeper.errors import BrokenRecord, CloudError, DeadlineReached, InaccessibleRecord, UnreadableRecord
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import (
    Described,
    describe_instances,
    in_stop_mode,
    instances_by_id,
    is_held,
    is_spot,
    locked,
    tags_of,
)
from spotkeeper.retry import passes_by_itself
from spotkeeper.signs_of_life import Sign
from sweeping.context import Context
from sweeping.decide import DAY, SILENT_SECONDS
from sweeping.state import RescueState

IDS_PER_CALL = 100
MOST_REFUSED = 5
"""So many ids may be refused by themselves, for example foreign entries of the index; more refuse the whole call."""
AHEAD_SECONDS = 60.0
"""The clock of another machine may be ahead by so much. A sign with a later time is not Spotkeeper's."""
LATE_SECONDS = 600.0
"""A sign of life so old tells nothing: a working call leaves a sign every 20 s."""
UNBEGUN_SECONDS = 600.0
"""A call that made its entry in the index and no record within so long has died in between."""


@dataclass(frozen=True)
class Candidates:
    """Instances that may need a rescue, before their records are read.

    ``described`` are the existing instances by id, as far as they were described; ``index`` are the open episodes by
    the index. ``error``: why the instances that are not under the lock could not be described; ``errors``: the same for
    single instances, by id.
    """

    under_lock: Mapping[str, Described]
    described: Mapping[str, Described]
    index: set[EpisodeKey]
    signs: Mapping[EpisodeKey, list[Sign]]
    error: CloudError | DeadlineReached | None = None
    errors: Mapping[str, CloudError] = field(default_factory=dict)

    @functools.cached_property
    def indexed(self) -> dict[str, int]:
        """The latest open episode of each instance, by the index."""
        return dict(sorted(self.index))

    def unknown(self, instance_id: str) -> bool:
        """Whether it could not be described: it may be under the lock, healthy or released."""
        return instance_id not in self.under_lock and (self.error is not None or instance_id in self.errors)

    def ordered(self, run: Context) -> list[str]:
        """Instances under the lock without a rescue, then under the lock, then the rest; each kind in turns."""
        every = {*self.under_lock, *self.indexed}
        return sorted(every, key=lambda name: (name not in self.under_lock, name in self.indexed, run.turn(name)))


def candidates(run: Context, under_lock: Mapping[str, Described]) -> Candidates:
    """The instances under the lock, and the open rescues by the index, not described yet.

    Raises ``JournalUnavailable``.
    """
    index = rescue_index.open_rescues(run.journal, run.home)
    return Candidates(under_lock, under_lock, index, signs_of_life.signs(run.journal, run.home))


def described(run: Context, seen: Candidates) -> Candidates:
    """The candidates with the instances that are not under the lock described."""
    try:
        others, errors = instances(run, set(seen.indexed) - set(seen.under_lock))
    except (CloudError, DeadlineReached) as error:
        return replace(seen, error=error)
    return replace(seen, described={**others, **seen.under_lock}, errors=errors)


def locked_instances(run: Context) -> dict[str, Described]:
    """Managed spot instances under the ``Recycling`` lock, by id."""
    tag = run.settings.managed_tag
    parameters: dict[str, Any] = {"LockReason": "recycling", **({"Tag": [tag.parameter]} if tag else {})}
    found = describe_instances(run.ecs, "instances under the lock", parameters)
    # A filter that the API does not understand would show all instances.
    ours = (instance for instance in found if locked(instance) and is_spot(instance) and _managed(run, instance))
    return {str(instance["InstanceId"]): instance for instance in ours}


def _managed(run: Context, instance: Described) -> bool:
    return run.settings.managed_tag is None or run.settings.managed_tag.matches(tags_of(instance))


def instances(run: Context, instance_ids: Iterable[str]) -> tuple[dict[str, Described], dict[str, CloudError]]:
    """The existing instances, by id, and the ids that the API refuses.

    A refused id makes the API refuse the whole call: then each half is described alone. Raises ``CloudError`` for a
    refusal that passes by itself, or that concerns more than a few ids.
    """
    left = list(chunks(sorted(instance_ids), IDS_PER_CALL))
    found: dict[str, Described] = {}
    errors: dict[str, CloudError] = {}
    while left:
        chunk = left.pop()
        try:
            found |= instances_by_id(run.ecs, chunk)
        except CloudError as error:
            if passes_by_itself(error) or len(errors) >= MOST_REFUSED:
                raise
            if len(chunk) == 1:
                errors[chunk[0]] = error
            else:
                left += [chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]]
    return found, errors


def rescue(run: Context, instance_id: str, seen: Candidates) -> RescueState:
    """The state of a candidate's rescue; while a call works on it, its records are not read."""
    instance, indexed = seen.described.get(instance_id), instance_id in seen.indexed
    managed, number = instance is None or _managed(run, instance), seen.indexed.get(instance_id, 1)
    unknown, lock = seen.unknown(instance_id), locked(instance)
    state = RescueState(instance_id, number, instance, unknown, lock, managed=managed, indexed=indexed)
    state = _with_signs(run, state, seen)
    if state.alive_at is not None and run.now - state.alive_at <= SILENT_SECONDS:
        return state
    state = _with_signs(run, _latest(run, state), seen)
    if state.needs_human_since is None:
        return state
    invoked = f"{run.home}/sweeps/{state.name}/invoked-"
    count = len(run.journal.keys(invoked))
    newly = state.locked and count > 0 and _found_no_lock(run, f"{invoked}{count}")
    return replace(state, invocations=count, newly_locked=newly)


def _found_no_lock(run: Context, invoked: str) -> bool:
    """Whether an invocation was made without the lock; True where that cannot be read."""
    try:
        return (run.journal.read(invoked) or {}).get("locked") is False
    except UnreadableRecord:
        return True


def _latest(run: Context, state: RescueState) -> RescueState:
    """With the records of the latest episode. Raises ``JournalUnavailable`` where they cannot be listed."""
    found = episode.glance(run.journal, run.home, state.instance_id)
    number = found.number if found.records else state.number
    indexed = state.indexed and number == state.number
    state = replace(state, number=number, records=frozenset(found.records), indexed=indexed)
    try:
        return _read(state, found, run.now)
    except UnreadableRecord as error:
        inaccessible = error if isinstance(error, InaccessibleRecord) else None
        return replace(state, unreadable=str(error), error=inaccessible)


def _read(state: RescueState, found: Episode, now: float) -> RescueState:
    if _is_foreign_end(found):
        state = replace(state, records=state.records - {"done"})
    if state.locked and (begun := _look_at_event(state, found)):
        later = now > float(begun["notice_end"]) + episode.LATER_EVENT_SECONDS
        state = replace(state, locked_later=later and not in_stop_mode(begun))
    if "lost" in state.records:
        return replace(state, end=found.look("lost"))
    if not state.open or not (event := _look_at_event(state, found)):
        return state
    state = replace(state, event=event, notice_end=float(event["notice_end"]))
    return replace(state, opened_at=epoch_seconds(str(event.get("opened_at") or "")))


def _look_at_event(state: RescueState, found: Episode) -> Mapping[str, Any]:
    return found.look("event") if "event" in state.records else {}


def _is_foreign_end(found: Episode) -> bool:
    """Whether ``done`` is broken, and no end."""
    try:
        return "done" in found.records and not found.look("done")
    except BrokenRecord:
        return True


def stale_index(run: Context, seen: Candidates, rescues: Sequence[RescueState]) -> Iterator[str]:
    """Keys of the index whose rescue is over, was lost more than a day ago, never began, or has a successor.

    The entry of an unknown instance stays: it is all that names its rescue.
    """
    latest = {rescue.instance_id: rescue.number for rescue in rescues if rescue.records}
    old = sorted(key for key in seen.index if key[1] < latest.get(key[0], 0))
    known = (rescue for rescue in rescues if rescue.indexed and not rescue.unreadable and not rescue.unknown)
    ended = (rescue.key for rescue in known if _is_stale(run, rescue))
    return (rescue_index.open_key(run.home, key) for key in (*old, *ended))


def _is_stale(run: Context, rescue: RescueState) -> bool:
    if "done" in rescue.records:
        return True
    if "lost" in rescue.records:
        at = rescue.end.get("at")
        return isinstance(at, (int, float)) and run.now - at > DAY
    unbegun = "event" not in rescue.records and rescue.instance is not None and not rescue.locked
    if (rescue.records or rescue.signs) and not unbegun:
        return False
    return run.now - written_at(run, rescue_index.open_key(run.home, rescue.key)) > UNBEGUN_SECONDS


def written_at(run: Context, key: str) -> float:
    """The time in a record; 0 where it has none, or a time in the future."""
    try:
        at = (run.journal.read(key) or {}).get("at")
    except UnreadableRecord:
        return 0.0
    return float(at) if isinstance(at, (int, float)) and at <= run.now + AHEAD_SECONDS else 0.0


def _with_signs(run: Context, state: RescueState, seen: Candidates) -> RescueState:
    """With its signs of life, without signs of the future: such a sign would keep all calls from it for ever."""
    signs = (sign for sign in seen.signs.get(state.key, ()) if sign.at <= run.now + AHEAD_SECONDS)
    return replace(state, signs=tuple(signs))


def stale_signs(run: Context, seen: Candidates, rescues: Iterable[RescueState]) -> list[str]:
    """Keys of signs that tell nothing: of the future, of rescues that are not open, of calls that died long ago.

    Endings of open rescues stay: they tell since when a human is needed.
    """
    closed = {rescue.key for rescue in rescues if rescue.ended}
    found: list[str] = []
    for key, signs in seen.signs.items():
        ended = key in closed or seen.indexed.get(key[0]) != key[1]
        late = [sign for sign in signs if run.now - sign.at > LATE_SECONDS and (ended or not sign.ending)]
        future = [sign for sign in signs if sign.at > run.now + AHEAD_SECONDS]
        found += [sign.key(run.home) for sign in (*late, *future)]
    return found


def held_episodes(images: Iterable[Described], now: float) -> set[str]:
    """The episodes whose image carries the hold tag."""
    return {tags[EPISODE_TAG] for image in images if is_held(tags := tags_of(image), now) and EPISODE_TAG in tags}
