"""Records of restarts that somebody else wrote: this instance is not started, and nothing else happens to anybody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator import fleet, proof
from simulator.oss.buckets import StoredObject
from spotkeeper.errors import BrokenRecord
from tests.rescue.stage import SOURCE
from tests.state_change.stage import StateStage, stopped

OTHER = "i-bp1otherone00000001"
NO_KEYS = [
    "x/asked-1",
    "1",
    "0/asked-1",
    "1/asked-x",
    "1/asked-0",
    "1/asked-",
    "1/accepted-1",
    "1/a/b",
    "²/asked-1",
    "1/ask",
]
NO_MOMENTS: list[Any] = [
    {},
    {"at": "soon"},
    {"at": "1554783600"},
    {"at": None},
    {"at": True},
    {"at": [1]},
    {"at": 1e12},
]


def put(here: StateStage, name: str, document: Any) -> None:
    """Somebody writes a record below the source's restarts."""
    key = f"rescues/{here.cloud.account_id}/{here.cloud.region}/restarts/{SOURCE}/{name}.json"
    text = document if isinstance(document, str) else json.dumps(document)
    here.cloud.oss.buckets[fleet.BUCKET].objects[key] = StoredObject(text.encode(), here.cloud.now())


def concerns_it_alone(here: StateStage, name: str) -> None:
    """Its event raises and names the record, the sweep warns, and another instance is started."""
    other, before = here.add_stopped(OTHER), here.state
    with pytest.raises(BrokenRecord, match=rf"{SOURCE}/{name} "):
        here.deliver()
    assert proof.untouched(before, here.state) == []
    answer = here.sweep()
    assert answer["handed_back"] == [f"{other}/restart-1"]
    (warning,) = answer["warnings"]
    assert f"{SOURCE}/{name} " in warning
    assert here.status == "Stopped"


def test_its_own_rescue() -> None:
    """Nor is it started while nobody can tell what kind of rescue was begun about it."""
    here = stopped()
    key = f"rescues/{here.cloud.account_id}/{here.cloud.region}/rescues/{SOURCE}/1/event.json"
    here.cloud.oss.buckets[fleet.BUCKET].objects[key] = StoredObject(b"oops", here.cloud.now())
    with pytest.raises(BrokenRecord, match=f"{SOURCE}/1/event"):
        here.deliver()
    other = here.add_stopped(OTHER)
    answer = here.sweep()
    assert (answer["handed_back"], here.status) == ([f"{other}/restart-1"], "Stopped")


@pytest.mark.parametrize("name", NO_KEYS)
def test_a_key_that_is_none_of_ours(name: str) -> None:
    """Neither a number nor a record that a restart has."""
    here = stopped()
    put(here, name, {"at": here.cloud.now()})
    concerns_it_alone(here, name)


@pytest.mark.parametrize("document", [*NO_MOMENTS, '{"at": NaN}', "oops", "[]"], ids=str)
@pytest.mark.parametrize("name", ["1/asked-2", "1/refused-2", "1/accepted"])
def test_a_record_that_does_not_say_when(name: str, document: Any) -> None:
    """A moment is a number of seconds, and not of next year."""
    here = stopped()
    for item in ("asked-1", "refused-1", "asked-2", "refused-2", "accepted"):
        put(here, f"1/{item}", {"at": here.cloud.now() - 1000})
    put(here, name, document)
    concerns_it_alone(here, name)


def test_what_nobody_reads() -> None:
    """Of what is long over only the names count."""
    here = stopped()
    put(here, "1/asked-1", "oops")
    put(here, "1/refused-1", "oops")
    put(here, "1/running", "oops")
    for item in ("asked-2", "running"):
        put(here, f"1/{item}", {"at": here.cloud.now() - 1000})
    assert here.deliver()["restart"] == 2


def test_records_that_have_grown_old() -> None:
    """The bucket's lifecycle rule has deleted the first ones of a restart: the rest still counts."""
    here = stopped()
    for item in ("asked-7", "refused-7", "asked-8", "accepted", "running"):
        put(here, f"3/{item}", {"at": here.cloud.now() - 1000})
    assert here.deliver()["restart"] == 4
    here = stopped()
    put(here, "3/running", {"at": here.cloud.now() - 1000})
    assert here.deliver()["restart"] == 4
