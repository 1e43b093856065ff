"""A replacement that is itself interrupted before it serves.

Two rescues then meet: the first rescue, which has launched the replacement and still owes it the memberships, and the
replacement's own rescue. The own rescue takes over what is owed, and gives it to its replacement; the first rescue ends
as soon as the own rescue has begun. If the own rescue never begins, or is lost, the first launches another replacement.
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
from spotkeeper.load_balancers.membership import Records, is_batch, is_complete, recorded

MOST_REPLACEMENTS = 3
"""So many replacements are launched in turn if each is released before it serves; then a human is asked."""


def record_name(records: Records) -> str:
    """The name of the replacement's record: ``replacement``, or ``replacement-<n>`` if the earlier were released."""
    number = 1
    while (name := f"replacement-{number}" if number > 1 else "replacement") in records:
        if f"gone-{records[name].get('instance_id')}" not in records:
            break
        number += 1
    return name


def launched(records: Records) -> Mapping[str, Any] | None:
    """The record of the replacement; None before the launch, and after the release of all launched replacements."""
    return records.get(record_name(records))


def interrupted(run: Context, state: State, seen: Described | None) -> State:
    """What the first rescue does about a replacement under the lock (``seen``) or released (None).

    A replacement that ran and is not shown is waited for first: DescribeInstances can show nothing for a moment. Raises
    ``RescueFailed`` if the next call or a human has to go on.
    """
    replacement_id = state.replacement_id
    if "serving" in state.records:
        return _settle(state, f"{replacement_id} served, and was itself interrupted before this rescue ended")
    own = episode.glance(run.episode.journal(), run.episode.home, replacement_id)
    if "event" in own.records and "lost" not in own.records:
        run.episode.record("handed-over", {"to": own.name, "at": run.clock.now()})
        return _settle(state, f"{replacement_id} was interrupted before it served: {own.name} rescues it")
    if seen is not None:
        raise RescueFailed(
            f"replacement {replacement_id} is to be reclaimed itself, and its own rescue has not begun yet: it is put "
            "in no group; the next call looks again"
        )
    if state.replacement is Replacement.RUNNING:
        return state.replace(replacement=Replacement.STARTING, launched_here=False)  # look before it is added again
    return _launch_another(run, state)


def _settle(state: State, why: str) -> State:
    """Nothing is left to do about the replacement."""
    return state.replace(replacement=Replacement.RUNNING, returned=True, health_asked=True).warn(why)


def _launch_another(run: Context, state: State) -> State:
    run.episode.record(f"gone-{state.replacement_id}", {"at": run.clock.now()})
    gone = [name for name in run.episode.records if name.startswith("gone-")]
    if len(gone) >= MOST_REPLACEMENTS:
        image = f"The image {state.image_id} is safe. " if state.image_id else ""
        raise RescueFailed(
            f"{len(gone)} replacements of {run.instance_id} were released before they served. {image}Find out why, and "
            f"launch a replacement by hand; its memberships are in the journal ({run.episode.key('memberships')})"
        )
    warned = state.warn(
        f"replacement {state.replacement_id} was released before it served: another replacement is launched"
    )
    return warned.replace(
        replacement=Replacement.NONE, replacement_id="", launched_here=False, duplicates_checked=False
    )


def launched_by(run: Context, state: State) -> Episode | None:
    """The rescue whose replacement the source is, with its records; None if the source is no replacement.

    The source's tag says where to look, the record ``replacement`` decides. Raises ``JournalUnavailable``.
    """
    tag = tags_of(state.source).get(EPISODE_TAG) or str(state.records.get("event", {}).get("launched_by") or "")
    hint = episode.named(tag)
    if hint is None or hint[0] == run.instance_id:
        return None
    first = episode.glance(run.episode.journal(), run.episode.home, *hint)
    try:
        for name in [name for name in first.records if name.startswith("replacement")]:
            first.look(name)
    except BrokenRecord:
        return None  # a broken record of another rescue proves nothing
    record = launched(first.records)
    return first if record is not None and record.get("instance_id") == run.instance_id else None


def owed(run: Context, first: Episode) -> list[Membership]:
    """The memberships that the rescue ``first`` has not given to the source yet, as memberships of the source.

    Raises ``RescueFailed`` if they are not known yet, ``JournalUnavailable``.
    """
    if "serving" in first.records:
        return []
    try:
        for name in filter(is_batch, list(first.records)):
            first.look(name)
    except BrokenRecord as error:
        what = f"the memberships that {first.name} owes its replacement {run.instance_id} are not known"
        raise RescueFailed(f"{what}: {error}") from None
    if not is_complete(first.records):
        raise RescueFailed(
            f"{run.instance_id} is the replacement of {first.instance_id}, whose memberships are not all recorded yet: "
            "the next call looks again"
        )
    found = [member for member in recorded(first.records) if member.server_id == first.instance_id]
    return [replace(member, server_id=run.instance_id, server_ip="") for member in found]
