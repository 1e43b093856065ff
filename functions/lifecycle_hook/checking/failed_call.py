"""Refused steps, and the end of a hook after a failure of this function."""

from __future__ import annotations

import contextlib

from checking.actions import completion, heartbeat, tags
from checking.actions.commands import RUN
from checking.context import Context
from checking.decide import RETRY_SECONDS, failure
from checking.state import State
from checking.steps import Decision, Step
from spotkeeper.errors import DeadlineReached, SpotkeeperError, WaitFailed
from spotkeeper.failed_steps import failed, next_try
from spotkeeper.loop import Loop

TAG_SECONDS = 5.0
"""The time limit of the life tag after a failure."""
HookLoop = Loop[Context, State, Decision]


def tried_again_later(run: Context, state: State, decision: Decision, error: SpotkeeperError) -> State:
    """A refused step waits for its next try; an error that does not pass is raised."""
    refusal = failed(state.refusal(decision.step), error, state.now, run.clock.now(), next_try(RUN))
    if state.ended or refusal.final:
        raise error
    return state.refused(decision.step, refusal)


def leave(_: Context, state: State, decision: Decision) -> State:
    """End the call. Raises ``DeadlineReached``."""
    raise DeadlineReached(f"{state.event.hook_id}: {decision.reason}; the next call goes on")


def fail(_: Context, state: State, decision: Decision) -> State:
    """End the call with an error: the refusal of the heartbeat, else ``WaitFailed``."""
    raise state.heartbeat_error or WaitFailed(f"lifecycle action of {state.event.hook_id}: {decision.reason}")


def after(loop: HookLoop, error: Exception) -> None:
    """Keep the hook open after a failure of this function while another call has time: that is no failed check.

    Otherwise complete it with the result that was sent without an answer, else with SPOTKEEPER_HOOK_ON_INTERNAL_ERROR,
    else with its own DefaultResult.
    """
    run, state = loop.run, loop.state.replace(now=loop.run.clock.now())
    if state.ended or _extended(loop, state):
        return
    # After a failed check, or without any instance to check, the result of the check plan counts.
    result = state.sent or run.settings.on_internal_error or state.default_result
    if state.check_plan and not state.sent and (state.progress.failures or not state.progress.instance_ids):
        result = failure(state, state.check_plan, "").result
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
    """Whether the hook lives until another call can come, or has ended; with a heartbeat where it is needed."""
    run = loop.run
    if state.life_known and state.left >= RETRY_SECONDS:
        return True
    run.step_limit.until = run.deadline
    decision = Decision(Step.HEARTBEAT, "another call needs time after this failure")
    state = state.replace(looked=True)
    try:
        extended = heartbeat.heartbeat(run, state, decision) if state.heartbeat else state
    except SpotkeeperError:
        return not state.life_known
    loop.record(state, extended, decision)
    if extended.unrecorded:
        run.step_limit.until = run.deadline.sooner(TAG_SECONDS)
        with contextlib.suppress(SpotkeeperError):
            tags.record_life(run, extended, decision)
    return extended.left >= RETRY_SECONDS or not extended.looked
