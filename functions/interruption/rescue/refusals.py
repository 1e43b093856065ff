"""When a step that was refused is tried again. Pure: the loop asks, and decides anew between two tries."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping

from rescue.image import CREATE_CONFLICTS
from rescue.ladder import RUN_CONFLICTS
from rescue.source import STOP_CONFLICTS
from rescue.state import State
from rescue.steps import Step
from rescue.surplus import DELETE_CONFLICTS
from spotkeeper import loop, refusals
from spotkeeper.errors import CloudError, DeadlineReached, NoCapacity, RescueIncomplete, SpotkeeperError
from spotkeeper.load_balancers import BUSY
from spotkeeper.retry import PLAIN, RetryPolicy, passes_by_itself, patience, pause_before

CONFLICTS: Mapping[loop.Step, RetryPolicy] = {
    Step.FIND_MEMBERSHIPS: BUSY,
    Step.DRAIN: BUSY,
    Step.REMOVE: BUSY,
    Step.RETURN: BUSY,
    Step.STOP_SOURCE: STOP_CONFLICTS,
    Step.MAKE_IMAGE: CREATE_CONFLICTS,
    Step.WAIT_IMAGE: RetryPolicy(conflicts=frozenset({"IncorrectImageStatus"})),  # of a second image that is to go
    Step.LAUNCH: RUN_CONFLICTS,
    Step.CHECK_STRAYS: DELETE_CONFLICTS,
}
"""What passes by itself when somebody else is finished, by step."""
LONG_SECONDS = 60.0
LONG_PAUSE = 30.0
"""What refuses for longer than the first is asked at intervals of the second; but not the data."""
URGENT = frozenset({Step.RETAIN_DISKS, Step.MAKE_IMAGE})
FIRST_ROUND_PAUSE = 10.0
LONGEST_ROUND_PAUSE = 60.0
"""Seconds between two rounds of the ladder; doubled from the first to the longest."""


def refused(  # noqa: PLR0913 - what was refused, by what, and when
    state: State,
    step: loop.Step,
    what: str,
    error: SpotkeeperError,
    now: float,
    chance: Callable[[], float] = random.random,
) -> State:
    """The state with a try that did not succeed, and with the moment of the next one."""

    def next_try(error: SpotkeeperError, since: float, tries: int, now: float) -> float:
        return _again_at(error, step, since, tries, now, chance)

    refusal = refusals.refused(state.refusal(step, what), error, min(now, state.now), now, next_try)
    return state.refused(step, refusal, what)


def _again_at(  # noqa: PLR0913 - see refused
    error: SpotkeeperError, step: loop.Step, since: float, tries: int, now: float, chance: Callable[[], float]
) -> float:
    if isinstance(error, NoCapacity):
        pause = min(LONGEST_ROUND_PAUSE, FIRST_ROUND_PAUSE * 2.0 ** (tries - 1))
        return now + pause * (0.8 + 0.2 * chance())  # keeps many rescues out of step
    policy = CONFLICTS.get(step, PLAIN)
    if step is Step.RETAIN_DISKS and isinstance(error, CloudError):
        policy = RetryPolicy(conflicts=frozenset({error.code}))  # the data is worth a try under any code
    if not isinstance(error, CloudError) or not passes_by_itself(error, policy):
        return math.inf
    pause = pause_before(error, tries - 1, now, chance)
    if now - since > LONG_SECONDS and step not in URGENT:
        pause = max(pause, LONG_PAUSE * (0.8 + 0.2 * chance()))
    return now + pause if now - since + pause <= patience(error, policy) else math.inf


def later(state: State, step: loop.Step, what: str, error: SpotkeeperError, at: float) -> State:
    """The state with a step that goes on at a moment: its time was up, or it waits for something."""
    return state.refused(step, refusals.postponed(state.refusal(step, what), error, state.now, at), what)


def as_error(state: State) -> SpotkeeperError:
    """What a call raises that ends with refusals: a single one itself, several in one message."""
    errors = list({str(one.error): one.error for one in state.refusals.values()}.values())
    if len(errors) == 1:
        return errors[0]
    named = "; ".join(map(str, errors))
    if all(_passes(step, one.error) for (step, _), one in state.refusals.items()):
        return DeadlineReached(f"this call's time is up, the next goes on. {len(errors)} steps wait: {named}")
    return RescueIncomplete(f"{len(errors)} steps were refused; what does not need them is done: {named}")


def _passes(step: loop.Step, error: SpotkeeperError) -> bool:
    """Whether a later call may well get on without anybody settling anything."""
    if isinstance(error, CloudError):
        return passes_by_itself(error, CONFLICTS.get(step, PLAIN))
    return isinstance(error, (DeadlineReached, NoCapacity))
