"""What outlives the instance and the call: the records of one rescue.

    <account>/<region>/rescues/<instance>/<episode>/
        event          the notice: when it ends, what kind of rescue this is
        attempt-<n>    one per call: who works on it, and until when
        disks          the flags as they were, before the first is changed
        launch-spec    everything of the source that its replacement gets
        memberships    every group, port and weight, before the first weight is changed; whether the search is complete
        memberships-<n>  what was found after an incomplete one
        drained        when the weights were 0
        removing       the source is about to leave its groups, and some of them have not got weight 0
        image-<k>      the k-th image is about to be asked for
        failed-<k>     the k-th image failed
        usable         which image stays, and since when it was usable
        launch-request-<n>-<k>  what the k-th RunInstances of attempt n is about to request
        launched-<id>  an instance that RunInstances has launched, and by which request
        deleted-<id>   such an instance was a duplicate and is deleted
        replacement    which instance stays; replacement-<n>: after those before were released before they served
        gone-<id>      a replacement was released before it served
        handed-over    the replacement's own rescue gives its successor what this one still owed
        running        since when it runs
        serving        since when it is in the groups
        done | lost    the end, with the answer

A terminated instance has one episode in its life; one in stop mode may have several.

What is read is checked for its shape (``spotkeeper.records``). ``DESCRIBED`` records say what Describe says too: one
that is broken, or that Describe contradicts, is refused, and superseded by ``launch-spec.2``,
``launch-spec.3`` … The highest that can be read counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.errors import BrokenRecord
from spotkeeper.instances import in_stop_mode
from spotkeeper.journal import Journal
from spotkeeper.records import EXPIRED, checked, in_reach

FOLDER = "rescues"
EPISODE_TAG = "spotkeeper:episode"
"""On what a rescue made: ``<instance>/<episode>``. For people and for filters; the journal decides."""
DESCRIBED = re.compile(r"disks|launch-spec|memberships(-[0-9]{1,9})?|usable|running")
"""Records that can be superseded, since Describe can tell anew what they say (since when at the latest)."""
MOVED_AWAY = 9
"""So many records of a family may have been moved away by a human (see ``records.in_reach``)."""
_NUMBER = re.compile(r"[0-9]{1,9}")
_NAME = re.compile(r"i-[a-z0-9]{1,40}/[0-9]{1,9}")  # it becomes part of a path
_BEGUN = re.compile(r"([0-9]{1,9})/event")


@dataclass
class Episode:
    """One rescue's records. ``records`` holds those that are known to stand.

    ``journal`` opens the journal, only when it is needed: its SDK takes time to load and many events need none.
    ``home`` is ``<account>/<region>``. ``broken`` has the records that could not be read, by name,
    ``versions`` those that are known of each, the latest first.
    """

    journal: Callable[[], Journal]
    home: str
    instance_id: str
    number: int = 1
    records: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    broken: dict[str, BrokenRecord] = field(default_factory=dict)
    versions: dict[str, list[int]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The value of ``EPISODE_TAG``."""
        return f"{self.instance_id}/{self.number}"

    def record(self, name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write a record unless one of that name stands; remember and return the one that does.

        Raises ``JournalUnavailable``, and ``BrokenRecord`` where what stands has not the shape of such a record and
        cannot be superseded.
        """
        while True:
            key = self._key_of(name, self.versions.setdefault(name, [1])[0])
            try:
                self.records[name] = checked(name, self.journal().create(key, dict(document)), key)
            except BrokenRecord as error:
                self._refuse_broken(name, error)
            else:
                return self.records[name]

    def refuse(self, name: str) -> None:
        """Believe what stands under this name no more: the next ``record`` supersedes it."""
        self.records.pop(name, None)
        versions = self.versions.setdefault(name, [1])
        versions.insert(0, versions[0] + 1)

    def claim(self, family: str, document: Mapping[str, Any]) -> int:
        """Write the next free record of a numbered family (``attempt-1``, ``attempt-2`` …); return its number."""
        number = 1 + self.last(family)
        while not self._claimed(f"{family}-{number}", document):
            number += 1
        return number

    def _claimed(self, name: str, document: Mapping[str, Any]) -> bool:
        try:
            return self.record(name, document) == dict(document)
        except BrokenRecord:
            return False  # somebody else has written it, since the records were listed

    def look(self, name: str) -> Mapping[str, Any]:
        """A record that stands, the latest version that can be read; empty where there is none.

        Raises ``JournalUnavailable``, and ``BrokenRecord`` where Describe cannot tell anew what it said; such a one is
        in ``broken``.
        """
        if not self.records.get(name):
            self._read(name)
        return self.records.get(name, {})

    def _read(self, name: str) -> None:
        versions = self.versions.setdefault(name, [1])
        for version in list(versions):
            key = self._key_of(name, version)
            try:
                standing = self.journal().read(key)
                if standing is not None:
                    self.records[name] = checked(name, standing, key)
                    return
            except BrokenRecord as error:
                self._refuse_broken(name, error)

    @property
    def open(self) -> bool:
        """Whether it was begun and has not ended, by the names of its records."""
        return "event" in self.records and not {"done", "lost"} & self.records.keys()

    def last(self, family: str) -> int:
        """The highest number of a numbered family that is known to stand; 0 where there is none."""
        numbers = (name.removeprefix(f"{family}-") for name in self.records if name.startswith(f"{family}-"))
        return max(in_reach((int(number) for number in numbers if _NUMBER.fullmatch(number)), MOVED_AWAY), default=0)

    def names(self) -> list[str]:
        """The names of all records that stand by now, also those that other calls have written since."""
        start = len(self.key(""))
        return [key[start:] for key in self.journal().keys(self.key(""))]

    def _refuse_broken(self, name: str, error: BrokenRecord) -> None:
        if not DESCRIBED.fullmatch(name):
            raise error
        self.broken.setdefault(name, error)
        self.refuse(name)

    def _key_of(self, name: str, version: int) -> str:
        return self.key(name if version == 1 else f"{name}.{version}")

    def key(self, name: str) -> str:
        """The record's key in the journal, for a message."""
        return f"{self.home}/{FOLDER}/{self.instance_id}/{self.number}/{name}"


def load(blank: Episode, event_time: float) -> Episode:
    """The instance's latest episode with all its records; ``blank`` where it has none.

    A closed episode stays closed, but for stop mode: there an event that came after the end opens the next one.
    Raises ``JournalUnavailable``.
    """
    prefix = f"{blank.home}/{FOLDER}/{blank.instance_id}/"
    keys = [key.removeprefix(prefix) for key in blank.journal().keys(prefix)]
    episode = _standing(Episode(blank.journal, blank.home, blank.instance_id, _latest(keys)), keys)
    for name in list(episode.records):
        # An attempt's content is for the sweep, and of launch requests only the last ones count: here names are enough.
        if not name.startswith(("attempt-", "launch-request-")):
            episode.look(name)
    end = episode.records.get("done") or episode.records.get("lost")
    if end and in_stop_mode(episode.records.get("event")) and event_time > float(end["at"]):
        return Episode(blank.journal, blank.home, blank.instance_id, episode.number + 1)
    return episode


def _latest(keys: Iterable[str]) -> int:
    """The latest episode that was begun, whatever else is there; 1 where none was."""
    begun = (int(one[1]) for key in keys if (one := _BEGUN.fullmatch(key)))
    return max(in_reach(begun, EXPIRED), default=1)


def _standing(episode: Episode, keys: Iterable[str]) -> Episode:
    """The episode with the names of its records."""
    prefix = f"{episode.number}/"
    episode.versions = _by_name(key.removeprefix(prefix) for key in keys if key.startswith(prefix))
    episode.records = {name: {} for name in episode.versions}
    return episode


def _by_name(names: Iterable[str]) -> dict[str, list[int]]:
    """The versions of each record, the latest first."""
    found: dict[str, list[int]] = {}
    for one in names:
        name, _, version = one.partition(".")
        if not version or (DESCRIBED.fullmatch(name) and _NUMBER.fullmatch(version)):
            found.setdefault(name, []).append(int(version or 1))
    ours = ((name, in_reach(versions, MOVED_AWAY)) for name, versions in found.items())
    return {name: sorted(versions, reverse=True) for name, versions in ours if versions}


def glance(journal: Journal, home: str, instance_id: str, number: int | None = None) -> Episode:
    """An episode of the instance (without ``number`` the latest that was begun), none of its records read.

    ``records`` has their names. One listing, whatever the episode holds. Raises ``JournalUnavailable``.
    """
    blank = Episode(lambda: journal, home, instance_id)
    prefix = f"{home}/{FOLDER}/{instance_id}/"
    keys = [key.removeprefix(prefix) for key in journal.keys(prefix)]
    blank.number = _latest(keys) if number is None else number
    return _standing(blank, keys)


def named(name: str) -> tuple[str, int] | None:
    """Instance and number of an episode, from the value of an ``EPISODE_TAG`` (anybody can write it), or None."""
    instance_id, _, number = name.partition("/")
    return (instance_id, int(number)) if _NAME.fullmatch(name) else None
