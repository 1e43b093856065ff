"""Waiting as data."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from spotkeeper.clock import Deadline
from spotkeeper.errors import DeadlineReached, WaitFailed
from spotkeeper.polling import ABSENT, Waiter, wait_for
from tests.clock import SimulatedClock

WAITER = Waiter("image", frozenset({"Available"}), frozenset({"Creating", ABSENT}), frozenset({"CreateFailed"}))


def showing(states: Iterable[str]) -> Callable[[], tuple[str, str]]:
    """A look that shows these one after the other."""
    queue = iter(states)

    def look() -> tuple[str, str]:
        state = next(queue)
        return state, f"seen {state}"

    return look


def wait(
    states: Iterable[str], seconds: float = 900, waiter: Waiter = WAITER, chance: float = 0.0
) -> tuple[str, SimulatedClock]:
    """``wait_for``; what was seen and the clock."""
    clock = SimulatedClock(0.0)
    return wait_for(waiter, "m-1", showing(states), Deadline.after(clock, seconds), lambda: chance), clock


def test_ready_at_first_look() -> None:
    """No pause where there is nothing to wait for."""
    seen, clock = wait(["Available"])
    assert (seen, clock.sleeps) == ("seen Available", [])


def test_pauses_grow_to_their_longest() -> None:
    """By half each time, from the first to the longest."""
    _, clock = wait(["Creating"] * 8 + ["Available"])
    assert clock.sleeps == pytest.approx([1, 1.5, 2.25, 3.375, 5.0625, 7.59375, 8, 8])


def test_pauses_are_shortened_by_a_fifth_at_most() -> None:
    """So that a thousand rescues do not look in step."""
    _, clock = wait(["Creating"] * 3 + ["Available"], chance=1.0)
    assert clock.sleeps == pytest.approx([0.8, 1.2, 1.8])


@pytest.mark.parametrize("state", ["CreateFailed", "SomethingNew", ""])
def test_a_failure_is_told_at_once(state: str) -> None:
    """A state that nobody listed is a failure too; the error has the last thing seen."""
    with pytest.raises(WaitFailed, match="image m-1") as raised:
        wait(["Creating", state])
    assert raised.value.last == f"seen {state}"


def test_absent_for_a_while_is_eventual_consistency() -> None:
    """Less than a minute in a row, counted anew after each sight of it."""
    states = [ABSENT] * 5 + ["Creating"] + [ABSENT] * 5 + ["Available"]
    assert wait(states)[0] == "seen Available"


def test_absent_for_a_minute_is_gone() -> None:
    """What stays absent will not come; where a waiter does not list absence, it fails at once."""
    with pytest.raises(WaitFailed, match="absent"):
        wait([ABSENT] * 100)
    with pytest.raises(WaitFailed):
        wait([ABSENT], waiter=Waiter("disk", frozenset({"x"}), frozenset({"y"})))


def test_the_deadline_is_never_crossed() -> None:
    """The pause that would cross it is not begun, and the error says that the next call goes on."""
    for seconds in (0.0, 0.5, 10.0, 61.0):
        clock = SimulatedClock(0.0)
        with pytest.raises(DeadlineReached, match="the next goes on"):
            wait_for(WAITER, "m-1", lambda: ("Creating", None), Deadline.after(clock, seconds))
        assert clock.time <= clock.start + seconds


def test_a_look_that_raises_is_not_caught() -> None:
    """A refusal is the retry policy's business."""
    with pytest.raises(StopIteration):
        wait([])
