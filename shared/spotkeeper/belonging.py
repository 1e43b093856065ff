"""The rescue that an instance belongs to, by the journal: only that rescue starts the instance.

A tag is no proof, since users write and copy tags: it only says where to look.
"""

from __future__ import annotations

from contextlib import suppress

from spotkeeper import episode
from spotkeeper.episode import EPISODE_TAG, Episode
from spotkeeper.errors import UnreadableRecord
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described, in_stop_mode, tags_of
from spotkeeper.journal import Journal

UNNAMED_SECONDS = 3_600.0
"""So long after its creation an instance with the tag of an open rescue belongs to that rescue without a record: the
call may have died between RunInstances and the record."""


def rescue_of(journal: Journal, home: str, instance: Described, now: float) -> str:
    """Why a stopped instance belongs to a rescue, a clause about the instance; empty where it belongs to none.

    Its own rescue keeps it stopped, also once the rescue is done: its replacement serves in its place. In stop mode it
    returns. A record ``lost`` is not believed while the source stands. Raises ``JournalUnavailable``, and
    ``UnreadableRecord`` for a record of its own rescue.
    """
    return _own(journal, home, str(instance["InstanceId"])) or _maker(journal, home, instance, now)


def _own(journal: Journal, home: str, instance_id: str) -> str:
    rescue = episode.glance(journal, home, instance_id)
    if "event" not in rescue.records or in_stop_mode(rescue.look("event")):
        return ""
    if "done" not in rescue.records:
        return f"its rescue {rescue.name} is not finished: until then only the rescue starts it"
    replacement = str(rescue.look("replacement").get("instance_id") or "")
    successor = f"{replacement} has replaced it" if replacement else "it is saved and drained for good"
    return f"its rescue {rescue.name} is finished: {successor}"


def _maker(journal: Journal, home: str, instance: Described, now: float) -> str:
    tagged = episode.named(tags_of(instance).get(EPISODE_TAG, ""))
    if tagged is None:
        return ""
    rescue = episode.glance(journal, home, *tagged)
    if not rescue.open or not _may_have_made(rescue, instance, now):
        return ""
    return f"it was made by a rescue that is not finished ({rescue.name}): it belongs to that"


def _may_have_made(rescue: Episode, instance: Described, now: float) -> bool:
    """Whether a record names the instance, or may still be written."""
    instance_id = str(instance["InstanceId"])
    if f"launched-{instance_id}" in rescue.records:
        return True
    with suppress(UnreadableRecord):  # a record of another instance
        if "replacement" in rescue.records and rescue.look("replacement").get("instance_id") == instance_id:
            return True
    created = epoch_seconds(str(instance.get("CreationTime") or ""))
    return created is not None and now - created < UNNAMED_SECONDS
