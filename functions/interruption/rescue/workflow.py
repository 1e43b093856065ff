"""A rescue on the loop: the actions, the time limit of a step, and what becomes of a refused one."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from rescue import (
    answer,
    audit_records,
    disks,
    dry_run,
    image,
    memberships,
    remember,
    replacement,
    search,
    source,
    surplus,
)
from rescue.actions import episode
from rescue.context import Context
from rescue.decide import DUE, Decision, decide
from rescue.refusals import as_error, later, refused
from rescue.state import Image, State
from rescue.steps import HOLD_UP_SECONDS, LOAD_BALANCER, SIDE_BY_SIDE, Step, again_at, track
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
from spotkeeper.loop import Answers, Loop
from spotkeeper.settings import InterruptionSettings, StopSource

AT_ONCE_OR_LATER = SIDE_BY_SIDE - {Step.WAIT_DRAIN} | {Step.LOOK_FOR_IMAGE}
"""Steps that wait for nothing: what is refused of them is tried again by the loop."""
TICK = 0.1
"""Seconds that pass at least before a step goes on whose time was up."""
Action = Callable[[Context, State, Decision], State]


def rescue_loop(run: Context, state: State) -> Loop[Context, State, Decision]:
    """The loop of one call."""
    return Loop(
        run,
        state,
        functools.partial(decide, run.settings),
        dict.fromkeys(ACTS, _taken),
        ANSWERS,
        dry_run.answer,
        audit_records.audit_fields,
        limit=functools.partial(limit, run.settings),
        on_refusal=_postponed,
    )


def _taken(run: Context, state: State, decision: Decision) -> State:
    after = ACTS[decision.step](run, _begun(run, state, decision.step), decision)
    return after.replace(records=dict(run.episode.records))


def _begun(run: Context, state: State, step: loop.Step) -> State:
    began = step in LOAD_BALANCER and state.lb_since is None and _in_track(run.settings, state, step)
    return state.replace(lb_since=state.now) if began else state


def _in_track(settings: InterruptionSettings, state: State, step: loop.Step) -> bool:
    return state.loaded and step in track(settings, state)


def _postponed(run: Context, state: State, decision: Decision, error: SpotkeeperError) -> State:
    """A refused step of the track is tried again later; without a journal less is done. Raises any other error."""
    step = decision.step
    state = _begun(run, state, step).replace(records=dict(run.episode.records))
    if isinstance(error, JournalUnavailable) and state.journal_reached and step is not Step.NO_JOURNAL:
        run.journal_error = error
        return state.replace(journal_reached=False, loaded=True)
    passes = isinstance(error, (CloudError, DeadlineReached, RescueFailed, NoCapacity))
    if not passes or isinstance(error, RescueLost) or not _in_track(run.settings, state, step):
        raise error
    return _refused(run, state, step, error)


def _refused(run: Context, state: State, step: loop.Step, error: SpotkeeperError) -> State:
    now, until, too_slow = run.clock.now(), run.step.until, _too_slow(run.settings, state, step)
    if isinstance(error, DeadlineReached) and until.at >= run.deadline.at:
        raise error
    if step is Step.MAKE_IMAGE and state.image is Image.FAILED:
        state = state.replace(image=Image.UNKNOWN)  # the try after the failed one may have made an image all the same
    if isinstance(error, DeadlineReached) and not too_slow:
        return later(state, step, "", error, now + max(TICK, until.remaining()))
    after = refused(state, step, "", error, now)
    first = (step, "") not in state.refusals
    return after.warn(f"{step.value}: {error}") if first and (step in SIDE_BY_SIDE or too_slow) else after


def limit(settings: InterruptionSettings, state: State, decision: Decision) -> float:
    """Until when the step may wait inside itself (seconds since 1970): not past the next try of what is more urgent."""
    step = decision.step
    if not _in_track(settings, state, step):
        return math.inf
    if step in AT_ONCE_OR_LATER:
        return state.now + (search.SLICE_SECONDS if step is Step.FIND_MEMBERSHIPS else 0.0)
    steps = track(settings, state)
    urgent = [one for one in steps[: steps.index(step)] if DUE[one](settings, state)]
    if step is Step.MAKE_IMAGE and Step.RETAIN_DISKS in urgent:
        return state.now  # the disks have their turn before each further try
    tries = min((again_at(one, state) for one in urgent), default=math.inf)
    return min(tries, state.now + HOLD_UP_SECONDS) if _too_slow(settings, state, step) else tries


def _too_slow(settings: InterruptionSettings, state: State, step: loop.Step) -> bool:
    """Whether the step may not hold up the image for long: a source that does not stop is imaged as it runs."""
    before_image = settings.stop_source is StopSource.BEFORE_IMAGE and not state.has_image
    return step is Step.STOP_SOURCE and before_image


def wait(run: Context, state: State, decision: Decision) -> State:
    """Sleep until the next try. Raises what was refused where this call has no time for one."""
    seconds = decision.at - run.clock.now()
    if seconds >= run.deadline.remaining():
        raise _as_error(run, state)
    run.clock.sleep(seconds)
    return state.replace(now=run.clock.now())


def fail(run: Context, state: State, _: Decision) -> State:
    """The end of a call in which something was refused for good, once everything else is done."""
    raise _as_error(run, state)


def _as_error(run: Context, state: State) -> SpotkeeperError:
    """Without a journal, or a record that it cannot do without, a call says that first: it is why it did no more."""
    error = as_error(state)
    return error if run.journal_error is None else run.journal_error.adding(f" {error}")


def find(run: Context, state: State, _: Decision) -> State:
    """Search where the last search stopped."""
    if run.search is None:
        run.search = search.begin(run, state)
    return search.find(run, state, run.search, run.step.until)


ACTS: dict[loop.Step, Action] = {
    Step.LOOK: lambda run, state, _: source.look(run, state),
    Step.WAIT_FOR_LOCK: lambda run, state, _: source.wait_for_lock(run, state),
    Step.LOAD: episode.load,
    Step.WAIT: wait,
    Step.OPEN: episode.begin,
    Step.LOOK_FOR_IMAGE: lambda run, state, _: image.look_for_image(run, state),
    Step.RETAIN_DISKS: lambda run, state, _: disks.retain(run, state, run.step.until),
    Step.REMEMBER: remember.remember,
    Step.FIND_MEMBERSHIPS: find,
    Step.DRAIN: lambda run, state, _: memberships.drain(run, state),
    Step.WAIT_DRAIN: lambda run, state, _: memberships.wait_drain(run, state, run.step.until),
    Step.REMOVE: lambda run, state, _: memberships.remove(run, state),
    Step.STOP_SOURCE: lambda run, state, _: source.stop(run, state, run.step.until),
    Step.MAKE_IMAGE: lambda run, state, _: image.make_image(run, state, run.step.until),
    Step.WAIT_IMAGE: lambda run, state, _: image.wait_for_image(run, state, run.step.until),
    Step.WAIT_SNAPSHOTS: lambda run, state, _: disks.wait_for_snapshots(run, state, run.step.until),
    Step.LAUNCH: lambda run, state, _: replacement.launch(run, state),
    Step.WAIT_RUNNING: lambda run, state, _: replacement.wait_until_running(run, state, run.step.until),
    Step.RETURN: lambda run, state, _: memberships.return_replacement(run, state),
    Step.ASK_HEALTH: lambda run, state, _: memberships.ask_health(run, state),
    Step.CHECK_STRAYS: lambda run, state, _: surplus.check_strays(run, state),
    Step.RESTORE_DISKS: lambda run, state, _: disks.restore(run, state, run.step.until),
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
