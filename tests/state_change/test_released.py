"""Interrupted in stop mode, drained, stopped, and then released by its owner: nobody is left to be put back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulator.transport import Killed
from tests.rescue.reading import fault, records
from tests.rescue.stage import SOURCE
from tests.state_change.stage import StateStage, reclaimed, stage, start_by_hand


def release(here: StateStage) -> None:
    """The owner deletes the stopped source."""
    here.cloud.progress()
    here.cloud.ecs.release(here.cloud.ecs.instances[SOURCE], here.cloud.now(), "DeleteInstance")


def event_of_its_release(here: StateStage) -> None:
    """The platform's word of it comes."""
    answer = here.changed("Deleted")
    assert (answer["outcome"], "released while it was stopped" in answer["reason"]) == ("done", True)


def sweep_misses_it(here: StateStage) -> None:
    """The platform's word of it got lost."""
    assert here.sweep()["handed_back"] == [f"{SOURCE}/deleted-1"]


@pytest.mark.parametrize("way", [event_of_its_release, sweep_misses_it])
def test_released_while_it_was_stopped(way: Callable[[StateStage], None]) -> None:
    """There is nothing to put back: its rescue is closed, once, and no sweep reads of it again after a day."""
    here = reclaimed()
    release(here)
    groups = here.state["slb"]
    way(here)
    assert records(here)["done"]["answer"]["outcome"] == "done"
    assert here.state["slb"] == groups
    with here.writes_nothing():
        assert here.changed("Deleted")["outcome"] == "skipped"
        assert here.sweep()["handed_back"] == []
    here.advance(86_401)
    here.sweep()
    reads = len(here.calls("GetObject"))
    here.sweep()
    assert len(here.calls("GetObject")) == reads


def test_an_instance_that_was_not_released() -> None:
    """Whatever the event says: its rescue stays open, and it is put back when it runs."""
    here = reclaimed()
    assert here.changed("Deleted")["outcome"] == "skipped"
    start_by_hand(here)
    here.finishes()
    assert here.weights() == [80, 80]


def test_the_release_that_ends_a_rescue() -> None:
    """A rescue that is not in stop mode goes on after the release: that is no end of it."""
    here = stage()
    fault(here, "RunInstances", "kill-before")
    with pytest.raises(Killed):
        here.interrupt()
    here.pass_notice()
    assert here.changed("Deleted")["outcome"] == "skipped"
    assert "done" not in records(here)


def test_a_dry_release() -> None:
    """It says that it would close the rescue."""
    here = reclaimed()
    release(here)
    assert here.changed("Deleted", SPOTKEEPER_DRY_RUN="true")["plan"] == [
        "close the episode (a released instance cannot return to its groups)"
    ]
    assert "done" not in records(here)
