"""To which rescue an instance belongs, as the journal tells: nobody but that rescue starts it.

A tag is no proof, since it is the user's to write and to copy: it only says where to look.
"""

from __future__ import annotations

from spotkeeper import episode
from spotkeeper.episode import EPISODE_TAG, Episode
from spotkeeper.errors import UnreadableRecord
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described, in_stop_mode, tags_of
from spotkeeper.journal import Journal

UNNAMED_SECONDS = 3_600.0
"""So long after it was created an instance with the tag of an open rescue is left to that rescue without a record that
names it: its call may have died between RunInstances and the record. Afterwards the tag is just a tag."""


def rescue_of(journal: Journal, home: str, instance: Described, now: float) -> str:
    """Why a stopped instance belongs to a rescue, a clause about the instance; empty where it belongs to none.

    Its own rescue keeps it stopped from the beginning on, and for ever once it is done: it has been given up, and most
    likely something else serves in its place. Not so in stop mode, where it comes back. That a rescue was lost is not
    believed while its source stands. Raises ``JournalUnavailable``, and ``UnreadableRecord`` for its own rescue's.
    """
    return _own(journal, home, str(instance["InstanceId"])) or _made_by(journal, home, instance, now)


def _own(journal: Journal, home: str, instance_id: str) -> str:
    rescue = episode.glance(journal, home, instance_id)
    if "event" not in rescue.records or in_stop_mode(rescue.look("event")):
        return ""
    if "done" not in rescue.records:
        return f"its rescue {rescue.name} is not finished: until that is over it stays as its rescue wants it"
    replacement = str(rescue.look("replacement").get("instance_id") or "")
    successor = f"{replacement} has replaced it" if replacement else "it is saved and drained for good"
    return f"its rescue {rescue.name} is finished: {successor}"


def _made_by(journal: Journal, home: str, instance: Described, now: float) -> str:
    hint = episode.named(tags_of(instance).get(EPISODE_TAG, ""))
    if hint is None:
        return ""
    rescue = episode.glance(journal, home, *hint)
    if not rescue.open or not _may_be_its(rescue, instance, now):
        return ""
    return f"it was made by a rescue that is not finished ({rescue.name}): it belongs to that"


def _may_be_its(rescue: Episode, instance: Described, now: float) -> bool:
    """Whether a record names it, or may still come to name it."""
    if _names(rescue, str(instance["InstanceId"])):
        return True
    created = epoch_seconds(str(instance.get("CreationTime") or ""))
    return created is not None and now - created < UNNAMED_SECONDS


def _names(rescue: Episode, instance_id: str) -> bool:
    if f"launched-{instance_id}" in rescue.records:
        return True
    try:
        return "replacement" in rescue.records and rescue.look("replacement").get("instance_id") == instance_id
    except UnreadableRecord:  # the other instance's, and nothing that concerns this one
        return False
