"""When a refused step is tried again, as a table; whatever is refused, time passes before the next try."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rescue.next_try import continue_at, error_of, try_later
from rescue.state import State
from rescue.steps import Step
from spotkeeper.errors import (
    CloudError,
    CloudUnreachable,
    DeadlineReached,
    NoCapacity,
    RescueFailed,
    RescueIncomplete,
    SpotkeeperError,
)

START = State(now=0.0, entered=0.0, notice_end=300.0)
AFTER, GONE = START.replace(notice_end=0.0), START.replace(source_seen=True)
THROTTLED = CloudError("X", "lb-1", "Throttling", status=400)
BUSY = CloudError("X", "lb-1", "ServiceIsConfiguring", status=400)
NO = CloudError("X", "lb-1", "InvalidParameter", status=400)
OUTAGE = CloudError("X", "lb-1", "InternalError", status=500)
SILENT = CloudUnreachable("X", "lb-1", "NoAnswer")


def pauses(step: Step, *errors: SpotkeeperError, at: float = 10.0, start: State = AFTER) -> list[float]:
    """Seconds from each refusal to the next try, each refusal coming when it was due."""
    facts, now, found = start, at, []
    for error in errors:
        facts = try_later(facts, step, "", error, now, lambda: 0.5)
        again_at = facts.refusals[step, ""].again_at
        found.append(again_at - now)
        if again_at == math.inf:
            break
        now = again_at
    return found


@pytest.mark.parametrize(
    ("step", "errors", "expected"),
    [
        pytest.param(Step.DRAIN, [THROTTLED] * 4, [1, 2, 4, 44], id="throttled: by the second, then by the minute"),
        pytest.param(Step.DRAIN, [BUSY] * 3, [0.275, 0.55, 1.1], id="busy"),
        pytest.param(Step.DRAIN, [NO], [math.inf], id="refused for good"),
        pytest.param(Step.MAKE_IMAGE, [BUSY], [math.inf], id="another step's conflict"),
        pytest.param(Step.RETAIN_DISKS, [NO, NO], [0.275, 0.55], id="the disks: under any code"),
        pytest.param(Step.LAUNCH, [NoCapacity("no")] * 4, [9, 18, 36, 54], id="no stock: rounds"),
        pytest.param(Step.LAUNCH, [NoCapacity("no")] * 3 + [OUTAGE], [9, 18, 36, 0.275], id="an outage after rounds"),
        pytest.param(Step.LAUNCH, [RescueFailed("no")], [math.inf], id="for a human"),
    ],
)
def test_the_next_try(step: Step, errors: list[SpotkeeperError], expected: list[float]) -> None:
    """In seconds after the refusal, with jitter in the middle."""
    assert pauses(step, *errors) == pytest.approx(expected, abs=2.0 if expected[-1] == 44 else 1e-6)


@pytest.mark.parametrize("start", [AFTER, GONE], ids=["after the notice", "after the release"])
def test_an_outage_is_not_waited_for_for_ever(start: State) -> None:
    """An answer that never comes is asked for for 20 s, a service in trouble for 90 s."""
    for error, seconds in ((SILENT, 20.0), (OUTAGE, 90.0)):
        found = pauses(Step.DRAIN, *[error] * 40, start=start)
        assert found[-1] == math.inf
        assert sum(pause for pause in found if pause < math.inf) <= seconds


@pytest.mark.parametrize("error", [SILENT, OUTAGE])
def test_an_outage_is_waited_for_to_the_end_of_the_notice(error: SpotkeeperError) -> None:
    """While this call works nobody else tries. What does not pass by itself is not tried again."""
    found = [pause for pause in pauses(Step.DRAIN, *[error] * 60, start=START) if pause < math.inf]
    assert 300.0 <= 10.0 + sum(found) <= 330.0
    assert max(found) <= 30.0
    assert pauses(Step.DRAIN, NO, start=START) == [math.inf]


@given(st.lists(st.sampled_from([THROTTLED, BUSY, NO, OUTAGE, SILENT, NoCapacity("no")]), min_size=1, max_size=8))
def test_time_passes(errors: list[SpotkeeperError]) -> None:
    """Whatever the order of the refusals, no try comes at once, and the first refusal is remembered."""
    facts, now = START.replace(now=5.0), 5.0
    for error in errors:
        facts = try_later(facts, Step.REMOVE, "g", error, now)
        refusal = facts.refusals[Step.REMOVE, "g"]
        assert refusal.since == 5.0
        assert refusal.again_at > now
        if refusal.final:
            break
        now = refusal.again_at


def test_what_a_call_ends_with() -> None:
    """One refusal is raised as it is, several in one message that names each."""
    once = try_later(START, Step.ADD_REPLACEMENT, "a", NO, 1.0)
    assert error_of(once) is NO
    twice = try_later(once, Step.ADD_REPLACEMENT, "b", BUSY, 1.0)
    both = continue_at(twice, Step.WAIT_DRAIN, "", DeadlineReached("drains"), 9.0)
    error = error_of(both)
    assert isinstance(error, RescueIncomplete)
    assert all(text in str(error) for text in ("InvalidParameter", "ServiceIsConfiguring", "drains"))


def test_a_call_whose_time_is_up() -> None:
    """Where everything that was refused passes by itself, nobody has to settle anything."""
    waits = try_later(try_later(START, Step.ADD_REPLACEMENT, "a", BUSY, 1.0), Step.ADD_REPLACEMENT, "b", THROTTLED, 1.0)
    assert isinstance(error_of(waits), DeadlineReached)
