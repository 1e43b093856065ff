"""The index of rescues in the journal: keys that spare the sweep a listing of all records.

    <account>/<region>/open/rescues/<instance>/<episode>           an open rescue: made before its records, deleted
                                                                   after ``done``; of a lost rescue it stays for a day
    <account>/<region>/open/leftovers/<due>/<instance>/<episode>   leftovers to look at from ``due`` on (seconds since
                                                                   1970): made before ``done``

An entry is a hint and never proof: its reader reads the records. A stale entry is harmless, and the sweep removes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from spotkeeper.episode import EPISODE, Episode, EpisodeKey
from spotkeeper.errors import JournalUnavailable
from spotkeeper.journal import Journal

LISTED = 1000
"""Keys per listing."""
_OPEN = re.compile(EPISODE)
_LEFTOVER = re.compile(rf"(?P<due>[0-9]{{10}})/{EPISODE}")


@dataclass(frozen=True)
class Due:
    """A finished rescue whose leftovers are to be looked at from ``at`` on."""

    episode: EpisodeKey
    at: int

    def key(self, home: str) -> str:
        """The entry's key; ``home`` is ``<account>/<region>``."""
        return f"{home}/open/leftovers/{self.at:010}/{self.episode[0]}/{self.episode[1]}"


def open_key(home: str, episode: EpisodeKey) -> str:
    """The key of the entry of an open rescue."""
    return f"{home}/open/rescues/{episode[0]}/{episode[1]}"


def begin(episode: Episode, now: float) -> None:
    """Make the entry of an open rescue, before its first record. Raises ``JournalUnavailable``."""
    if "event" not in episode.records:
        episode.journal().hint(open_key(episode.home, episode.episode_key), {"at": now})


def finish(episode: Episode, document: Mapping[str, Any], now: float, *, leaves: bool) -> str:
    """Record ``done``; ``leaves``: the rescue leaves resources to clean up.

    Returns why its entry in the index stays, empty where it does not. Raises ``JournalUnavailable``.
    """
    if leaves:
        episode.journal().hint(Due(episode.episode_key, int(now)).key(episode.home), {})
    episode.record("done", document)
    try:
        episode.journal().delete(open_key(episode.home, episode.episode_key), patience=0.0)
    except JournalUnavailable as error:
        return f"{error} (harmless: the sweep removes the entry)"
    return ""


def open_rescues(journal: Journal, home: str) -> set[EpisodeKey]:
    """The open rescues. Raises ``JournalUnavailable``."""
    prefix = f"{home}/open/rescues/"
    found = (_OPEN.fullmatch(key.removeprefix(prefix)) for key in journal.keys(prefix))
    return {(match["instance"], int(match["number"])) for match in found if match}


def leftovers_due(journal: Journal, home: str, now: float, most: int) -> list[Due]:
    """At most ``most`` rescues whose leftovers are due, the longest due first. Raises ``JournalUnavailable``.

    A foreign key among the entries takes no entry's turn.
    """
    prefix = f"{home}/open/leftovers/"
    found = (_LEFTOVER.fullmatch(key.removeprefix(prefix)) for key in journal.keys(prefix, most=LISTED))
    every = (Due((match["instance"], int(match["number"])), int(match["due"])) for match in found if match)
    return list(islice((due for due in every if due.at <= now), most))
