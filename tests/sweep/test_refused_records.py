"""A record that the journal does not give (archived, a foreign KMS key) is an error of its own item.

Every other item has its turn, then the sweep raises and names the record.
"""

from __future__ import annotations

import pytest

from spotkeeper.errors import BatchFailed, JournalUnavailable, RestartRefused
from tests.rescue import reading
from tests.rescue.stage import SOURCE, Stage
from tests.state_change.stage import stopped
from tests.sweep.cleaning import DELETE, NOTHING_LEFT, finished, leftovers
from tests.sweep.stage import MINUTE, SweepStage, back_from_stop_mode, stage

GONE = "i-bp1gone000000000001"
OTHERS = [f"i-bp1other{number:010}" for number in range(3)]


def refuse(here: Stage, record: str, code: str = "AccessDenied", action: str = "GetObject") -> None:
    """From now on the journal refuses that object."""
    reading.fault(here, action, f"code:{code}", times=None, resource=record)


@pytest.mark.parametrize("code", ["AccessDenied", "InvalidObjectState"])
def test_an_open_rescue(code: str) -> None:
    """The instances under the lock that nobody has begun are handed over beside it, in every sweep."""
    here = stage(locked=False)
    here.write(GONE, 1, "event", {})
    for item in OTHERS:
        here.add_spot(item)
    refuse(here, f"{GONE}/1/event", code)
    for _ in range(2):
        here.sweep_fails(BatchFailed, match=rf"1 of 4 failed: {GONE}/1: .*{GONE}/1/event.*{code}")
        here.advance(MINUTE)
    assert sorted(here.handed_over) == sorted(2 * OTHERS)


def test_an_open_rescue_under_the_lock() -> None:
    """It is handed over itself: its own call retains the disks without the journal."""
    here = stage()
    here.write(SOURCE, 1, "event", {})
    refuse(here, f"{SOURCE}/1/event")
    here.sweep_fails(BatchFailed, match=f"{SOURCE}/1/event")
    assert here.handed_over == [SOURCE]


def test_an_instance_that_came_back_from_stop_mode() -> None:
    """When it was handed back for the first time cannot be told: it is handed back again."""
    here = back_from_stop_mode()
    here.sweep()
    here.advance(MINUTE)
    refuse(here, f"{SOURCE}/running-1/{int(here.fleet.source.started_at // 60 * 60)}-1")
    assert here.sweep()["handed_back"] == [f"{SOURCE}/running-1"]


def test_a_restart() -> None:
    """The instance whose restarts cannot be counted stays stopped, and the others are started."""
    here = stopped()
    for item in OTHERS:
        here.add_stopped(item)
    reading.fault(here, "StartInstance", "code:OperationDenied.NoStock")
    here.fails(RestartRefused)
    here.advance(20 * MINUTE)
    refuse(here, f"restarts/{SOURCE}/1/asked-1")
    here.sweep_fails(BatchFailed, match=f"1 of 4 failed: {SOURCE}: .*restarts/{SOURCE}/1/asked-1")
    here.run(here.cloud.fc.run_due)
    here.cloud.progress()
    assert [here.cloud.ecs.instances[item].status for item in (SOURCE, *OTHERS)] == ["Stopped", *3 * ["Running"]]


def test_the_search_for_rescues() -> None:
    """Where the signs of life cannot be listed, leftovers are deleted all the same."""
    here = finished()
    reading.fault(here, "ListObjectsV2", "code:AccessDenied", times=None, resource="alive/")
    here.sweep_fails(JournalUnavailable, match="alive/", **DELETE)
    assert leftovers(here) == NOTHING_LEFT


def test_the_search_for_rescues_beside_a_restart() -> None:
    """Where the signs of life cannot be listed, a stopped instance is started all the same."""
    here = stopped()
    here.add_stopped(OTHERS[0])
    reading.fault(here, "ListObjectsV2", "code:AccessDenied", times=None, resource="alive/")
    here.sweep_fails(JournalUnavailable, match="alive/")
    here.run(here.cloud.fc.run_due)
    here.cloud.progress()
    assert here.cloud.ecs.instances[OTHERS[0]].status == "Running"


def clean_up_beside(record: str, action: str = "GetObject") -> SweepStage:
    """A finished rescue, due after another of which something cannot be read; what was left is deleted."""
    here = finished()
    at = here.cloud.now() - 60 * MINUTE
    here.write(GONE, 1, "event", {})
    here.write(GONE, 1, "disks", {"disks": {"d-bp1kept": {}}})
    here.write(GONE, 1, "done", {"at": at, "answer": {"retained_disks": ["d-bp1kept"]}})
    here.move_away(f"open/leftovers/{int(at):010}/{GONE}/1")
    here.put(f"open/leftovers/{1:010}/{GONE}/1", {})
    refuse(here, record, action=action)
    return here


@pytest.mark.parametrize(
    ("record", "action"),
    [
        (f"rescues/{GONE}/1/done", "GetObject"),
        (f"rescues/{GONE}/1/disks", "GetObject"),
        ("d-bp1kept", "DescribeDisks"),
        (GONE, "DescribeInstances"),
    ],
    ids=["done", "disks", "DescribeDisks", "DescribeInstances"],
)
def test_a_finished_rescue(record: str, action: str) -> None:
    """What the other rescue left is deleted; the refused rescue is looked at again tomorrow, not in every sweep."""
    here = clean_up_beside(record, action)
    here.sweep_fails(BatchFailed, match=f"1 of 2 failed: {GONE}/1: ", **DELETE)
    assert leftovers(here) == NOTHING_LEFT
    here.advance(MINUTE)
    here.sweep(**DELETE)
