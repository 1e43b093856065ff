"""Waiting as data: which states mean done, which mean look again, which mean it will never be."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from spotkeeper.clock import Clock, Deadline
from spotkeeper.errors import DeadlineReached, WaitFailed

T = TypeVar("T")

ABSENT = "absent"
"""The state of something that Describe does not show (yet)."""


GROWTH = 1.5
"""How much longer each pause is than the one before."""


def jittered(pause: float, chance: Callable[[], float] = random.random) -> float:
    """``pause`` shortened by up to a fifth at random: a thousand rescues must not poll in step."""
    return pause * (1.0 - 0.2 * chance())


@dataclass(frozen=True)
class Waiter:
    """What is waited for. A state in none of the three sets is a failure: nobody knows what it means."""

    what: str
    success: frozenset[str]
    retry: frozenset[str]
    failure: frozenset[str] = frozenset()
    first_pause: float = 1.0
    longest_pause: float = 8.0
    absent_seconds: float = 60.0
    """How long it may stay absent before that is a failure (eventual consistency)."""

    def verdict(self, state: str, absent_for: float) -> bool | None:
        """True: done; False: failed; None: look again."""
        if state in self.success:
            return True
        if state == ABSENT and ABSENT in self.retry:
            return None if absent_for < self.absent_seconds else False
        return None if state in self.retry else False


def wait_for(  # noqa: PLR0913 - the waiter, its subject and the two things it depends on
    waiter: Waiter,
    resource: str,
    look: Callable[[], tuple[str, T]],
    clock: Clock,
    deadline: Deadline,
    chance: Callable[[], float] = random.random,
) -> T:
    """Look until the state is one of success and return what was seen.

    ``look`` returns (state, thing). Pauses grow by half from ``first_pause`` to ``longest_pause`` seconds.

    Raises ``WaitFailed`` (with the last thing seen) for a failure state and ``DeadlineReached`` before a pause that
    would cross the deadline.
    """
    pause = waiter.first_pause
    absent_since: float | None = None
    while True:
        state, seen = look()
        now = clock.monotonic()
        absent_since = (now if absent_since is None else absent_since) if state == ABSENT else None
        verdict = waiter.verdict(state, 0.0 if absent_since is None else now - absent_since)
        if verdict:
            return seen
        if verdict is False:
            raise WaitFailed(f"{waiter.what} {resource} is {state}", seen)
        if pause >= deadline.remaining():
            raise DeadlineReached(
                f"{waiter.what} {resource} is still {state}; this call's time is up, the next goes on"
            )
        clock.sleep(jittered(pause, chance))
        pause = min(waiter.longest_pause, pause * GROWTH)
