"""The next try of a failed step. Pure: the loop decides anew between two tries, and no step waits inside itself."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from spotkeeper.errors import CloudError, SpotkeeperError
from spotkeeper.retry import PLAIN, RetryPolicy, passes_by_itself, patience, pause_before


@dataclass(frozen=True)
class FailedStep:
    """A step that has failed. Times are seconds since 1970.

    ``since`` is the first failed try, ``tried_at`` the latest. ``alike_since`` and ``tries`` count the tries that
    failed for the same reason as the latest. ``again_at`` is the next try; infinite where it would change nothing.
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
"""The time of the next try, given the error, since when and how often it occurred, and the time."""


def failed(
    before: FailedStep | None, error: SpotkeeperError, began: float, now: float, next_try: NextTry
) -> FailedStep:
    """The failed step after another try, which began at ``began``."""
    alike = before if before is not None and _reason(before.error) == _reason(error) else None
    alike_since, tries = (now, 1) if alike is None else (alike.alike_since, alike.tries + 1)
    since = began if before is None else before.since
    return FailedStep(error, since, alike_since, now, tries, next_try(error, alike_since, tries, now))


def postponed(before: FailedStep | None, error: SpotkeeperError, now: float, again_at: float) -> FailedStep:
    """A step that goes on at ``again_at``: its time was up, or it waits for something."""
    first = before or FailedStep(error, now, now, now, 0, again_at)
    return FailedStep(error, first.since, first.alike_since, now, first.tries, again_at)


def _reason(error: SpotkeeperError) -> str:
    return error.code if isinstance(error, CloudError) else type(error).__name__


def next_try(policy: RetryPolicy = PLAIN, chance: Callable[[], float] = random.random) -> NextTry:
    """The next try of a refused API call: never for an error that does not pass by itself."""

    def again_at(error: SpotkeeperError, since: float, tries: int, now: float) -> float:
        if not isinstance(error, CloudError) or not passes_by_itself(error, policy):
            return math.inf
        pause = pause_before(error, tries - 1, now, chance)
        return now + pause if now - since + pause <= patience(error, policy) else math.inf

    return again_at
