"""A record that somebody has overwritten concerns one instance: a sweep names it, and does its work for all others."""

from __future__ import annotations

import pytest

from spotkeeper.errors import BatchFailed, BrokenRecord, RescueFailed
from tests.rescue import reading
from tests.rescue.reading import plant
from tests.rescue.stage import SOURCE
from tests.state_change.stage import stopped
from tests.sweep.cleaning import DELETE, NOTHING_LEFT, finished, leftovers
from tests.sweep.stage import LONG, half_done, stage

OTHER = "i-bp1otherone00000001"
BROKEN = ["", "{", "[]", "null", '"text"', "\ufeff{}"]
WITHOUT_NUMBERS = [
    *("{}", '{"notice_end": "soon", "deadline_at": "soon", "at": "soon"}', '{"notice_end": true, "at": null}'),
]
TOO_LONG = '{"at": 1' + 400 * "0" + "}"
"""A whole number that no moment can be compared with."""


@pytest.mark.parametrize("text", BROKEN + WITHOUT_NUMBERS)
def test_an_open_rescue(text: str) -> None:
    """It is handed over while its instance stands under the lock, since a call of its own can still save the data."""
    here = half_done()
    plant(here, "event", text)
    here.add_spot(OTHER)
    answer = here.sweep()
    assert sorted(answer["handed_over"]) == sorted([f"{SOURCE}/1", f"{OTHER}/1"])


def test_an_open_rescue_whose_instance_is_gone() -> None:
    """It is reported with what to do, sweep after sweep, and the other rescue is handed over."""
    here = half_done(notice=300.0)
    here.pass_notice()
    plant(here, "event", "oops")
    here.add_spot(OTHER)
    answer = here.sweep()
    assert answer["handed_over"] == [f"{OTHER}/1"]
    (warning,) = answer["warnings"]
    assert SOURCE in warning
    assert "Move it away" in warning


@pytest.mark.parametrize("text", ["oops", "{}", "[]"])
def test_an_open_rescue_whose_end_somebody_else_wrote(text: str) -> None:
    """It is handed over like any open one: the call raises, and an alarm on failures is heard."""
    here = half_done(notice=300.0)
    here.pass_notice()
    plant(here, "done", text)
    assert here.sweep()["handed_over"] == [f"{SOURCE}/1"]


def test_an_open_rescue_that_no_call_can_read() -> None:
    """After the release five invocations, then only a warning; it goes on once a human has moved the record away."""
    here = half_done(notice=300.0)
    here.pass_notice()
    here.put(f"rescues/{SOURCE}/1/drained", {})
    answers = here.minutes(120)
    assert here.handed_over == [SOURCE] * 5
    assert f"{SOURCE}/1: invoked 4 times" in str(answers[-1]["warnings"])
    here.move_away(f"rescues/{SOURCE}/1/drained")
    assert here.deliver()["outcome"] == "done"


def test_an_open_rescue_whose_lock_is_gone() -> None:
    """A call touches nothing and says so to the alarm: four invocations, then only a warning."""
    here = half_done("AddVServerGroupBackendServers")
    here.fleet.source.locks.clear()
    with here.writes_nothing():
        here.fails(RescueFailed, match="Recycling lock")
    here.minutes(120)
    assert here.handed_over == [SOURCE] * 4
    here.rescues(SPOTKEEPER_REQUIRE_RECYCLING_LOCK="false")


def test_the_instance_is_saved_all_the_same() -> None:
    """The call that is handed over makes an image without its journal, and fails loudly."""
    here = stage(notice=LONG)
    here.write(SOURCE, 1, "event", {})
    plant(here, "event", "oops")
    here.tick()
    assert len(reading.images(here)) == 1
    assert [invocation.outcome for invocation in here.cloud.fc.finished] in ([], ["Failed"])


@pytest.mark.parametrize(("name", "text"), [("done", "oops"), ("done", "{}"), ("usable", "oops")])
def test_a_finished_rescue(name: str, text: str) -> None:
    """Nothing is deleted that no record tells of; the answer says why."""
    here = finished()
    plant(here, name, text)
    before = leftovers(here)
    answer = here.sweep(**DELETE)
    assert leftovers(here) == before != NOTHING_LEFT
    assert any("Move it away" in warning for warning in answer["warnings"])


def test_a_restart_above_which_there_is_none() -> None:
    """Its next one would have a number that nobody reads: the instance is named and not started."""
    here = stopped()
    here.put(f"restarts/{SOURCE}/999999999/running", '{"at": 1}')
    (warning,) = here.sweep()["warnings"]
    assert "999999999 is no record of a restart" in warning
    here.fails(BrokenRecord, match="999999999")
    assert here.status == "Stopped"


LATER = '{"format": 99, "at": 1}'
"""A record of a later version of Spotkeeper."""


def test_a_restart_of_a_later_format() -> None:
    """The instance is named and not started, and the other stopped instance is handed back."""
    here = stopped()
    here.add_stopped(OTHER)
    here.put(f"restarts/{SOURCE}/1/asked-1", LATER)
    here.put(f"restarts/{SOURCE}/1/accepted", LATER)
    answer = here.sweep()
    assert [item.partition("/")[0] for item in answer["handed_back"]] == [OTHER]
    (warning,) = answer["warnings"]
    assert SOURCE in warning
    assert "format 99" in warning


@pytest.mark.parametrize("record", ["rescues/i-bp1gone/1/done", "sweeps/i-bp1gone/1/cleaned"])
def test_leftovers_of_a_later_format(record: str) -> None:
    """The other rescue's leftovers are deleted, and the answer names the record."""
    here = finished()
    here.write("i-bp1gone", 1, "event", {})
    here.write("i-bp1gone", 1, "done", {"at": 1.0, "answer": {}})
    here.put(record, LATER)
    answer = here.sweep(**DELETE)
    assert leftovers(here) == NOTHING_LEFT
    assert [warning for warning in answer["warnings"] if record in warning and "format 99" in warning]


@pytest.mark.parametrize("text", ["oops", TOO_LONG])
def test_an_entry_of_the_index(text: str) -> None:
    """An entry that tells of no rescue is removed whatever it holds, and keeps nothing from its turn."""
    here = stage()
    here.put(f"open/rescues/{OTHER}/1", text)
    assert here.sweep()["handed_over"] == [f"{SOURCE}/1"]
    assert here.hints("open") == []


def test_an_entry_of_the_index_that_cannot_be_described() -> None:
    """Instances under the lock and other open rescues are handed over all the same, then the sweep raises."""
    here = stage()
    here.put(f"open/rescues/{OTHER}/1", "{}")
    here.write("i-bp1gone", 1, "event", {})
    reading.fault(here, "DescribeInstances", "code:InvalidInstanceId.Malformed", times=None, resource=OTHER)
    here.sweep_fails(BatchFailed, match=f"1 of 3 failed: {OTHER}: DescribeInstances")
    assert here.handed_over == [SOURCE, "i-bp1gone"]


def test_no_entry_of_the_index_can_be_described() -> None:
    """A refusal of all of them is not asked for once more for each."""
    here = stage()
    for number in range(64):
        here.put(f"open/rescues/i-bp1gone{number:02}/1", "{}")
    reading.fault(here, "DescribeInstances", "code:Forbidden.RAM", times=None, skip=1)
    here.sweep_fails(BatchFailed, match="open rescues: DescribeInstances")
    assert here.handed_over == [SOURCE]
    assert len(here.calls("DescribeInstances")) <= 24
