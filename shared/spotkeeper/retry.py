"""The retry policy of all API calls: the refusals that are tried again, the pauses, the limits.

This module repeats a call that was refused; ``spotkeeper.polling`` looks again at a resource that changes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from spotkeeper.clock import TimeLimit
from spotkeeper.errors import CloudError, CloudUnreachable

T = TypeVar("T")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
MINUTE = 60.0
MINUTE_SPREAD = 2.0
SECOND_TRIES = 3
"""The first tries assume a quota by the second; the try after them waits for the next minute."""

OUTAGE = frozenset(
    {"ServiceUnavailable", "InternalError", "SystemBusy", "ServiceUnAvailable", "InternalError.Dispatch"}
)
"""Refusals that any API may give on a bad day (common error codes of ECS and CLB)."""

EXPIRED = "InvalidSecurityToken.Expired"
"""The credentials of this call have expired; Function Compute gives fresh ones to the next call."""
SERVER_ERROR = 500
OUTAGE_SECONDS = 90.0
UNREACHABLE_SECONDS = 20.0


@dataclass(frozen=True)
class RetryPolicy:
    """The refusals that are tried again.

    ``conflicts`` are codes that pass when another operation ends; like throttling they are tried again until the
    deadline. ``repeatable``: the call may be sent again although it may have been executed (reads, calls with a
    ClientToken, calls that set a value). Otherwise the caller looks into a call without an answer.
    """

    conflicts: frozenset[str] = frozenset()
    repeatable: bool = True


PLAIN = RetryPolicy()


def is_throttling(error: CloudError) -> bool:
    """Throttled (``Throttling``, ``Throttling.User``, ``Throttling.Api``, ``Rejected.Throttling`` …)."""
    return "Throttling" in error.code


def is_outage(error: CloudError) -> bool:
    """An outage of the service: a code of ``OUTAGE``, or any HTTP 5xx."""
    return error.code in OUTAGE or (error.status or 0) >= SERVER_ERROR


def passes_by_itself(error: CloudError, policy: RetryPolicy = PLAIN) -> bool:
    """Whether the same call may succeed later although nothing is changed."""
    return patience(error, replace(policy, repeatable=True)) > 0


def passes_with_next_call(error: CloudError, policy: RetryPolicy = PLAIN) -> bool:
    """Whether the next call may well succeed without anybody changing anything."""
    return error.code == EXPIRED or passes_by_itself(error, policy)


def pause_before(error: CloudError, attempt: int, now: float, chance: Callable[[], float]) -> float:
    """Seconds until the next try.

    The server's hint counts first, but never without a pause. Throttling has two clocks and its code does not show
    which: quotas by the second (CLB, ESS), and quotas by the minute, where a throttled caller is blocked until the next
    minute ("API throttling", document 437902). So a throttled call is tried again after about 1, 2 and 4 s, then at the
    next minute, then so again. Other refusals: full jitter over ``min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt)``, at
    least a tenth of it.
    """
    if error.retry_after is not None:
        return max(FIRST_PAUSE, error.retry_after)
    if is_throttling(error):
        number = attempt % (SECOND_TRIES + 1)
        if number < SECOND_TRIES:
            return 2.0**number * (0.8 + 0.4 * chance())
        return MINUTE - now % MINUTE + chance() * MINUTE_SPREAD
    ceiling: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**attempt)
    return ceiling * (0.1 + 0.9 * chance())


def patience(error: CloudError, policy: RetryPolicy = PLAIN) -> float:
    """Seconds after the first try for which this refusal is tried again; 0: never."""
    if isinstance(error, CloudUnreachable):
        return UNREACHABLE_SECONDS if policy.repeatable else 0.0
    if is_throttling(error) or error.code in policy.conflicts:
        return float("inf")
    if is_outage(error):
        return OUTAGE_SECONDS if policy.repeatable else 0.0
    return 0.0


def retried(
    call: Callable[[], T], policy: RetryPolicy, limit: TimeLimit, chance: Callable[[], float] = random.random
) -> T:
    """Call until it succeeds; re-raise the last refusal when it will not pass or no time is left for another try."""
    clock = limit.clock
    start = clock.monotonic()
    attempt = 0
    while True:
        try:
            return call()
        except CloudError as error:
            pause = pause_before(error, attempt, clock.now(), chance)
            waited = clock.monotonic() - start + pause
            if waited > patience(error, policy) or pause >= limit.remaining():
                raise
        clock.sleep(pause)
        attempt += 1
