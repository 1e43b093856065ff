"""Reclaimed again in stop mode while its first rescue is open: drained again, and its first weights stay recorded."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from spotkeeper.errors import RescueIncomplete
from tests.rescue.reading import dies, fault, heal, records
from tests.rescue.stage import SOURCE
from tests.state_change.stage import StateStage, running, start_by_hand


def killed(here: StateStage) -> None:
    """The call that restores the weights dies before it closes the rescue."""
    dies(here, "PutObject")


def refused(here: StateStage) -> None:
    """The default group refuses the instance, so the rescue stays open."""
    fault(here, "SetBackendServers", "code:Forbidden.RAM", times=None)
    here.fails(RescueIncomplete)
    heal(here)


WAYS = [killed, refused]


def reclaimed_again(way: Callable[[StateStage], None]) -> tuple[StateStage, bytes]:
    """It ran again for 20 s, its rescue is not closed, and it is under the lock again; the second notice."""
    here = running()
    way(here)
    assert 80 in here.weights()
    here.advance(20)
    here.cloud.ecs.reclaim(SOURCE)
    return here, here.notice


@pytest.mark.parametrize("way", WAYS)
def test_drained_again_and_returned_with_its_first_weights(way: Callable[[StateStage], None]) -> None:
    """Weight 0 in every group during the second notice; afterwards the weights from before the first drain."""
    here, notice = reclaimed_again(way)
    here.rescue(notice)
    assert here.weights() == [0, 0]
    here.advance(301)
    here.cloud.ecs.capacity_back(SOURCE)
    start_by_hand(here)
    here.finishes()
    assert here.weights() == [80, 80]
    assert "done" in records(here)


def test_the_second_delivery_of_the_second_notice_writes_nothing() -> None:
    """It looks at the weights, and they are 0."""
    here, notice = reclaimed_again(killed)
    here.rescue(notice)
    with here.writes_nothing():
        here.rescue(notice)


def test_a_group_that_cannot_be_listed_is_drained_again() -> None:
    """Nobody knows its weight."""
    here, notice = reclaimed_again(killed)
    fault(here, "DescribeVServerGroupAttribute", "code:InternalError", times=8)
    here.rescue(notice)
    assert here.weights() == [0, 0]


def test_the_notice_comes_while_the_weights_are_restored() -> None:
    """The lock is seen before the rescue is closed: it stays open, and the next look drains the source again."""
    here = running()
    here.meanwhile("SetBackendServers", lambda: here.cloud.ecs.reclaim(SOURCE))
    assert here.deliver()["outcome"] == "skipped"
    heal(here)
    assert here.weights() == [80, 80]
    assert "done" not in records(here)
    here.rescue(here.notice)
    assert here.weights() == [0, 0]
    assert [member["weight"] for member in records(here)["memberships"]["memberships"]] == [80, 80]


@pytest.mark.parametrize("way", WAYS)
def test_the_second_notice_does_not_come(way: Callable[[StateStage], None]) -> None:
    """The sweep sees it run under the lock after the first notice, and has it drained."""
    here, _ = reclaimed_again(way)
    here.cloud.fc.register(
        "spotkeeper-interruption", lambda payload: here.invoke("interruption", payload, name="swept")
    )
    here.sweep()
    assert here.weights() == [0, 0]
