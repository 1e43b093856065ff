"""The loop of a rescue: its actions, the time limit of a step, and the handling of a refused step."""

from __future__ import annotations

import functools
import math

from rescue import answer, audit_records, dry_run
from rescue.actions import (
    create_image,
    disk_flags,
    duplicate_replacements,
    episode,
    image,
    membership_search,
    memberships,
    record_launch_spec,
    replacement,
    snapshots,
    source_instance,
)
from rescue.context import Context
from rescue.decide import Decision, decide
from rescue.next_try import continue_at, error_of, try_later
from rescue.state import Image, State
from rescue.step_conditions import CONDITIONS
from rescue.steps import HOLD_UP_SECONDS, INDEPENDENT_STEPS, LOAD_BALANCER_STEPS, Step, again_at, ordered_steps
from spotkeeper import loop
from spotkeeper.errors import (
    CloudError,
    DeadlineReached,
    JournalUnavailable,
    NoCapacity,
    RescueFailed,
    RescueLost,
    SpotkeeperError,
)
from spotkeeper.loop import Actions, Answers, Loop
from spotkeeper.settings.interruption import InterruptionSettings, StopSource

WITHOUT_WAIT = INDEPENDENT_STEPS - {Step.WAIT_DRAIN} | {Step.LOOK_FOR_IMAGE}
"""Steps that never wait inside themselves: the loop tries them again."""
TICK = 0.1
"""The shortest pause, in seconds, of a step whose time was up."""


def rescue_loop(run: Context, state: State) -> Loop[Context, State, Decision]:
    """The loop of a call."""
    return Loop(
        run,
        state,
        functools.partial(decide, run.settings),
        dict.fromkeys(ACTIONS, _take),
        ANSWERS,
        dry_run.answer,
        audit_records.audit_fields,
        step_limit=functools.partial(step_limit, run.settings),
        on_refusal=_after_refusal,
    )


def _take(run: Context, state: State, decision: Decision) -> State:
    after = ACTIONS[decision.step](run, _begin(run, state, decision.step), decision)
    return after.replace(records=dict(run.episode.records))


def _begin(run: Context, state: State, step: loop.Step) -> State:
    """The time of the load balancer steps begins with the first of them."""
    begins = step in LOAD_BALANCER_STEPS and state.load_balancers_since is None
    return state.replace(load_balancers_since=state.now) if begins and _is_ordered(run.settings, state, step) else state


def _is_ordered(settings: InterruptionSettings, state: State, step: loop.Step) -> bool:
    return state.loaded and step in ordered_steps(settings, state)


def _after_refusal(run: Context, state: State, decision: Decision, error: SpotkeeperError) -> State:
    """Plan the next try of a step of the rescue; without a journal, go on with fewer steps. Raises any other error."""
    step = decision.step
    state = _begin(run, state, step).replace(records=dict(run.episode.records))
    if isinstance(error, JournalUnavailable) and state.journal_reached and step is not Step.NO_JOURNAL:
        run.journal_error = error
        return state.replace(journal_reached=False, loaded=True)
    passes = isinstance(error, (CloudError, DeadlineReached, RescueFailed, NoCapacity))
    if not passes or isinstance(error, RescueLost) or not _is_ordered(run.settings, state, step):
        raise error
    return _plan_next_try(run, state, step, error)


def _plan_next_try(run: Context, state: State, step: loop.Step, error: SpotkeeperError) -> State:
    now, until, hurried = run.clock.now(), run.step_limit.until, _is_hurried(run.settings, state, step)
    if isinstance(error, DeadlineReached) and until.at >= run.deadline.at:
        raise error
    if step is Step.MAKE_IMAGE and state.image is Image.FAILED:
        state = state.replace(image=Image.UNKNOWN)  # the try after the failed image may have made an image nevertheless
    if isinstance(error, DeadlineReached) and not hurried:
        return continue_at(state, step, "", error, now + max(TICK, until.remaining()))
    after = try_later(state, step, "", error, now)
    first = state.refusal(step) is None
    return after.warn(f"{step.value}: {error}") if first and (step in INDEPENDENT_STEPS or hurried) else after


def step_limit(settings: InterruptionSettings, state: State, decision: Decision) -> float:
    """Until when a step may wait inside itself (seconds since 1970): not past the next try of a more urgent step."""
    step = decision.step
    if not _is_ordered(settings, state, step):
        return math.inf
    if step in WITHOUT_WAIT:
        return state.now + (membership_search.SLICE_SECONDS if step is Step.FIND_MEMBERSHIPS else 0.0)
    steps = ordered_steps(settings, state)
    urgent = [other for other in steps[: steps.index(step)] if CONDITIONS[other].applies(settings, state)]
    if step is Step.MAKE_IMAGE and Step.RETAIN_DISKS in urgent:
        return state.now  # the disks are tried before each further try of the image
    tries = min((again_at(other, state) for other in urgent), default=math.inf)
    return min(tries, state.now + HOLD_UP_SECONDS) if _is_hurried(settings, state, step) else tries


def _is_hurried(settings: InterruptionSettings, state: State, step: loop.Step) -> bool:
    """Whether the step must not delay the image for long: a source that does not stop is imaged while it runs."""
    return step is Step.STOP_SOURCE and settings.stop_source is StopSource.BEFORE_IMAGE and not state.has_image


def wait(run: Context, state: State, decision: Decision) -> State:
    """Sleep until the next try. Raises the refusals if this call has no time for a next try."""
    seconds = decision.at - run.clock.now()
    if seconds >= run.deadline.remaining():
        raise _error_of(run, state)
    run.clock.sleep(seconds)
    return state.replace(now=run.clock.now())


def fail(run: Context, state: State, _: Decision) -> State:
    """End a call in which a step was refused for good, after all other steps. Raises the refusals."""
    raise _error_of(run, state)


def _error_of(run: Context, state: State) -> SpotkeeperError:
    """An error of the journal comes first: it is the reason why the call has done no more."""
    error = error_of(state)
    return error if run.journal_error is None else run.journal_error.adding(f" {error}")


ACTIONS: Actions[Context, State, Decision] = {
    Step.LOOK: source_instance.look,
    Step.WAIT_FOR_LOCK: source_instance.wait_for_lock,
    Step.LOAD: episode.load,
    Step.WAIT: wait,
    Step.OPEN: episode.begin,
    Step.LOOK_FOR_IMAGE: image.look_for_image,
    Step.RETAIN_DISKS: disk_flags.retain,
    Step.RECORD_LAUNCH_SPEC: record_launch_spec.record,
    Step.FIND_MEMBERSHIPS: membership_search.find,
    Step.LOOK_AT_WEIGHTS: memberships.look_at_weights,
    Step.DRAIN: memberships.drain,
    Step.WAIT_DRAIN: memberships.wait_drain,
    Step.REMOVE: memberships.remove,
    Step.STOP_SOURCE: source_instance.stop,
    Step.MAKE_IMAGE: create_image.make_image,
    Step.WAIT_IMAGE: image.wait_for_image,
    Step.WAIT_SNAPSHOTS: snapshots.wait_for_snapshots,
    Step.LAUNCH: replacement.launch,
    Step.WAIT_RUNNING: replacement.wait_until_running,
    Step.ADD_REPLACEMENT: memberships.add_replacement,
    Step.ASK_HEALTH: memberships.ask_health,
    Step.DELETE_DUPLICATES: duplicate_replacements.delete_duplicates,
    Step.RESTORE_DISKS: disk_flags.restore,
    Step.FAIL: fail,
    Step.UNLOCKED: episode.unlocked,
    Step.NO_JOURNAL: episode.no_journal,
    Step.LOSE: episode.lose,
    Step.FINISH: episode.finish,
}
ANSWERS: Answers[Context, State, Decision] = {
    Step.SKIP: answer.skipped,
    Step.ANSWER: answer.recorded,
    Step.FINISH_STOP_MODE: answer.stop_mode,
}
