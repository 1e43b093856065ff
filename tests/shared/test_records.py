"""The shapes of the journal's records: what we write passes, and whatever else stands there is a typed error."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotkeeper.clock import Clock, Deadline
from spotkeeper.credentials import Credentials
from spotkeeper.episode import Episode, latest
from spotkeeper.errors import BrokenRecord, UnknownFormat
from spotkeeper.journal import Journal, open_journal
from spotkeeper.journal.directory import DirectoryJournal
from spotkeeper.records import SHAPES, checked, family, parse
from spotkeeper.settings.types import DirectoryLocation
from tests.rescue import reading
from tests.rescue.stage import stage

RARE: dict[str, dict[str, Any]] = {
    "failed-2": {"image_id": "m-1"},
    "handed-over": {"to": "i-2", "at": 1},
    "lost": {"at": 1, "reason": "r"},
}
"""What a plain rescue does not write."""
FIRST = object()
"""Stands for the first key of an object."""


@functools.cache
def good() -> dict[str, dict[str, Any]]:
    """Records that are right, by name: all that a plain rescue writes, and the rare ones."""
    here = stage()
    here.deliver()
    found = {name: record for name, record in reading.records(here).items() if family(name) in SHAPES}
    for record in found.values():
        del record["format"]  # which no function sees
    return found | RARE


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
WRONG: dict[str, tuple[str, list[Any], Any, str]] = {
    "at is missing": ("drained", ["at"], ..., "at is not a moment"),
    "at is a text": ("usable", ["at"], "1", "at is not a moment"),
    "at is a flag": ("running", ["at"], True, "at is not a moment"),
    "at is infinite": ("serving", ["at"], float("inf"), "at is not a moment"),
    "the notice's end is missing": ("event", ["notice_end"], ..., "notice_end is not a moment"),
    "the memberships are an object": ("memberships", ["memberships"], {}, "memberships is not a list"),
    "a weight is a text": ("memberships", ["memberships", 0, "weight"], "9", r"memberships\[0\].weight is not a whole"),
    "an unknown key of a membership": ("memberships", ["memberships", 0, "x"], 1, r"memberships\[0\].x is unknown"),
    "a membership is null": ("memberships", ["memberships", 0], None, r"memberships\[0\] is not an object"),
    "a membership's type is null": ("memberships", ["memberships", 0, "type"], None, "type is not a text"),
    "no launch options": ("launch-spec", ["launch_options"], ..., "launch_options is not a list"),
    "an option without a type": (
        "launch-spec",
        ["launch_options", 0, "add", "InstanceType"],
        ...,
        "InstanceType is not a text",
    ),
    "security groups are a number": ("launch-spec", ["run", "SecurityGroupIds"], 5, "SecurityGroupIds is not a list"),
    "the user data is an object": ("launch-spec", ["run", "UserData"], {}, "run.UserData is not a text"),
    "a disk is a list": ("disks", ["disks", FIRST], [], r"disks\.d-\S+ is not an object"),
    "the replacement is no instance id": ("replacement", ["instance_id"], "*", "instance_id is not an instance id"),
    "the image is a number": ("usable", ["image_id"], 5, "image_id is not a text"),
    "no answer": ("done", ["answer"], ..., "answer is not an object"),
    "no reason": ("lost", ["reason"], None, "reason is not a text"),
}


def spoiled(record: Any, path: list[Any], value: Any) -> Any:
    """The record with another value at ``path``; with ``...`` without it."""
    record = copy.deepcopy(record)
    *way, last = path
    inner = record
    for step in way:
        inner = inner[step]
    last = next(iter(inner)) if last is FIRST else last
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return record


def test_what_we_write_passes() -> None:
    """Unchanged; and each shape has a record here."""
    for name, record in good().items():
        assert checked(name, record, name) is record
    assert {family(name) for name in good()} == set(SHAPES)


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_field(case: str) -> None:
    """The error has the key and the field."""
    name, path, value, words = WRONG[case]
    with pytest.raises(BrokenRecord, match=rf"journal record a/b has a wrong field: .*{words}"):
        checked(name, spoiled(good()[name], path, value), "a/b")


@given(st.sampled_from(sorted(SHAPES)), JSON_VALUES)
def test_any_json(name: str, value: Any) -> None:
    """Whatever stands there either passes or is a ``BrokenRecord``."""
    with contextlib.suppress(BrokenRecord):
        checked(name, value, "k")


@given(st.sampled_from(sorted(SHAPES)), st.data())
def test_any_value_in_any_place(name: str, data: st.DataObject) -> None:
    """The same with one value of a good record replaced."""
    record = next(record for known, record in good().items() if family(known) == name)
    path = data.draw(st.sampled_from(list(paths_of(record))))
    record = spoiled(record, path, data.draw(JSON_VALUES | st.just(...)))
    with contextlib.suppress(BrokenRecord):
        checked(name, record, "k")


def paths_of(value: Any) -> list[list[Any]]:
    """Every place in a record."""
    if not isinstance(value, (dict, list)):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [path for key in keys for path in ([key], *([key, *inner] for inner in paths_of(value[key])))]


@given(st.binary())
def test_any_bytes(content: bytes) -> None:
    """An object or a ``BrokenRecord``."""
    with contextlib.suppress(BrokenRecord):
        assert isinstance(parse(content, "k"), dict)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """An empty journal."""
    return open_journal(
        DirectoryLocation(tmp_path), "cn-hangzhou", Credentials("a", "b"), None, Deadline.after(Clock(), 9)
    )


def fresh(journal: Journal) -> Episode:
    """The episode of ``i-1``, as a call finds it."""
    return latest(Episode(lambda: journal, "acc/cn-hangzhou", "i-1"))


def begun(journal: Journal) -> Episode:
    """An episode that a call has begun."""
    episode = fresh(journal)
    episode.record("event", good()["event"])
    episode.claim("attempt", {"nonce": "n"})
    return episode


def test_a_refused_record_is_superseded(journal: Journal) -> None:
    """Another call finds the latest version, and what stood before is still there."""
    first = begun(journal)
    first.record("launch-spec", good()["launch-spec"])
    first.supersede("launch-spec")
    better = {**good()["launch-spec"], "own_image": "m-2"}
    assert first.record("launch-spec", better) == better
    assert fresh(journal).records["launch-spec"] == better
    second = fresh(journal)
    second.supersede("launch-spec")
    second.record("launch-spec", good()["launch-spec"])
    assert fresh(journal).records["launch-spec"] == good()["launch-spec"]


def test_two_calls_refuse_the_same_record(journal: Journal) -> None:
    """The first call's correction stands for both."""
    first, second = fresh(journal), fresh(journal)
    for episode in (first, second):
        episode.record("event", good()["event"])
        episode.record("launch-spec", good()["launch-spec"])
        episode.supersede("launch-spec")
    mine = first.record("launch-spec", {**good()["launch-spec"], "own_image": "m-2"})
    assert second.record("launch-spec", {**good()["launch-spec"], "own_image": "m-3"}) == mine


def test_a_broken_record_that_describe_can_tell_anew(journal: Journal, tmp_path: Path) -> None:
    """It does not stand in the way: the next record that is written supersedes it."""
    begun(journal)
    plant(tmp_path, "launch-spec", {"run": 5})
    episode = fresh(journal)
    assert "launch-spec" not in episode.records
    assert "launch-spec" in str(episode.broken["launch-spec"])
    episode.record("launch-spec", good()["launch-spec"])
    assert fresh(journal).records["launch-spec"] == good()["launch-spec"]


def test_a_broken_version_hides_no_good_version(journal: Journal, tmp_path: Path) -> None:
    """Of several versions the latest that can be read counts."""
    episode = begun(journal)
    episode.record("launch-spec", good()["launch-spec"])
    (file,) = tmp_path.rglob("launch-spec.json")
    file.with_name("launch-spec.9.json").write_text("[]")
    again = fresh(journal)
    assert again.records["launch-spec"] == good()["launch-spec"]
    again.supersede("launch-spec")
    assert again.record("launch-spec", {**good()["launch-spec"], "own_image": "m-2"})["own_image"] == "m-2"


@pytest.mark.parametrize("name", ["event", "replacement", "done", "lost"])
def test_a_broken_record_that_only_the_journal_can_tell(name: str, journal: Journal, tmp_path: Path) -> None:
    """Nobody goes on without it: the error names the key, both where it is read and where it is written."""
    begun(journal)
    plant(tmp_path, name, {})
    with pytest.raises(BrokenRecord, match=f"i-1/1/{name}"):
        fresh(journal)
    with pytest.raises(BrokenRecord, match=f"i-1/1/{name}"):
        Episode(lambda: journal, "acc/cn-hangzhou", "i-1").record(name, good()[name])


def plant(folder: Path, name: str, record: Any) -> None:
    """A record of ``i-1``'s episode that somebody else wrote."""
    (event,) = folder.rglob("event.json")
    event.with_name(f"{name}.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    "name",
    [
        *("x/event", "\u00b2/event", "999999999/event", "9/launch-spec"),
        *("1/launch-spec.x", "1/launch-spec.\u00b2", "1/image-\u00b2"),
    ],
)
def test_keys_that_nobody_of_us_wrote(name: str, journal: Journal, tmp_path: Path) -> None:
    """They hide no episode and break none."""
    begun(journal)
    (event,) = tmp_path.rglob("event.json")
    foreign = event.parents[1] / f"{name}.json"
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text(json.dumps(good()["launch-spec"]))
    found = fresh(journal)
    assert (found.number, found.records["event"]) == (1, good()["event"])
    assert found.last("image") == 0


def test_each_record_says_its_format(tmp_path: Path) -> None:
    """It is in the object, and in no document that a function sees."""
    journal = DirectoryJournal(tmp_path)
    assert journal.create("a", {"at": 1}) == {"at": 1}
    assert json.loads((tmp_path / "a.json").read_text()) == {"format": 1, "at": 1}


@pytest.mark.parametrize("known", [0, 2])
def test_a_format_of_a_later_version(tmp_path: Path, known: object) -> None:
    """It is an error that says what to do, and no record that somebody else has broken."""
    (tmp_path / "a.json").write_text(json.dumps({"format": known, "at": 1}))
    with pytest.raises(UnknownFormat, match=r"a later version wrote it\. Deploy that version"):
        DirectoryJournal(tmp_path).read("a")


@pytest.mark.parametrize("known", ["1", None, [1], True], ids=repr)
def test_a_format_that_is_none(tmp_path: Path, known: object) -> None:
    """Somebody else has written it."""
    (tmp_path / "a.json").write_text(json.dumps({"format": known, "at": 1}))
    with pytest.raises(BrokenRecord, match="format is not a whole number") as raised:
        DirectoryJournal(tmp_path).read("a")
    more = raised.value.adding(" Image m-1 was asked for.")
    assert isinstance(more, BrokenRecord)
    assert str(more) == f"{raised.value} Image m-1 was asked for."
