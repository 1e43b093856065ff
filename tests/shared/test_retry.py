"""The retry policy: which refusals are tried again, when, and until when."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spotkeeper.clock import Deadline
from spotkeeper.errors import CloudError, CloudUnreachable
from spotkeeper.retry import PLAIN, RetryPolicy, is_throttling, passes_by_itself, pause_before, retried
from tests.clock import SimulatedClock

THROTTLING = (
    "Throttling",
    "Throttling.User",
    "Throttling.Api",
    "Rejected.Throttling",
    "Throttling.ConcurrentLimitExceeded",
)
BUSY = RetryPolicy(conflicts=frozenset({"ServiceIsConfiguring"}))
ONCE = RetryPolicy(conflicts=frozenset({"ServiceIsConfiguring"}), repeatable=False)


def refusal(code: str, status: int = 400, retry_after: float | None = None) -> CloudError:
    """A refusal."""
    return CloudError("DescribeInstances", "i-1", code, "no", status=status, request_id="r", retry_after=retry_after)


def unreachable() -> CloudUnreachable:
    """No answer."""
    return CloudUnreachable("DescribeInstances", "i-1", "NoAnswer")


def failing(*errors: CloudError) -> Callable[[], str]:
    """A call that raises these, then answers."""
    queue = list(errors)

    def call() -> str:
        if queue:
            raise queue.pop(0)
        return "answer"

    return call


def always(error: CloudError) -> Callable[[], str]:
    """A call that never succeeds."""

    def call() -> str:
        raise error

    return call


def attempt(
    call: Callable[[], str], policy: RetryPolicy, seconds: float = 900, clock: SimulatedClock | None = None
) -> tuple[str, SimulatedClock]:
    """``retried`` with full jitter at its most; the answer and the clock."""
    clock = clock or SimulatedClock()
    return retried(call, policy, Deadline.after(clock, seconds), lambda: 1.0), clock


@pytest.mark.parametrize("code", THROTTLING)
def test_throttling_by_the_second(code: str) -> None:
    """Which clock counts, the code does not tell: a quota by the second is over after about a second."""
    clock = SimulatedClock(60 * 100 + 17.0)
    answer, _ = attempt(failing(refusal(code)), PLAIN, clock=clock)
    assert answer == "answer"
    assert 0.8 <= clock.time - clock.start <= 1.2


@pytest.mark.parametrize("code", THROTTLING)
def test_throttling_by_the_minute(code: str) -> None:
    """After about 1, 2 and 4 s comes the next minute, and then the same again."""
    clock = SimulatedClock(60 * 100 + 17.0)
    attempt(failing(*[refusal(code)] * 8), PLAIN, clock=clock)
    assert clock.sleeps[:3] == pytest.approx([1.2, 2.4, 4.8])
    assert 60 * 101 <= clock.start + sum(clock.sleeps[:4]) <= 60 * 101 + 2
    assert clock.sleeps[4:7] == clock.sleeps[:3]
    assert 60 * 102 <= clock.time <= 60 * 102 + 2


@given(st.floats(0, 1e9), st.floats(0, 1), st.integers(0, 40))
def test_the_two_clocks_for_any_moment(now: float, chance: float, attempt: int) -> None:
    """Three short pauses, then a pause that ends in the next minute's first two seconds."""
    pause = pause_before(refusal("Throttling.User"), attempt, now, lambda: chance)
    if attempt % 4 < 3:
        assert 0.8 * 2 ** (attempt % 4) <= pause <= 1.2 * 2 ** (attempt % 4) + 1e-9
    else:
        assert 0 <= pause <= 62
        assert (now + pause) % 60 <= 2 + 1e-3 or (now + pause) % 60 >= 60 - 1e-3


@pytest.mark.parametrize("code", ["Throttling.User", "ServiceIsConfiguring", "InternalError"])
def test_the_servers_hint_wins(code: str) -> None:
    """``x-acs-retry-after`` is obeyed exactly."""
    _, clock = attempt(failing(refusal(code, 500, retry_after=3.5)), BUSY)
    assert clock.sleeps == [3.5]


def test_conflicts_of_the_policy_are_retried_until_the_deadline() -> None:
    """With pauses that grow to eight seconds, and never past the deadline."""
    clock = SimulatedClock()
    with pytest.raises(CloudError, match="ServiceIsConfiguring"):
        attempt(always(refusal("ServiceIsConfiguring")), BUSY, 120, clock)
    assert 100 < clock.time - clock.start < 120
    assert clock.sleeps[:5] == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert max(clock.sleeps) == 8.0


@pytest.mark.parametrize(
    ("error", "policy"),
    [
        *(
            (refusal(code), PLAIN)
            for code in ("ServiceIsConfiguring", "InvalidParameter", "Forbidden.RAM", "Quota.Image")
        ),
        *((error, ONCE) for error in (unreachable(), refusal("InternalError", 500), refusal("Unavailable", 503))),
    ],
)
def test_what_is_final_at_once(error: CloudError, policy: RetryPolicy) -> None:
    """A refusal that nobody listed; and, of a call that must not be made twice, what may have been executed."""
    clock = SimulatedClock()
    with pytest.raises(CloudError) as raised:
        attempt(always(error), policy, clock=clock)
    assert (raised.value, clock.sleeps) == (error, [])


@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        (refusal("ServiceUnavailable", 503), 60, 90),
        (refusal("InternalError", 500), 60, 90),
        (refusal("SystemBusy", 449), 60, 90),
        (refusal("Whatever", 502), 60, 90),
        (unreachable(), 8, 20),
    ],
)
def test_an_outage_is_waited_out(error: CloudError, least: float, most: float) -> None:
    """Longer than the minute that troubles take, and not for ever; without an answer shorter, since the notice runs."""
    clock = SimulatedClock()
    with pytest.raises(type(error)):
        attempt(always(error), PLAIN, clock=clock)
    assert least < clock.time - clock.start <= most
    assert attempt(failing(error, error), PLAIN)[0] == "answer"


def test_what_was_surely_not_executed_is_repeated_all_the_same() -> None:
    """Throttling and conflicts say that nothing happened."""
    assert attempt(failing(refusal("ServiceIsConfiguring"), refusal("Throttling.User")), ONCE)[0] == "answer"


@pytest.mark.parametrize("code", ["Throttling.User", "ServiceIsConfiguring", "InternalError"])
def test_never_past_the_deadline(code: str) -> None:
    """A pause that would cross the deadline is not begun: the refusal is raised in time."""
    for seconds in (0.0, 0.1, 5.0, 30.0):
        clock = SimulatedClock(60.0 * 7 + 1)
        with pytest.raises(CloudError, match=code):
            attempt(always(refusal(code, 500, None)), BUSY, seconds, clock)
        assert clock.time <= clock.start + seconds


@given(st.integers(0, 40), st.floats(0, 1))
def test_jitter_stays_within_its_bounds(attempt_number: int, chance: float) -> None:
    """From a tenth of the ceiling to all of it; the ceiling is eight seconds."""
    ceiling = min(8.0, 0.5 * 2.0**attempt_number)
    pause = pause_before(refusal("ServiceIsConfiguring"), attempt_number, 0.0, lambda: chance)
    assert ceiling / 10 - 1e-9 <= pause <= ceiling + 1e-9


def test_which_refusals_pass_by_themselves() -> None:
    """The same judgement for those who decide without retrying."""
    assert all(is_throttling(refusal(code)) and passes_by_itself(refusal(code)) for code in THROTTLING)
    assert passes_by_itself(unreachable())
    assert passes_by_itself(refusal("X", 500))
    assert passes_by_itself(refusal("ServiceIsConfiguring"), BUSY)
    assert not passes_by_itself(refusal("ServiceIsConfiguring"))
    assert not passes_by_itself(refusal("X", 404))


@pytest.mark.parametrize("hint", [0.0, -5.0, 0.001])
def test_a_hint_that_says_at_once(hint: float) -> None:
    """Nobody asks without a pause: it would never end, and cost a call after the other."""
    assert pause_before(refusal("Throttling", retry_after=hint), 0, 0.0, lambda: 0.5) >= 0.5
