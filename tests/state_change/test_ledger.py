"""Restarts in the journal: as much is read as is needed, and nothing that others have put there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spotkeeper import episode
from spotkeeper.journal.directory import DirectoryJournal
from spotkeeper.restart_records import Ledger
from spotkeeper.settings.state_change import RestartRules
from spotkeeper.settings.types import TagFilter

HOME = "1690701234567830/cn-hangzhou"
RULES = RestartRules(TagFilter("keep"), 3, 3600.0)


class Counting(DirectoryJournal):
    """Counts the records that are read."""

    reads = 0

    def read(self, key: str) -> dict[str, Any] | None:
        """One more."""
        self.reads += 1
        return super().read(key)


@pytest.fixture
def journal(tmp_path: Path) -> Counting:
    """An empty journal."""
    return Counting(tmp_path)


def filled(journal: Counting, *moments: float) -> Ledger:
    """The ledger of an instance that was started at these moments, and ran each time."""
    ledger = Ledger(journal, HOME, "i-1")
    for number, moment in enumerate(moments, start=1):
        for name in ("asked-1", "accepted", "running"):
            ledger.record(number, name, {"at": moment})
    journal.reads = 0
    return ledger


def test_an_empty_journal(journal: Counting) -> None:
    """The first restart is number 1."""
    history = filled(journal).load(RULES, 0.0)
    assert (history.restarts, history.number(0.0), history.attempt(0.0), history.unseen) == ((), 1, 1, None)


def test_old_restarts_are_not_read(journal: Counting) -> None:
    """Of a hundred days only the window counts, but the numbers go on."""
    ledger = filled(journal, *(day * 86_400.0 for day in range(100)), 99 * 86_400.0 + 10)
    now = 99 * 86_400.0 + 20
    history = ledger.load(RULES, now)
    assert [item.number for item in history.counted(RULES, now)] == [100, 101]
    assert history.number(now) == 102
    assert journal.reads <= 6


def test_only_old_restarts(journal: Counting) -> None:
    """Nothing counts, and the number is still the next one."""
    history = filled(journal, 0.0, 10.0).load(RULES, 100_000.0)
    assert (history.counted(RULES, 100_000.0), history.number(100_000.0)) == ([], 3)


def test_no_more_than_the_limit_is_read(journal: Counting) -> None:
    """Fifty in the window are as many as three."""
    history = filled(journal, *(float(moment) for moment in range(50))).load(RULES, 100.0)
    assert [item.number for item in history.counted(RULES, 100.0)] == [48, 49, 50]
    assert journal.reads <= 8


def test_restarts_are_no_episodes(journal: Counting) -> None:
    """The sweep's index of rescues leaves them out, and so does a rescue that looks for its own records."""
    filled(journal, 0.0)
    event = {"notice_end": 1.0, "notice_estimated": False}
    journal.create(f"{HOME}/rescues/i-1/1/event", event)
    journal.create(f"{HOME}/rescues/i-1/1/attempt-1", {})
    loaded = episode.latest(episode.Episode(lambda: journal, HOME, "i-1"))
    assert loaded.records == {"event": event, "attempt-1": {}}
