"""An episode: the rescue of an instance, as its records tell it. They outlive the instance and the call.

    <account>/<region>/rescues/<instance>/<episode>/
        attempt-<n>    one per call: its request id and its deadline
        event          the notice: when it ends, what kind of rescue this is
        disks          the flags as they were, before the first is changed
        launch-spec    everything of the source that its replacement gets
        memberships    every group, port and weight, before the first weight is changed; whether the search is complete
        memberships-<n>  the memberships found after an incomplete search
        drained        the time at which the weights were 0
        removing       the source is about to leave its groups, and some of them do not have weight 0
        image-<k>      the k-th CreateImage is about to be requested
        failed-<k>     the k-th image failed
        usable         the image that stays, and since when it was usable
        launch-request-<n>-<k>  the parameters of the k-th RunInstances of attempt n, before the request
        launch-request-refused-<token>  such a request was refused for good, and has launched nothing
        launched-<id>  an instance that RunInstances has launched, and its request
        deleted-<id>   such an instance was a duplicate and is deleted
        replacement    the instance that stays; replacement-<n>: a successor, after a release
        gone-<id>      a replacement was released before it served
        handed-over    the replacement's own rescue gives its successor the memberships that this rescue still owed
        running        since when the replacement runs
        serving        since when it is in the groups
        done | lost    the end, with the answer

An instance has an episode for each notice: in stop mode it may return; in terminate mode it may outlive a rescue that
a test event began, or whose lock was lifted.

The shape of a record is checked when it is read (``spotkeeper.records``). Describe shows the content of ``DESCRIBED``
records too: a record that is broken, or that Describe contradicts, is superseded by ``launch-spec.2``,
``launch-spec.3`` … The highest readable version counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from spotkeeper.errors import BrokenRecord
from spotkeeper.instances import in_stop_mode
from spotkeeper.journal import Journal
from spotkeeper.records import EXPIRED, checked, in_reach

FOLDER = "rescues"
EPISODE_TAG = "spotkeeper:episode"
"""On resources of a rescue: ``<instance>/<episode>``. For people and for filters; the journal decides."""
DESCRIBED = re.compile(r"disks|launch-spec|memberships(-[0-9]{1,9})?|usable|running")
"""Records that can be superseded: Describe shows their content again (their times at the latest)."""
MOVED_AWAY = 9
"""So many records of a family may have been moved away by a human (see ``records.in_reach``)."""
EPISODE = r"(?P<instance>i-[a-z0-9]{1,40})/(?P<number>[0-9]{1,9})"
"""The pattern of an episode in a key or a tag; it becomes part of a path."""
EpisodeKey = tuple[str, int]
"""Instance id and number of an episode."""
_NUMBER = re.compile(r"[0-9]{1,9}")
_RECORD = re.compile(r"(?P<number>[0-9]{1,9})/(?P<name>[^/]+)")
_ATTEMPT = re.compile(r"attempt-[0-9]{1,9}")


@dataclass
class Episode:
    """The records of a rescue. ``records`` has those that are known to stand.

    ``journal`` opens the journal: its SDK takes time to load and many events need no journal. ``home`` is
    ``<account>/<region>``. ``broken`` has the unreadable records, by name, ``versions`` the known versions of each
    record, the latest first. ``foreign`` has the numbers under which another program has written records.
    """

    journal: Callable[[], Journal]
    home: str
    instance_id: str
    number: int = 1
    records: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    broken: dict[str, BrokenRecord] = field(default_factory=dict)
    versions: dict[str, list[int]] = field(default_factory=dict)
    foreign: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The value of ``EPISODE_TAG``."""
        return f"{self.instance_id}/{self.number}"

    @property
    def episode_key(self) -> EpisodeKey:
        """Instance id and number."""
        return self.instance_id, self.number

    def record(self, name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write a record unless its name is taken; keep and return the standing record.

        Raises ``JournalUnavailable``, and ``BrokenRecord`` where the standing record is broken and cannot be
        superseded.
        """
        while True:
            key = self._key_of(name, self.versions.setdefault(name, [1])[0])
            try:
                self.records[name] = checked(name, self.journal().create(key, dict(document)), key)
            except BrokenRecord as error:
                self._supersede_broken(name, error)
            else:
                return self.records[name]

    def supersede(self, name: str) -> None:
        """Drop the standing record: the next ``record`` of this name writes a new version."""
        self.records.pop(name, None)
        versions = self.versions.setdefault(name, [1])
        versions.insert(0, versions[0] + 1)

    def claim(self, family: str, document: Mapping[str, Any]) -> int:
        """Write the next free record of a numbered family (``attempt-1``, ``attempt-2`` …); return its number."""
        number = 1 + self.last(family)
        while True:
            with suppress(BrokenRecord):  # another program has written it since the records were listed
                if self.record(f"{family}-{number}", document) == dict(document):
                    return number
            number += 1

    def look(self, name: str) -> Mapping[str, Any]:
        """The latest readable version of a record; empty where there is none.

        Raises ``JournalUnavailable``, and ``BrokenRecord`` for a record that cannot be superseded. Broken records that
        can are in ``broken``.
        """
        if self.records.get(name):
            return self.records[name]
        for version in list(self.versions.setdefault(name, [1])):
            key = self._key_of(name, version)
            try:
                standing = self.journal().read(key)
                if standing is not None:
                    self.records[name] = checked(name, standing, key)
                    break
            except BrokenRecord as error:
                self._supersede_broken(name, error)
        return self.records.get(name, {})

    @property
    def open(self) -> bool:
        """Whether the rescue has begun and not ended, by the names of its records."""
        return "event" in self.records and not {"done", "lost"} & self.records.keys()

    def last(self, family: str) -> int:
        """The highest known number of a numbered family; 0 where there is none."""
        numbers = (name.removeprefix(f"{family}-") for name in self.records if name.startswith(f"{family}-"))
        return max(in_reach((int(number) for number in numbers if _NUMBER.fullmatch(number)), MOVED_AWAY), default=0)

    def names(self) -> list[str]:
        """The names of all records, also of those that other calls have written since."""
        start = len(self.key(""))
        return [key[start:] for key in self.journal().keys(self.key(""))]

    def _supersede_broken(self, name: str, error: BrokenRecord) -> None:
        if not DESCRIBED.fullmatch(name):
            raise error
        self.broken.setdefault(name, error)
        self.supersede(name)

    def _key_of(self, name: str, version: int) -> str:
        return self.key(name if version == 1 else f"{name}.{version}")

    def key(self, name: str) -> str:
        """The record's key in the journal."""
        return f"{self.home}/{FOLDER}/{self.instance_id}/{self.number}/{name}"


LATER_EVENT_SECONDS = 600.0
"""An event so long after the end of the recorded notice tells of another notice, if the instance is under the lock."""
OLD_SECONDS = 86_400.0
"""An unfinished rescue is so long after its notice about another notice, if the instance is under the lock. A finished
rescue is not: should a lock never end, each further rescue would launch a replacement."""


def latest(blank: Episode) -> Episode:
    """The instance's latest episode with all its records; empty where it has none. Raises ``JournalUnavailable``."""
    episode = glance(blank.journal(), blank.home, blank.instance_id)
    for name in list(episode.records):
        # The content of an attempt is for operators, and only the last launch requests count: names are enough here.
        if not name.startswith(("attempt-", "launch-request-")):
            episode.look(name)
    return episode


def load(blank: Episode, event_time: float | None, now: float, *, under_lock: bool) -> Episode:
    """The episode of an event: the latest, or the next if the latest is about an earlier notice.

    A closed episode stays closed. In stop mode an event after the end opens the next episode; in terminate mode a later
    notice does, if the instance is under the lock. Raises ``JournalUnavailable``.
    """
    episode = latest(blank)
    if _is_over(episode.records, event_time, now, under_lock=under_lock):
        number = next(number for number in count(episode.number + 1) if number not in episode.foreign)
        return Episode(blank.journal, blank.home, blank.instance_id, number, foreign=episode.foreign)
    return episode


def _is_over(
    records: Mapping[str, Mapping[str, Any]], event_time: float | None, now: float, *, under_lock: bool
) -> bool:
    """Whether the rescue is about an earlier notice. An event time in the future tells nothing."""
    event, end = records.get("event"), records.get("done") or records.get("lost")
    if in_stop_mode(event):
        return (now if event_time is None else event_time) > float(end["at"]) if end else False
    if not event or not under_lock:
        return False
    told = -math.inf if event_time is None else min(event_time, now)
    over = float(event["notice_end"])
    return told > over + LATER_EVENT_SECONDS or (not end and now > over + OLD_SECONDS)


def _current(folders: Mapping[int, Collection[str]]) -> int:
    """The latest episode that was begun; where none was, the first number that is free of foreign records."""
    begun = (number for number, names in folders.items() if "event" in names and not _is_foreign(names))
    latest = max(in_reach(begun, EXPIRED), default=None)
    return next(number for number in count(1) if not _is_foreign(folders.get(number, ()))) if latest is None else latest


def has_attempt(names: Iterable[str]) -> bool:
    """Whether a call has begun: it records its attempt before all other records but a loss."""
    return any(_ATTEMPT.fullmatch(name) for name in names)


def _is_foreign(names: Collection[str]) -> bool:
    """Whether another program wrote these records."""
    return not {"lost"}.issuperset(names) and not has_attempt(names)


def _by_name(names: Iterable[str]) -> dict[str, list[int]]:
    """The versions of each record, the latest first."""
    found: dict[str, list[int]] = {}
    for versioned in names:
        name, _, version = versioned.partition(".")
        if not version or (DESCRIBED.fullmatch(name) and _NUMBER.fullmatch(version)):
            found.setdefault(name, []).append(int(version or 1))
    ours = ((name, in_reach(versions, MOVED_AWAY)) for name, versions in found.items())
    return {name: sorted(versions, reverse=True) for name, versions in ours if versions}


def glance(journal: Journal, home: str, instance_id: str, number: int | None = None) -> Episode:
    """An episode of the instance (without ``number`` the latest that was begun), with the names of its records.

    Records that were written before the first call of their episode belong to none. No record is read: the cost is a
    listing. Raises ``JournalUnavailable``.
    """
    prefix = f"{home}/{FOLDER}/{instance_id}/"
    folders: dict[int, set[str]] = {}
    for key in journal.keys(prefix):
        if match := _RECORD.fullmatch(key, len(prefix)):
            folders.setdefault(int(match["number"]), set()).add(match["name"])
    number = _current(folders) if number is None else number
    versions = _by_name(folders.get(number, ()))
    known: dict[str, Mapping[str, Any]] = {name: {} for name in versions}
    foreign = tuple(sorted(other for other, names in folders.items() if _is_foreign(names)))
    return Episode(lambda: journal, home, instance_id, number, known, {}, versions, foreign)


def named(name: str) -> EpisodeKey | None:
    """The episode in the value of an ``EPISODE_TAG``, which any user can write, or None."""
    match = re.fullmatch(EPISODE, name)
    return (match["instance"], int(match["number"])) if match else None
