"""The one retry policy: which refusals are worth another try, when, and until when.

Retrying is not polling: this repeats one call that was refused; ``spotkeeper.polling`` looks again at what changes.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from spotkeeper.clock import Clock, TimeLimit
from spotkeeper.errors import CloudError, CloudUnreachable

T = TypeVar("T")

FIRST_PAUSE = 0.5
LONGEST_PAUSE = 8.0
MINUTE = 60.0
MINUTE_SPREAD = 2.0
SECOND_TRIES = 3
"""So many tries take a throttled call for one over a quota by the second, before the next minute is waited for."""

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
    """What to try again.

    ``conflicts`` are codes that pass when somebody else is finished; they are retried until the deadline, as throttling
    is. ``repeatable`` says that the call may be sent again although it may have been executed: reads, calls with a
    ClientToken, calls that set a value. Where it is false, a call without an answer is for the caller to look into.
    """

    conflicts: frozenset[str] = frozenset()
    repeatable: bool = True


PLAIN = RetryPolicy()


def is_throttling(error: CloudError) -> bool:
    """Throttled (``Throttling``, ``Throttling.User``, ``Throttling.Api``, ``Rejected.Throttling`` …)."""
    return "Throttling" in error.code


def is_outage(error: CloudError) -> bool:
    """The service itself is in trouble: a code of ``OUTAGE``, or any HTTP 5xx."""
    return error.code in OUTAGE or (error.status or 0) >= SERVER_ERROR


def passes_by_itself(error: CloudError, policy: RetryPolicy = PLAIN) -> bool:
    """Whether the same call may well succeed later without anybody changing anything."""
    return (
        is_throttling(error)
        or is_outage(error)
        or error.code in policy.conflicts
        or isinstance(error, CloudUnreachable)
    )


def passes_with_next_call(error: CloudError) -> bool:
    """Whether the next call may well succeed without anybody changing anything."""
    return error.code == EXPIRED or passes_by_itself(error)


def pause_before(error: CloudError, attempt: int, now: float, chance: Callable[[], float]) -> float:
    """Seconds until the next try.

    The server's hint wins, but none makes a loop without a pause.
    Throttling has two clocks and its code does not tell which: quotas by the second (CLB, ESS)
    and by the minute, where a throttled caller is blocked until the next one ("API throttling", document 437902). So a
    throttled call is tried again after about 1, 2 and 4 s, then at the next minute, then so again. Everything else:
    full jitter over ``min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** attempt)``, at least a tenth of it.
    """
    if error.retry_after is not None:
        return max(FIRST_PAUSE, error.retry_after)
    if is_throttling(error):
        return _throttled(attempt % (SECOND_TRIES + 1), now, chance)
    ceiling: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**attempt)
    return ceiling * (0.1 + 0.9 * chance())


def _throttled(attempt: int, now: float, chance: Callable[[], float]) -> float:
    if attempt < SECOND_TRIES:
        return 2.0**attempt * (0.8 + 0.4 * chance())
    return MINUTE - now % MINUTE + chance() * MINUTE_SPREAD


def patience(error: CloudError, policy: RetryPolicy = PLAIN) -> float:
    """For how many seconds after the first try this refusal is tried again; 0 is never."""
    if isinstance(error, CloudUnreachable):
        return UNREACHABLE_SECONDS if policy.repeatable else 0.0
    if is_throttling(error) or error.code in policy.conflicts:
        return float("inf")
    if is_outage(error):
        return OUTAGE_SECONDS if policy.repeatable else 0.0
    return 0.0


def retried(
    call: Callable[[], T],
    policy: RetryPolicy,
    clock: Clock,
    deadline: TimeLimit,
    chance: Callable[[], float] = random.random,
) -> T:
    """Call until it succeeds; re-raise the last refusal when it will not pass or no time is left for another try."""
    start = clock.monotonic()
    attempt = 0
    while True:
        try:
            return call()
        except CloudError as error:
            pause = pause_before(error, attempt, clock.now(), chance)
            waited = clock.monotonic() - start + pause
            if waited > patience(error, policy) or pause >= deadline.remaining():
                raise
        clock.sleep(pause)
        attempt += 1
