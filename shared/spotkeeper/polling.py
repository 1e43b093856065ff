"""Waiting as data: the states that end a wait with success, that end it with failure, and that prolong it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from spotkeeper.clock import Deadline
from spotkeeper.errors import DeadlineReached, WaitFailed

T = TypeVar("T")

ABSENT = "absent"
"""The state of a resource that Describe does not show (yet)."""
GROWTH = 1.5
"""The ratio of each pause to the pause before."""


def jittered(pause: float, chance: Callable[[], float] = random.random) -> float:
    """``pause``, shortened at random by up to a fifth: a thousand rescues must not poll at the same moment."""
    return pause * (1.0 - 0.2 * chance())


@dataclass(frozen=True)
class Waiter:
    """The states of a wait. An unknown state is a failure."""

    what: str
    success: frozenset[str]
    retry: frozenset[str]
    failure: frozenset[str] = frozenset()
    first_pause: float = 1.0
    longest_pause: float = 8.0
    absent_seconds: float = 60.0
    """The resource may be absent for so long (eventual consistency); then that is a failure."""

    def reached(self, state: str, absent_for: float) -> bool | None:
        """True: success; False: failure; None: look again."""
        if state in self.success:
            return True
        if state == ABSENT and ABSENT in self.retry:
            return None if absent_for < self.absent_seconds else False
        return None if state in self.retry else False


def wait_for(
    waiter: Waiter,
    resource: str,
    look: Callable[[], tuple[str, T]],
    deadline: Deadline,
    chance: Callable[[], float] = random.random,
) -> T:
    """Look until the state is a success; return the resource as it was seen last.

    ``look`` returns (state, resource). Pauses grow by half from ``first_pause`` to ``longest_pause`` seconds.

    Raises ``WaitFailed`` (with the resource as it was seen last) for a failure state and ``DeadlineReached`` before a
    pause that would cross the deadline.
    """
    pause, named = waiter.first_pause, f"{waiter.what} {resource}"
    absent_since: float | None = None
    while True:
        state, seen = look()
        now = deadline.clock.monotonic()
        absent_since = (now if absent_since is None else absent_since) if state == ABSENT else None
        reached = waiter.reached(state, 0.0 if absent_since is None else now - absent_since)
        if reached:
            return seen
        if reached is False:
            raise WaitFailed(f"{named} is {state}", seen)
        if pause >= deadline.remaining():
            raise DeadlineReached(f"{named} is still {state}; this call's time is up, the next goes on")
        deadline.clock.sleep(jittered(pause, chance))
        pause = min(waiter.longest_pause, pause * GROWTH)
