"""When a refused step is tried again, and what a call with refused steps raises. Pure."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Callable, Mapping

from rescue.actions.create_image import CREATE_CONFLICTS
from rescue.actions.duplicate_replacements import DELETE_CONFLICTS
from rescue.actions.launch_refusals import RUN_CONFLICTS
from rescue.actions.source_instance import STOP_CONFLICTS
from rescue.state import State
from rescue.steps import Step
from spotkeeper import failed_steps, loop
from spotkeeper.errors import CloudError, DeadlineReached, NoCapacity, RescueIncomplete, SpotkeeperError
from spotkeeper.load_balancers import BUSY
from spotkeeper.retry import PLAIN, RetryPolicy, passes_by_itself, patience, pause_before

CONFLICTS: Mapping[loop.Step, RetryPolicy] = {
    Step.FIND_MEMBERSHIPS: BUSY,
    Step.DRAIN: BUSY,
    Step.REMOVE: BUSY,
    Step.ADD_REPLACEMENT: BUSY,
    Step.STOP_SOURCE: STOP_CONFLICTS,
    Step.MAKE_IMAGE: CREATE_CONFLICTS,
    Step.WAIT_IMAGE: RetryPolicy(conflicts=frozenset({"IncorrectImageStatus"})),  # DeleteImage of a second image
    Step.LAUNCH: RUN_CONFLICTS,
    Step.DELETE_DUPLICATES: DELETE_CONFLICTS,
}
"""The conflicts of each step, which pass when another operation is finished."""
LONG_SECONDS = 60.0
LONG_PAUSE = 30.0
"""After ``LONG_SECONDS`` of refusals, the pauses are at least ``LONG_PAUSE``, but not for the data."""
URGENT = frozenset({Step.RETAIN_DISKS, Step.MAKE_IMAGE})
FIRST_ROUND_PAUSE = 10.0
LONGEST_ROUND_PAUSE = 60.0
"""Seconds between two rounds of launch options; doubled from the first to the longest."""


def try_later(  # noqa: PLR0913 - the step, its error, and the time
    state: State,
    step: loop.Step,
    part: str,
    error: SpotkeeperError,
    now: float,
    chance: Callable[[], float] = random.random,
) -> State:
    """The state after a failed try of (a part of) a step, with the moment of the next try.

    During the notice, what passes by itself is tried again to the end: nobody else tries while this call works.
    """
    patient = not state.gone and now < state.notice_end
    next_try = functools.partial(_again_at, step, chance, patient)
    refusal = failed_steps.failed(state.refusal(step, part), error, min(now, state.now), now, next_try)
    return state.refused(step, refusal, part)


def _again_at(  # noqa: PLR0913 - see try_later
    step: loop.Step,
    chance: Callable[[], float],
    patient: bool,  # noqa: FBT001 - given by partial
    error: SpotkeeperError,
    since: float,
    tries: int,
    now: float,
) -> float:
    if isinstance(error, NoCapacity):
        pause = min(LONGEST_ROUND_PAUSE, FIRST_ROUND_PAUSE * 2.0 ** (tries - 1))
        return now + pause * (0.8 + 0.2 * chance())  # keeps many rescues out of step
    policy = CONFLICTS.get(step, PLAIN)
    if step is Step.RETAIN_DISKS and isinstance(error, CloudError):
        policy = RetryPolicy(conflicts=frozenset({error.code}))  # the data is worth a try after any error
    if not isinstance(error, CloudError) or not passes_by_itself(error, policy):
        return math.inf
    pause = pause_before(error, tries - 1, now, chance)
    if now - since > LONG_SECONDS and step not in URGENT:
        pause = max(pause, LONG_PAUSE * (0.8 + 0.2 * chance()))
    return now + pause if patient or now - since + pause <= patience(error, policy) else math.inf


def continue_at(state: State, step: loop.Step, part: str, error: SpotkeeperError, at: float) -> State:
    """The state with a step that continues at a moment: its time was up, or it waits."""
    return state.refused(step, failed_steps.postponed(state.refusal(step, part), error, state.now, at), part)


def error_of(state: State) -> SpotkeeperError:
    """The error that a call with refused steps raises: a single error itself, several errors in one message."""
    errors = list({str(refusal.error): refusal.error for refusal in state.refusals.values()}.values())
    if len(errors) == 1:
        return errors[0]
    texts = "; ".join(map(str, errors))
    if all(_passes(step, refusal.error) for (step, _), refusal in state.refusals.items()):
        return DeadlineReached(f"this call's time is up, the next call goes on. {len(errors)} steps wait: {texts}")
    return RescueIncomplete(f"{len(errors)} steps were refused; all steps that do not need them are done: {texts}")


def _passes(step: loop.Step, error: SpotkeeperError) -> bool:
    """Whether a later call may get further although nobody settles anything."""
    if isinstance(error, CloudError):
        return passes_by_itself(error, CONFLICTS.get(step, PLAIN))
    return isinstance(error, (DeadlineReached, NoCapacity))
