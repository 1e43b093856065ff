"""How often an instance was started again: numbered restarts in the journal, whose records are written once.

    <account>/<region>/restarts/<instance>/<n>/
        asked-<k>     a start is about to be asked for, for the k-th time
        refused-<k>   it was refused: no stock, arrears …
        accepted      one of them was accepted; a later call writes it where that call could not, but StartTime shows it
        running       the instance was seen running again
        reported      somebody was told that the limit is reached

One stop is one number, however many calls deal with it: there is no restart n + 1 before the instance was seen running
after n. A restart counts if a start was accepted, or may have been (the call died before it could say).

What is read is checked: a key or a field that is not what these calls write is a ``BrokenRecord``, and the instance is
not started before a human has looked.
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
from spotkeeper.settings import RestartRules

SETTLED_SECONDS = 60.0
"""Whoever is Stopped so long after its start was accepted has run unseen, or did not come up: that start is spent.

For a moment Describe may go on to show Stopped."""
MOST_TRIES = 1_000
"""So many starts of one restart get records of their own: ten days of refusals, one every 15 minutes. After that no
sweep asks any more, and of a call that dies between its start and its record nobody knows."""
AHEAD_SECONDS = 300.0
"""So far another machine's clock may be ahead of ours. What lies further in the future was not written by us."""
_KEY = re.compile(r"(?P<number>[1-9][0-9]{0,8})/(?P<name>(?:asked|refused)-[1-9][0-9]{0,3}|accepted|running|reported)")


@dataclass(frozen=True)
class Restart:
    """One restart; ``records`` are those that stand, by name."""

    number: int
    records: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def at(self) -> float:
        """When it was started, as far as the journal tells; in seconds since 1970."""
        return float((self.records.get("accepted") or self.records.get(f"asked-{self.asked}") or {}).get("at", 0.0))

    @property
    def counts(self) -> bool:
        """Whether it was started."""
        return "accepted" in self.records or not self._refused

    @property
    def unanswered(self) -> bool:
        """Whether a start was asked for of which nobody has recorded what came of it."""
        return self.asked > 0 and not self._refused and "accepted" not in self.records

    @property
    def attempt(self) -> int:
        """Which start of it would be the next one: the last again, where nobody knows what came of it."""
        return min(self.asked + 1, MOST_TRIES) if self._refused else max(self.asked, 1)

    @property
    def asked(self) -> int:
        """How many starts were asked for. The bucket's lifecycle rule takes the oldest records first."""
        return max((int(name.removeprefix("asked-")) for name in self.records if name.startswith("asked-")), default=0)

    @property
    def _refused(self) -> bool:
        """Whether all of them were refused."""
        return f"refused-{self.asked}" in self.records

    @property
    def refusals(self) -> int:
        """How many starts were refused since the last one that may have been accepted."""
        return self.asked if self._refused and "accepted" not in self.records else 0

    @property
    def exhausted(self) -> bool:
        """Whether no further start would be recorded."""
        return self.refusals >= MOST_TRIES

    @property
    def refused_at(self) -> float:
        """When the last of them was refused, in seconds since 1970."""
        return float(self.records.get(f"refused-{self.asked}", {}).get("at", 0.0))

    @property
    def seen_running(self) -> bool:
        """Whether the instance ran again."""
        return "running" in self.records

    def settling(self, now: float) -> bool:
        """Whether it was accepted so short a while ago that Stopped means nothing yet."""
        return "accepted" in self.records and not self.seen_running and now - self.at < SETTLED_SECONDS

    def over(self, now: float) -> bool:
        """Whether a stop that is seen now is another one."""
        return self.seen_running or ("accepted" in self.records and not self.settling(now))


@dataclass(frozen=True)
class History:
    """The latest restarts of one instance, in their order."""

    restarts: tuple[Restart, ...] = ()

    @property
    def last(self) -> Restart | None:
        """The latest one."""
        return self.restarts[-1] if self.restarts else None

    @property
    def unseen(self) -> Restart | None:
        """The latest one where nobody has seen the instance running since."""
        return None if self.last is None or self.last.seen_running else self.last

    def number(self, now: float) -> int:
        """The number under which a stop that is seen now belongs."""
        if self.last is None:
            return 1
        return self.last.number + (1 if self.last.over(now) else 0)

    def attempt(self, now: float) -> int:
        """Which start of that number is the next one."""
        return 1 if self.last is None or self.last.over(now) else self.last.attempt

    def counted(self, rules: RestartRules, now: float) -> list[Restart]:
        """Those before this stop that were started within the window."""
        return [one for one in self.restarts if one.counts and one.over(now) and one.at > now - rules.window]

    def with_record(self, number: int, name: str, document: Mapping[str, Any]) -> History:
        """The same history with one more record."""
        known = {one.number: one for one in self.restarts}
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
        """As much of the history as ``rules`` ask for. Raises ``JournalUnavailable``, ``BrokenRecord``."""
        names = self._names()
        found = History()
        for number in sorted(names, reverse=True):
            one = self._restart(number, names[number], now)
            if one.over(now) and (one.at <= now - rules.window or len(found.counted(rules, now)) >= rules.limit):
                return found if found.restarts else History((one,))
            found = History((one, *found.restarts))
        return found

    def _names(self) -> dict[int, set[str]]:
        """The names of each restart's records."""
        prefix = f"{self.home}/restarts/{self.instance_id}/"
        names: dict[int, set[str]] = {}
        for key in self.journal.keys(prefix):
            one = _KEY.fullmatch(key.removeprefix(prefix))
            if one is None:
                raise BrokenRecord(key, "is no record of a restart")
            names.setdefault(int(one["number"]), set()).add(one["name"])
        for number in names.keys() - set(in_reach(names, EXPIRED)):
            raise BrokenRecord(f"{prefix}{number}", "is no record of a restart")
        return names

    def _restart(self, number: int, names: set[str], now: float) -> Restart:
        """One restart; of its many starts only the last one is read."""
        last = Restart(number, {name: {} for name in names}).asked
        told = {f"asked-{last}", f"refused-{last}", "accepted"}
        return Restart(number, {name: self._read(number, name, now) if name in told else {} for name in names})

    def record(self, number: int, name: str, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write a record unless one stands; the one that does. Raises ``JournalUnavailable``."""
        return self.journal.create(self._key(number, name), dict(document))

    def _read(self, number: int, name: str, now: float) -> Mapping[str, Any]:
        """A record that says when. Raises ``BrokenRecord``."""
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
