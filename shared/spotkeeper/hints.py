"""Hints in the journal: keys that tell where to look, so that nobody has to list all that ever was.

    <account>/<region>/open/rescues/<instance>/<episode>           an open rescue: made before ``event``, deleted after
                                                                   ``done``; of a lost one it stays for a day
    <account>/<region>/open/leftovers/<due>/<instance>/<episode>   what a finished rescue left is to be looked at from
                                                                   ``due`` on (seconds since 1970): made before ``done``
    <account>/<region>/alive/<instance>/<episode>/<attempt>-<time>[-<ending>]
                                                                   a call's latest sign of life, or how it ended

A hint is never proof: whoever finds one reads the records. One that is stale is harmless, and removed by the sweep.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from spotkeeper.episode import Episode
from spotkeeper.errors import JournalUnavailable
from spotkeeper.journal import Journal

SIGN_SECONDS = 20.0
"""A call that works on a rescue leaves a sign of life so often, and never sleeps for longer at once."""
AGAIN = "again"
"""Ending of a call whose error passes by itself, or whose time was up."""
HUMAN = "human"
"""Ending of a call whose error somebody has to settle."""

LISTED = 1000
"""Keys of one listing."""
_EPISODE = r"(?P<instance>i-[a-z0-9]{1,40})/(?P<number>[0-9]{1,9})"
_OPEN = re.compile(_EPISODE)
_LEFTOVER = re.compile(rf"(?P<due>[0-9]{{10}})/{_EPISODE}")
_SIGN = re.compile(rf"{_EPISODE}/(?P<attempt>[0-9]{{1,9}})-(?P<at>[0-9]{{1,12}})(?:-(?P<ending>{AGAIN}|{HUMAN}))?")

Key = tuple[str, int]
"""Instance id and number of the episode."""


@dataclass(frozen=True)
class Sign:
    """A sign of life of one call; ``ending`` is empty while it works. ``at``: whole seconds since 1970."""

    episode: Key
    attempt: int
    at: int
    ending: str = ""

    def key(self, home: str) -> str:
        """Where it stands; ``home`` is ``<account>/<region>``."""
        ending = f"-{self.ending}" if self.ending else ""
        return f"{home}/alive/{self.episode[0]}/{self.episode[1]}/{self.attempt}-{self.at}{ending}"


@dataclass(frozen=True)
class Due:
    """A finished rescue whose leftovers are to be looked at from ``at`` on."""

    episode: Key
    at: int

    def key(self, home: str) -> str:
        """Where it stands."""
        return f"{home}/open/leftovers/{self.at:010}/{self.episode[0]}/{self.episode[1]}"


def open_key(home: str, episode: Key) -> str:
    """Where the index says that a rescue is open."""
    return f"{home}/open/rescues/{episode[0]}/{episode[1]}"


def begin(episode: Episode, document: Mapping[str, Any], now: float) -> None:
    """Record ``event``, the index first: a call may die between the two. Raises ``JournalUnavailable``."""
    if "event" not in episode.records:
        episode.journal().hint(open_key(episode.home, _key(episode)), {"at": now})
    episode.record("event", document)


def finish(episode: Episode, document: Mapping[str, Any], now: float, *, leaves: bool) -> str:
    """Record ``done``; ``leaves``: something of the rescue has to be cleaned up some day.

    Returns why its entry in the index stays, empty where it does not. Raises ``JournalUnavailable``.
    """
    if leaves:
        episode.journal().hint(Due(_key(episode), int(now)).key(episode.home), {})
    episode.record("done", document)
    try:
        episode.journal().delete(open_key(episode.home, _key(episode)), patience=0.0)
    except JournalUnavailable as error:
        return f"{error} (harmless: the sweep removes what stays)"
    return ""


def open_rescues(journal: Journal, home: str) -> set[Key]:
    """What the index says is open. Raises ``JournalUnavailable``."""
    prefix = f"{home}/open/rescues/"
    found = (_OPEN.fullmatch(key.removeprefix(prefix)) for key in journal.keys(prefix))
    return {(one["instance"], int(one["number"])) for one in found if one}


def leftovers_due(journal: Journal, home: str, now: float, most: int) -> list[Due]:
    """At most so many rescues whose leftovers are due, the longest due first. Raises ``JournalUnavailable``.

    What somebody else has put among the keys takes nobody's place.
    """
    prefix = f"{home}/open/leftovers/"
    found = (_LEFTOVER.fullmatch(key.removeprefix(prefix)) for key in journal.keys(prefix, most=LISTED))
    every = (Due((one["instance"], int(one["number"])), int(one["due"])) for one in found if one)
    return list(islice((one for one in every if one.at <= now), most))


def signs(journal: Journal, home: str) -> dict[Key, list[Sign]]:
    """Every call's signs of life, by rescue, in their order. Raises ``JournalUnavailable``."""
    prefix = f"{home}/alive/"
    by_rescue: dict[Key, list[Sign]] = {}
    for key in journal.keys(prefix):
        if one := _SIGN.fullmatch(key.removeprefix(prefix)):
            rescue = one["instance"], int(one["number"])
            sign = Sign(rescue, int(one["attempt"]), int(one["at"]), one["ending"] or "")
            by_rescue.setdefault(rescue, []).append(sign)
    return {rescue: sorted(found, key=lambda one: (one.at, one.ending)) for rescue, found in by_rescue.items()}


def _key(episode: Episode) -> Key:
    return episode.instance_id, episode.number
