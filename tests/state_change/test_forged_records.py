"""Forged records of restarts and of a rescue in stop mode: they concern one instance, and move nobody."""

from __future__ import annotations

from typing import Any

import pytest

from spotkeeper.errors import BrokenRecord
from tests.rescue.reading import plant, records
from tests.rescue.stage import SOURCE
from tests.state_change.stage import StateStage, reclaimed, running, stopped

OTHER = "i-bp1otherone00000001"
NO_KEYS = (
    *("x/asked-1", "1", "0/asked-1", "1/asked-x", "1/asked-0", "1/asked-", "1/accepted-1", "1/a/b", "²/asked-1"),
    "1/ask",
)
NO_MOMENTS: list[Any] = [{}, *({"at": moment} for moment in ("soon", "1554783600", None, True, [1], 1e12))]
TEXTS = ("oops", "[]", '{"at": NaN}', '{"at": 1e999}', '{"at": 1' + 400 * "0" + "}")


def concerns_it_alone(here: StateStage, name: str) -> None:
    """Its event raises and names the record, the sweep warns, and another instance is started."""
    other = here.add_stopped(OTHER)
    with here.writes_nothing():
        here.fails(BrokenRecord, match=rf"{SOURCE}/{name} ")
    answer = here.sweep()
    assert answer["handed_back"] == [f"{other}/restart-1"]
    (warning,) = answer["warnings"]
    assert f"{SOURCE}/{name} " in warning
    assert "Move it away" in warning
    assert here.status == "Stopped"


def test_its_own_rescue() -> None:
    """Nor is it started while nobody can tell what kind of rescue was begun about it."""
    here = stopped()
    here.put(f"rescues/{SOURCE}/1/event", "oops")
    here.put(f"rescues/{SOURCE}/1/attempt-1", {})
    here.fails(BrokenRecord, match=f"{SOURCE}/1/event")
    other = here.add_stopped(OTHER)
    answer = here.sweep()
    assert (answer["handed_back"], here.status) == ([f"{other}/restart-1"], "Stopped")


@pytest.mark.parametrize("name", NO_KEYS)
def test_a_key_that_is_none_of_ours(name: str) -> None:
    """Neither a number nor a record that a restart has."""
    here = stopped()
    here.put(f"restarts/{SOURCE}/{name}", {"at": here.cloud.now()})
    concerns_it_alone(here, name)


@pytest.mark.parametrize("document", [*NO_MOMENTS, *TEXTS])
@pytest.mark.parametrize("name", ["1/asked-2", "1/refused-2", "1/accepted"])
def test_a_record_that_does_not_say_when(name: str, document: Any) -> None:
    """A moment is a number of seconds, and not of next year."""
    here = stopped()
    for item in ("asked-1", "refused-1", "asked-2", "refused-2", "accepted"):
        here.put(f"restarts/{SOURCE}/1/{item}", {"at": here.cloud.now() - 1000})
    here.put(f"restarts/{SOURCE}/{name}", document)
    concerns_it_alone(here, name)


def test_what_nobody_reads() -> None:
    """Of what is long over only the names count."""
    here = stopped()
    for item in ("asked-1", "refused-1", "running"):
        here.put(f"restarts/{SOURCE}/1/{item}", "oops")
    for item in ("asked-2", "running"):
        here.put(f"restarts/{SOURCE}/1/{item}", {"at": here.cloud.now() - 1000})
    assert here.deliver()["restart"] == 2


@pytest.mark.parametrize("left", ["asked-7 refused-7 asked-8 accepted running", "running"])
def test_records_that_have_grown_old(left: str) -> None:
    """The bucket's lifecycle rule has deleted the first records of a restart: the rest still counts."""
    here = stopped()
    for item in left.split():
        here.put(f"restarts/{SOURCE}/3/{item}", {"at": here.cloud.now() - 1000})
    assert here.deliver()["restart"] == 4


FORGED: dict[str, dict[str, Any]] = {
    "another-server": {"server_id": "i-bp1neighbour00000001"},
    "no-server": {"server_id": ""},
    "unknown-key": {"script": "x"},
    "weight-as-text": {"weight": "80"},
    "weight-too-large": {"weight": 101},
    "weight-negative": {"weight": -1},
    "weight-as-flag": {"weight": True},
    "port-as-text": {"port": "80"},
    "port-too-large": {"port": 65536},
    "no-product": {"product": "x"},
    "a-list-for-a-product": {"product": ["clb"]},
    "no-group": {"group_id": None},
    "no-load-balancer": {"load_balancer_id": None},
    "load-balancer-missing": {"load_balancer_id": ...},
    "weight-missing": {"weight": ...},
    "port-missing": {"port": ...},
    "another-type": {"type": "eni"},
}


@pytest.mark.parametrize("changes", FORGED.values(), ids=FORGED.keys())
@pytest.mark.parametrize("which", [0, -1], ids=["first", "last"])
def test_forged_memberships(which: int, changes: dict[str, Any]) -> None:
    """Nothing of the record is acted on, and it is named; nobody's weight changes."""
    here = running()
    members = [dict(member) for member in records(here)["memberships"]["memberships"]]
    members[which] = {name: value for name, value in {**members[which], **changes}.items() if value is not ...}
    plant(here, "memberships", {"memberships": members, "warnings": []})
    with here.writes_nothing():
        here.fails(BrokenRecord, match=f"{SOURCE}/1/memberships")


WRONG: dict[str, tuple[str, Any]] = {
    "memberships-no-list": ("memberships", {"memberships": {"a": 1}}),
    "memberships-of-texts": ("memberships", {"memberships": ["x"]}),
    "memberships-empty": ("memberships", {}),
    "memberships-no-object": ("memberships", "[]"),
    "event-without-notice-end": ("event", {"SpotInterruptionBehavior": "Stop"}),
    "event-with-words": ("event", {"SpotInterruptionBehavior": "Stop", "notice_end": "soon"}),
    "event-with-a-number": ("event", {"SpotInterruptionBehavior": 1, "notice_end": 1.0}),
    "drained-never": ("drained", {"at": None}),
    "drained-without": ("drained", {}),
    "done-without-answer": ("done", {"at": 1.0}),
    "done-with-words": ("done", {"at": 1.0, "answer": "done"}),
    "done-without-reason": ("done", {"at": 1.0, "answer": {"outcome": "done"}}),
    "done-without-moment": ("done", {"answer": {"outcome": "done", "reason": "x", "warnings": [], "timeline": []}}),
}


@pytest.mark.parametrize(("name", "document"), WRONG.values(), ids=WRONG.keys())
def test_records_with_wrong_fields(name: str, document: Any) -> None:
    """A typed error names the record, nothing is written, and a sweep does its work for everybody else."""
    here = running()
    plant(here, name, document)
    with here.writes_nothing():
        here.fails(BrokenRecord, match=f"{SOURCE}/1/{name}")
    other = here.add_stopped(OTHER)
    assert f"{other}/restart-1" in here.sweep()["handed_back"]


def test_a_released_instance() -> None:
    """Its rescue is closed although nobody can tell its places: there is nothing to be put back."""
    here = reclaimed()
    plant(here, "memberships", "oops")
    here.cloud.ecs.release(here.cloud.ecs.instances[SOURCE], here.cloud.now(), "DeleteInstance")
    assert here.changed("Deleted")["outcome"] == "done"
