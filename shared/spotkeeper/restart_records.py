"""The restarts of an instance: numbered records in the journal, each written once.

    <account>/<region>/restarts/<instance>/<n>/
        asked-<k>     a start is about to be asked for, for the k-th time
        refused-<k>   it was refused: no stock, arrears …
        accepted      a start was accepted; a later call records it after a lost answer, by StartTime
        running       the instance was seen running again
        reported      a call has reported that the limit is reached

Each stop has a single number, also where several calls work on it: restart n + 1 begins after the instance was seen
running after restart n. A restart counts if a start was accepted, or if its call died before it recorded the answer.

Records are checked: an unknown key or field is a ``BrokenRecord``, and the instance is not started until a human has
looked at the record.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.errors import BrokenRecord
from spotkeeper.journal import Journal
from spotkeeper.records import EXPIRED, in_reach
from spotkeeper.settings.state_change import RestartRules

SETTLED_SECONDS = 60.0
"""An instance that is Stopped so long after an accepted start has stopped again; before, Describe may lag behind."""
MOST_TRIES = 1_000
"""So many starts of a restart have records of their own: ten days of refusals, one every 15 minutes. Later the sweep
requests no start any more."""
AHEAD_SECONDS = 300.0
"""The clock of another machine may be ahead by so much. A record with a later time is not Spotkeeper's."""
_KEY = re.compile(r"(?P<number>[1-9][0-9]{0,8})/(?P<name>(?:asked|refused)-[1-9][0-9]{0,3}|accepted|running|reported)")


@dataclass(frozen=True)
class Restart:
    """One restart; ``records`` are its standing records, by name."""

    number: int
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def at(self) -> float:
        """The time of its start by the journal, in seconds since 1970."""
        return float((self.records.get("accepted") or self.records.get(f"asked-{self.asked}") or {}).get("at", 0.0))

    @property
    def counts(self) -> bool:
        """Whether a start was accepted, or may have been."""
        return "accepted" in self.records or not self._refused

    @property
    def unanswered(self) -> bool:
        """Whether a start was requested and its result is not recorded."""
        return self.asked > 0 and not self._refused and "accepted" not in self.records

    @property
    def attempt(self) -> int:
        """The number of the next start: the last number again where its answer is not recorded."""
        return min(self.asked + 1, MOST_TRIES) if self._refused else max(self.asked, 1)

    @property
    def asked(self) -> int:
        """The number of requested starts. The bucket's lifecycle rule takes the oldest records first."""
        return max((int(name.removeprefix("asked-")) for name in self.records if name.startswith("asked-")), default=0)

    @property
    def _refused(self) -> bool:
        """Whether the last start was refused."""
        return f"refused-{self.asked}" in self.records

    @property
    def refusals(self) -> int:
        """The number of starts, where all of them were refused."""
        return self.asked if self._refused and "accepted" not in self.records else 0

    @property
    def exhausted(self) -> bool:
        """Whether no further start would be recorded."""
        return self.refusals >= MOST_TRIES

    @property
    def refused_at(self) -> float:
        """The time of the last refusal, in seconds since 1970."""
        return float(self.records.get(f"refused-{self.asked}", {}).get("at", 0.0))

    def settling(self, now: float) -> bool:
        """Whether it was accepted a moment ago, so that Describe may still show Stopped."""
        return "accepted" in self.records and "running" not in self.records and now - self.at < SETTLED_SECONDS

    def ended(self, now: float) -> bool:
        """Whether a stop that is seen now belongs to the next restart."""
        return "running" in self.records or ("accepted" in self.records and not self.settling(now))


@dataclass(frozen=True)
class History:
    """The latest restarts of one instance, in their order."""

    restarts: tuple[Restart, ...] = ()

    @property
    def last(self) -> Restart | None:
        """The latest restart."""
        return self.restarts[-1] if self.restarts else None

    @property
    def unseen(self) -> Restart | None:
        """The latest restart where the instance was not seen running since."""
        return None if self.last is None or "running" in self.last.records else self.last

    def number(self, now: float) -> int:
        """The number of the restart after a stop that is seen now."""
        if self.last is None:
            return 1
        return self.last.number + (1 if self.last.ended(now) else 0)

    def attempt(self, now: float) -> int:
        """The number of the next start in that restart."""
        return 1 if self.last is None or self.last.ended(now) else self.last.attempt

    def counted(self, rules: RestartRules, now: float) -> list[Restart]:
        """The counting restarts before this stop in the window."""
        ended = (restart for restart in self.restarts if restart.counts and restart.ended(now))
        return [restart for restart in ended if restart.at > now - rules.window]

    def with_record(self, number: int, name: str, document: Mapping[str, Any]) -> History:
        """The same history with another record."""
        known = {restart.number: restart for restart in self.restarts}
        records = {**(known[number].records if number in known else {}), name: document}
        known[number] = Restart(number, records)
        return History(tuple(known[key] for key in sorted(known)))


@dataclass(frozen=True)
class Ledger:
    """One instance's restarts in the journal; ``home`` is ``<account>/<region>``."""

    journal: Journal
    home: str
    instance_id: str

    def load(self, rules: RestartRules, now: float) -> History:
        """The part of the history that ``rules`` need. Raises ``JournalUnavailable``, ``BrokenRecord``."""
        names = self._names()
        found = History()
        for number in sorted(names, reverse=True):
            last = Restart(number, {name: {} for name in names[number]}).asked
            needed = {f"asked-{last}", f"refused-{last}", "accepted"}  # of its many starts only the last
            records = {name: self._read(number, name, now) if name in needed else {} for name in names[number]}
            restart = Restart(number, records)
            if restart.ended(now) and (
                restart.at <= now - rules.window or len(found.counted(rules, now)) >= rules.limit
            ):
                return found if found.restarts else History((restart,))
            found = History((restart, *found.restarts))
        return found

    def _names(self) -> dict[int, set[str]]:
        """The names of each restart's records."""
        prefix = f"{self.home}/restarts/{self.instance_id}/"
        names: dict[int, set[str]] = {}
        for key in self.journal.keys(prefix):
            match = _KEY.fullmatch(key.removeprefix(prefix))
            if match is None:
                raise BrokenRecord(key, "is no record of a restart")
            names.setdefault(int(match["number"]), set()).add(match["name"])
        for number in names.keys() - set(in_reach(names, EXPIRED)):
            raise BrokenRecord(f"{prefix}{number}", "is no record of a restart")
        return names

    def record(self, number: int, name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write a record unless it stands already; return the standing record. Raises ``JournalUnavailable``."""
        return self.journal.create(self._key(number, name), dict(document))

    def _read(self, number: int, name: str, now: float) -> Mapping[str, Any]:
        """A record with its time. Raises ``BrokenRecord``."""
        key = self._key(number, name)
        record = self.journal.read(key) or {}
        at = record.get("at")
        if isinstance(at, bool) or not isinstance(at, (int, float)) or not math.isfinite(at):
            raise BrokenRecord(key, "does not say when, in seconds since 1970")
        if at > now + AHEAD_SECONDS:
            raise BrokenRecord(key, "is of the future")
        return record

    def _key(self, number: int, name: str) -> str:
        return f"{self.home}/restarts/{self.instance_id}/{number}/{name}"
