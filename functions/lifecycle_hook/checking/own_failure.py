"""Refused calls, and the end of a hook after a failure of this function itself."""

from __future__ import annotations

import contextlib

from checking.actions import completion, heartbeat, tags
from checking.commands import RUN
from checking.context import Context
from checking.decide import RETRY_SECONDS
from checking.state import State
from checking.steps import Decision, Step
from spotkeeper.errors import DeadlineReached, SpotkeeperError, WaitFailed
from spotkeeper.events import HookResult
from spotkeeper.loop import Loop
from spotkeeper.refusals import next_try, refused

TAG_SECONDS = 5.0
"""The time of a call that fails for recording how long the hook lives."""
HookLoop = Loop[Context, State, Decision]


def tried_again_later(run: Context, state: State, decision: Decision, error: SpotkeeperError) -> State:
    """A refused step is held up until its next try; an error that does not pass is raised."""
    refusal = refused(state.refusal(decision.step), error, state.now, run.clock.now(), next_try(RUN))
    if state.over or refusal.final:
        raise error
    return state.refused(decision.step, refusal)


def leave(_: Context, state: State, decision: Decision) -> State:
    """This call ends here. Raises ``DeadlineReached``."""
    raise DeadlineReached(f"{state.event.hook_id}: {decision.reason}; the next call goes on")


def fail(_: Context, state: State, decision: Decision) -> State:
    """Nothing more can be done. Raises the refusal of the heartbeat, else ``WaitFailed``."""
    raise state.heartbeat_error or WaitFailed(f"lifecycle action of {state.event.hook_id}: {decision.reason}")


def after(loop: HookLoop, error: Exception) -> None:
    """A failure of this function is not a failed check: the hook stays open while there is time for another call.

    Otherwise the hook ends as SPOTKEEPER_HOOK_ON_INTERNAL_ERROR says, else with its own DefaultResult, as it would
    without any call; but with a record.
    """
    run, state = loop.run, loop.state.replace(now=loop.run.clock.now())
    if state.over or _extended(loop, state):
        return
    result = _result(run, state)
    if result is None:
        return
    decision = Decision(Step.COMPLETE, f"{state.left:.0f} s are too few for another call after {error}", result)
    try:
        completion.send(run, state, result)
    except SpotkeeperError as refusal:
        loop.record(state, state, decision, refusal)  # the caller raises the error that led here
    else:
        loop.record(state, state, decision)


def _extended(loop: HookLoop, state: State) -> bool:
    """Whether the hook lives until another call can come, or is over; only a refusal says that it does not."""
    run = loop.run
    if state.life_known and state.left >= RETRY_SECONDS:
        return True
    run.step.until = run.deadline
    decision = Decision(Step.HEARTBEAT, "another call has to come")
    state = state.replace(looked=True)
    try:
        extended = heartbeat.heartbeat(run, state, decision) if state.heartbeat else state
    except SpotkeeperError:
        return not state.life_known
    loop.record(state, extended, decision)
    if extended.unrecorded:
        run.step.until = run.deadline.sooner(TAG_SECONDS)
        with contextlib.suppress(SpotkeeperError):
            tags.record_life(run, extended, decision)
    return extended.left >= RETRY_SECONDS or not extended.looked


def _result(run: Context, state: State) -> HookResult | None:
    """The result to complete with: after a failed check, or without any instance to check, that of the check plan."""
    if state.check_plan and state.progress and (state.progress.failures or not state.progress.instance_ids):
        return state.check_plan.on_failure
    return run.settings.on_internal_error or state.default_result
