"""The sweep dies at any of its API calls, before or after the cloud has acted, and the timer goes off again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import pytest

from simulator.transport import Killed
from tests.rescue import reading
from tests.rescue.stage import SOURCE
from tests.rescue.walks import SAMPLE_OR_ALL, disturb, outcome_of, sample
from tests.sweep.cleaning import DELETE, DELETIONS, NOTHING_LEFT, finished, leftovers
from tests.sweep.stage import MINUTE, SweepStage, half_done, stage

EFFECTS = ("kill-before", "kill-after")
BROKEN = ("reset-before", "reset-after", "slow", "code:InternalError")


def end_of_rescue(here: SweepStage) -> Any:
    """The end of a rescue that the sweep found."""
    return (
        here.shortcomings(),
        len(reading.images(here)),
        len(reading.replacements(here)),
        len(here.calls("RunInstances")),
    )


def end_of_clean_up(here: SweepStage) -> Any:
    """The end of a clean-up; each resource is deleted once."""
    state = here.state["ecs"]
    return (
        leftovers(here),
        [instance["InstanceId"] for instance in state["instances"]],
        [disk["DiskId"] for disk in state["disks"]],
        "cleaned" in reading.records(here, folder="sweeps"),
    )


WORLDS: dict[str, tuple[Callable[[], SweepStage], Callable[[SweepStage], Any]]] = {
    "to be resumed": (lambda: half_done(notice=3600), end_of_rescue),
    "to be cleaned up": (finished, end_of_clean_up),
}
"""The work of a sweep. Chaos kills sweeps that find an instance whose event never arrived, at every call."""


@functools.cache
def reference(name: str) -> tuple[tuple[str, ...], Any]:
    """The calls of an undisturbed sweep, and the end state."""
    world, end = WORLDS[name]
    here = world()
    before = len(here.cloud.calls)
    here.sweep(**DELETE)
    calls = tuple(call.action for call in here.cloud.calls[before:])
    here.run()
    return calls, end(here)


def played(name: str, number: int, effect: str) -> tuple[object, Any, dict[str, Any]]:
    """A sweep disturbed at its n-th call, the next one, and what they handed over; a third one's answer."""
    world, end = WORLDS[name]
    here = world()
    disturb(here, number, effect)
    outcome = outcome_of(lambda: here.sweep(**DELETE))
    here.run(here.cloud.fc.run_due)
    here.advance(MINUTE - here.cloud.now() % MINUTE)
    here.sweep(**DELETE)
    here.run()
    found = end(here)
    here.advance(MINUTE)
    return outcome, found, here.sweep(**DELETE)


def test_the_references() -> None:
    """The walks compare with a finished rescue and a finished clean-up."""
    assert reference("to be resumed")[1][0] == []
    assert reference("to be cleaned up")[1][0] == NOTHING_LEFT
    assert [item for item in reference("to be cleaned up")[0] if item in DELETIONS] == [
        "DeleteImage",
        *["DeleteSnapshot"] * 3,
        *["DeleteDisk"] * 2,
    ]


def wrong(name: str, points: Iterable[tuple[int, str]], *ends: type) -> list[str]:
    """The points at which a disturbed sweep comes to none of ``ends``, the next to another end, or a third writes."""
    calls, end = reference(name)
    found = []
    for number, effect in points:
        outcome, came_to, third = played(name, number, effect)
        if not isinstance(outcome, ends) or came_to != end or third["outcome"] != "skipped":
            found.append(f"{effect} call {number} ({calls[number - 1]}): {outcome}; {came_to}; {third['reason']}")
    return found


@pytest.mark.parametrize("name", WORLDS)
@pytest.mark.parametrize("most", SAMPLE_OR_ALL)
def test_killed_at_any_call(name: str, most: int | None) -> None:
    """The next sweep comes to the same end, and a third finds nothing to do."""
    points = product(range(1, len(reference(name)[0]) + 1), EFFECTS)
    assert wrong(name, sample(points, most), Killed) == []


@pytest.mark.full
@pytest.mark.parametrize("name", WORLDS)
def test_a_bad_answer_at_any_call(name: str) -> None:
    """A refusal of the moment or an answer that got lost is tried again: one sweep is enough."""
    assert wrong(name, product(range(1, len(reference(name)[0]) + 1), BROKEN), dict) == []


def test_killed_between_any_two_deletions() -> None:
    """Nothing is deleted twice, the image goes before its snapshots, and the next sweep finishes."""
    calls, end = reference("to be cleaned up")
    first = calls.index("DeleteImage") + 1
    for number in range(first, len(calls) + 1):
        here = finished()
        disturb(here, number, "kill-after")
        assert isinstance(outcome_of(lambda here=here: here.sweep(**DELETE)), Killed)  # type: ignore[misc]
        here.advance(MINUTE)
        here.sweep(**DELETE)
        assert end_of_clean_up(here) == end
        deleted = [call for call in here.calls("DeleteImage", "DeleteDisk") if call.status in (200, 599)]
        assert len(deleted) == 3


def test_killed_sweep_after_sweep() -> None:
    """Each sweep dies right after it handed over: that is enough, and within a minute it runs once."""
    here = stage()
    for _ in range(3):
        reading.fault(here, "InvokeFunction", "kill-after")
        assert isinstance(outcome_of(here.sweep), Killed)
    assert here.handed_over == [SOURCE]
    here.run()
    assert here.shortcomings() == []
