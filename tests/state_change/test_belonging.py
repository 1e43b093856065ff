"""To which rescue an instance belongs: records decide, a tag only says where to look, and that not for ever."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spotkeeper import episode
from spotkeeper.belonging import UNNAMED_SECONDS, rescue_of
from spotkeeper.errors import BrokenRecord
from spotkeeper.instances import iso
from spotkeeper.journal.directory import DirectoryJournal
from tests.tables import described

HOME = "1690701234567830/cn-hangzhou"
NOW = 1_554_783_600.0
EVENT: dict[str, Any] = {"notice_end": NOW, "notice_estimated": False, "SpotInterruptionBehavior": "Terminate"}
REPLACED = {"instance_id": "i-9", "at": NOW, "launch_option": "spot", "drops": []}
STOP = {**EVENT, "SpotInterruptionBehavior": "Stop"}
OPEN = "its rescue i-1/{} is not finished: until then only the rescue starts it"
MADE = "it was made by a rescue that is not finished (i-2/1): it belongs to that"
LONG_AGO = UNNAMED_SECONDS + 60


def instance(tag: str = "", ago: float = LONG_AGO) -> dict[str, Any]:
    """Instance i-1, created so many seconds ago, with this value of the tag of episodes."""
    return described({episode.EPISODE_TAG: tag} if tag else {}, CreationTime=iso(NOW - ago))


def found(folder: Path, records: dict[str, Any], shown: dict[str, Any]) -> str:
    """Why ``shown`` belongs to a rescue, with these records (below the account and region) in the journal."""
    journal = DirectoryJournal(folder)
    for name, record in records.items():
        journal.create(f"{HOME}/rescues/{name}", record)
    return rescue_of(journal, HOME, shown, NOW)


CALLED: dict[str, Any] = {"i-1/1/attempt-1": {}}
OWN: dict[str, tuple[dict[str, Any], str]] = {
    "no-rescue": ({}, ""),
    "restarts-alone": ({"../restarts/i-1/1/asked-1": {"at": NOW}}, ""),
    "open": ({"i-1/1/event": EVENT, **CALLED}, OPEN.format(1)),
    "opened-after-the-release": (
        {"i-1/1/event": {**EVENT, "SpotInterruptionBehavior": None}, **CALLED},
        OPEN.format(1),
    ),
    "replaced": (
        {"i-1/1/event": EVENT, **CALLED, "i-1/1/replacement": REPLACED, "i-1/1/done": {"at": NOW}},
        "its rescue i-1/1 is finished: i-9 has replaced it",
    ),
    "saved": (
        {"i-1/1/event": EVENT, **CALLED, "i-1/1/done": {"at": NOW}},
        "its rescue i-1/1 is finished: it is saved and drained for good",
    ),
    "lost-although-it-stands": ({"i-1/1/event": EVENT, **CALLED, "i-1/1/lost": {"at": NOW}}, OPEN.format(1)),
    "stop-mode": ({"i-1/1/event": STOP, **CALLED}, ""),
    "stop-mode-done": ({"i-1/1/event": STOP, **CALLED, "i-1/1/done": {"at": NOW}}, ""),
    "before-any-call": ({"i-1/1/event": EVENT, "i-1/1/replacement": REPLACED, "i-1/1/done": {"at": NOW}}, ""),
    "the-latest-counts": (
        {"i-1/1/event": STOP, **CALLED, "i-1/1/done": {"at": NOW}, "i-1/2/event": EVENT, "i-1/2/attempt-1": {}},
        OPEN.format(2),
    ),
    "never-begun": ({"i-1/7/attempt-1": {}, "i-1/²/event": {}, "i-1/1234567890/event": {}}, ""),
    "another's": ({"i-10/1/event": EVENT}, ""),
}


@pytest.mark.parametrize(("records", "reason"), OWN.values(), ids=OWN.keys())
def test_its_own_rescue(tmp_path: Path, records: dict[str, Any], reason: str) -> None:
    """It keeps its source stopped, whatever the tags say; not in stop mode, and a loss is not believed."""
    assert found(tmp_path, records, instance()) == reason
    assert found(tmp_path, {}, instance("i-3/1")) == reason


def test_a_record_that_cannot_be_read(tmp_path: Path) -> None:
    """Whether it is in stop mode cannot be told, so it is not started, and the record is named."""
    records = {"i-1/1/event": EVENT, **CALLED}
    found(tmp_path, records, instance())
    (tmp_path / HOME / "rescues" / "i-1" / "1" / "event.json").write_text("oops")
    with pytest.raises(BrokenRecord, match="i-1/1/event"):
        found(tmp_path, {}, instance())


OPEN_2 = {"i-2/1/event": EVENT}
TAGGED: dict[str, tuple[dict[str, Any], str, float, str]] = {
    "named": ({**OPEN_2, "i-2/1/replacement": {**REPLACED, "instance_id": "i-1"}}, "i-2/1", LONG_AGO, MADE),
    "launched": ({**OPEN_2, "i-2/1/launched-i-1": {}}, "i-2/1", LONG_AGO, MADE),
    "unnamed-and-new": (OPEN_2, "i-2/1", 10.0, MADE),
    "duplicate-and-new": ({**OPEN_2, "i-2/1/replacement": REPLACED}, "i-2/1", 10.0, MADE),
    "copied": (OPEN_2, "i-2/1", LONG_AGO, ""),
    "copied-from-the-one-that-is-named": (
        {**OPEN_2, "i-2/1/replacement": REPLACED},
        "i-2/1",
        LONG_AGO,
        "",
    ),
    "named-by-nonsense": ({**OPEN_2, "i-2/1/replacement": {**REPLACED, "instance_id": ["i-1"]}}, "i-2/1", LONG_AGO, ""),
    "finished": (
        {**OPEN_2, "i-2/1/replacement": {**REPLACED, "instance_id": "i-1"}, "i-2/1/done": {}},
        "i-2/1",
        10.0,
        "",
    ),
    "lost": ({**OPEN_2, "i-2/1/lost": {}}, "i-2/1", 10.0, ""),
    "never-begun": ({}, "i-2/1", 10.0, ""),
    "no-episode": (OPEN_2, "i-2/1/..", 10.0, ""),
    "no-instance": (OPEN_2, "../i-2/1", 10.0, ""),
    "another-number": (OPEN_2, "i-2/11", 10.0, ""),
}


@pytest.mark.parametrize(("records", "tag", "ago", "reason"), TAGGED.values(), ids=TAGGED.keys())
def test_the_rescue_that_made_it(tmp_path: Path, records: dict[str, Any], tag: str, ago: float, reason: str) -> None:
    """A record that names it keeps it stopped while that rescue is open; a tag alone only while a record may come."""
    assert found(tmp_path, records, instance(tag, ago)) == reason


def test_a_broken_record_of_somebody_else(tmp_path: Path) -> None:
    """A tag that points at it does not keep this instance stopped."""
    records = {**OPEN_2, "i-2/1/replacement": {}}
    found(tmp_path, records, instance("i-2/1"))
    (tmp_path / HOME / "rescues" / "i-2" / "1" / "replacement.json").write_text("oops")
    assert found(tmp_path, {}, instance("i-2/1")) == ""
