"""When a refused step is tried again. Pure: the loop decides anew between two tries, instead of waiting in the step."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from spotkeeper.errors import CloudError, SpotkeeperError
from spotkeeper.retry import PLAIN, RetryPolicy, passes_by_itself, patience, pause_before


@dataclass(frozen=True)
class Refusal:
    """A failed try of a step. Times are seconds since 1970.

    ``since`` is the first failed try, ``tried_at`` the latest. ``alike_since`` and ``tries`` count those that failed
    for the same reason as the latest. ``again_at`` is the next try; infinite where it would change nothing.
    """

    error: SpotkeeperError
    since: float
    alike_since: float
    tried_at: float
    tries: int
    again_at: float

    @property
    def final(self) -> bool:
        """Whether this call does not try the step again."""
        return self.again_at == math.inf


NextTry = Callable[[SpotkeeperError, float, int, float], float]
"""When a step is tried again, given the error, since when and how often it occurred, and the time."""


def refused(before: Refusal | None, error: SpotkeeperError, began: float, now: float, next_try: NextTry) -> Refusal:
    """The refusal after one more failed try, which began at a moment."""
    alike = before if before is not None and _reason(before.error) == _reason(error) else None
    alike_since, tries = (now, 1) if alike is None else (alike.alike_since, alike.tries + 1)
    since = began if before is None else before.since
    return Refusal(error, since, alike_since, now, tries, next_try(error, alike_since, tries, now))


def postponed(before: Refusal | None, error: SpotkeeperError, now: float, again_at: float) -> Refusal:
    """The refusal of a step whose time was up, or which waits for something, and goes on at a moment."""
    first = before or Refusal(error, now, now, now, 0, again_at)
    return Refusal(error, first.since, first.alike_since, now, first.tries, again_at)


def _reason(error: SpotkeeperError) -> str:
    return error.code if isinstance(error, CloudError) else type(error).__name__


def next_try(policy: RetryPolicy = PLAIN, chance: Callable[[], float] = random.random) -> NextTry:
    """When an API call is tried again that was refused: never for an error that does not pass by itself."""

    def again_at(error: SpotkeeperError, since: float, tries: int, now: float) -> float:
        if not isinstance(error, CloudError) or not passes_by_itself(error, policy):
            return math.inf
        pause = pause_before(error, tries - 1, now, chance)
        return now + pause if now - since + pause <= patience(error, policy) else math.inf

    return again_at
