"""A replacement that is interrupted itself before it serves.

Two rescues meet then: the one that launched it and still owes it the groups, and its own. Its own takes over what is
owed, and gives it to its successor; the first one ends as soon as that has begun. Where its own never begins, or is
lost, the first one launches another replacement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rescue.context import Context
from rescue.state import Replacement, State
from spotkeeper import episode
from spotkeeper.episode import EPISODE_TAG, Episode
from spotkeeper.errors import BrokenRecord, RescueFailed
from spotkeeper.instances import Described, tags_of
from spotkeeper.load_balancers import Membership
from spotkeeper.load_balancers.membership import is_batch, is_complete, recorded

MOST_REPLACEMENTS = 3
"""So many are launched one after the other where each is released before it serves; then a human is asked."""

Records = Mapping[str, Mapping[str, Any]]


def record_name(records: Records) -> str:
    """``replacement``, or ``replacement-<n>`` where the ones before are gone: the record that names who takes over."""
    number = 1
    while (name := f"replacement-{number}" if number > 1 else "replacement") in records:
        if f"gone-{records[name].get('instance_id')}" not in records:
            break
        number += 1
    return name


def named(records: Records) -> Mapping[str, Any] | None:
    """The record of the replacement, unless there is none yet or all that were launched are gone."""
    return records.get(record_name(records))


def interrupted(run: Context, state: State, seen: Described | None) -> State:
    """What the first rescue does about a replacement that is under the lock (``seen``) or gone (None).

    Raises ``RescueFailed`` where only time or a human can tell more.
    """
    if "serving" in state.records:
        return _passed_on(state, f"{state.replacement_id} served, and was interrupted itself before this rescue ended")
    own = episode.glance(run.episode.journal(), run.episode.home, state.replacement_id)
    if "event" in own.records and "lost" not in own.records:
        run.episode.record("handed-over", {"to": own.name, "at": run.clock.now()})
        return _passed_on(state, f"{state.replacement_id} was interrupted before it served: {own.name} rescues it")
    if seen is not None:
        raise RescueFailed(
            f"replacement {state.replacement_id} is to be reclaimed itself, and its own rescue has not begun yet: it "
            "is put in no group; the next call looks again"
        )
    return _launch_another(run, state)


def _passed_on(state: State, why: str) -> State:
    """Nothing is left to do about the replacement."""
    return state.replace(replacement=Replacement.RUNNING, returned=True, health_asked=True).warn(why)


def _launch_another(run: Context, state: State) -> State:
    run.episode.record(f"gone-{state.replacement_id}", {"at": run.clock.now()})
    gone = [name for name in run.episode.records if name.startswith("gone-")]
    if len(gone) >= MOST_REPLACEMENTS:
        image = f"The image {state.image_id} is safe. " if state.image_id else ""
        raise RescueFailed(
            f"{len(gone)} replacements of {run.instance_id} were released before they served. {image}Find out by "
            f"whom, and launch another one by hand; the memberships to give it are in the journal "
            f"({run.episode.key('memberships')})"
        )
    return state.replace(replacement=Replacement.NONE, replacement_id="", launched_here=False).warn(
        f"replacement {state.replacement_id} was released before it served: another one is launched"
    )


def launched_by(run: Context, state: State) -> Episode | None:
    """The rescue whose replacement the source is, with the records that tell; None where it is nobody's.

    The source's tag says where to look, the record ``replacement`` decides. Raises ``JournalUnavailable``.
    """
    tag = tags_of(state.source).get(EPISODE_TAG) or str(state.records.get("event", {}).get("launched_by") or "")
    hint = episode.named(tag)
    if hint is None or hint[0] == run.instance_id:
        return None
    first = episode.glance(run.episode.journal(), run.episode.home, *hint)
    try:
        for name in [one for one in first.records if one.startswith("replacement")]:
            first.look(name)
    except BrokenRecord:
        return None  # a record of another rescue that cannot be read proves nothing
    record = named(first.records)
    return first if record is not None and record.get("instance_id") == run.instance_id else None


def owed(run: Context, first: Episode) -> list[Membership]:
    """The memberships that ``first`` has launched the source for and not given it yet, as if it were in them.

    Raises ``RescueFailed`` where that cannot be told yet, ``JournalUnavailable``.
    """
    if "serving" in first.records:
        return []
    try:
        for name in filter(is_batch, list(first.records)):
            first.look(name)
    except BrokenRecord as error:
        raise RescueFailed(f"what {first.name} owes its replacement {run.instance_id} is not known: {error}") from None
    if not is_complete(first.records):
        raise RescueFailed(
            f"{run.instance_id} is the replacement of {first.instance_id}, whose memberships are not all recorded "
            "yet: the next call looks again"
        )
    return [
        replace(one, server_id=run.instance_id, server_ip="")
        for one in recorded(first.records)
        if one.server_id == first.instance_id
    ]
