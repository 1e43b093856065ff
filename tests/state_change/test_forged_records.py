"""Records of a rescue in stop mode that somebody else wrote: they move nobody, and concern one instance."""

from __future__ import annotations

from typing import Any

import pytest

from simulator import proof
from spotkeeper.errors import BrokenRecord
from tests.rescue.reading import records
from tests.rescue.stage import SOURCE
from tests.state_change.stage import reclaimed
from tests.state_change.test_return import forge, running

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
    forge(here, "memberships", {"memberships": members, "warnings": []})
    before = here.state
    with pytest.raises(BrokenRecord, match=f"{SOURCE}/1/memberships"):
        here.deliver()
    assert proof.untouched(before, here.state) == []


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
    """A typed error names the record, and nothing is written."""
    here = running()
    forge(here, name, document)
    before = here.state
    with pytest.raises(BrokenRecord, match=f"{SOURCE}/1/{name}"):
        here.deliver()
    assert proof.untouched(before, here.state) == []


def test_a_released_instance() -> None:
    """Its rescue is closed although nobody can tell its places: there is nothing to be put back."""
    here = reclaimed()
    forge(here, "memberships", "oops")
    here.cloud.ecs.release(here.cloud.ecs.instances[SOURCE], here.cloud.now(), "DeleteInstance")
    assert here.changed("Deleted")["outcome"] == "done"


@pytest.mark.parametrize(("name", "document"), WRONG.values(), ids=WRONG.keys())
def test_a_sweep_beside_it(name: str, document: Any) -> None:
    """It does its work for everybody else."""
    here = running()
    forge(here, name, document)
    other = here.add_stopped("i-bp1otherone00000001")
    assert f"{other}/restart-1" in here.sweep()["handed_back"]
