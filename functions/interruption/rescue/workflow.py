"""A rescue on the loop: the actions, the time limit of a step, and what becomes of a refused one."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

from rescue import (
    disks,
    dry_run,
    image,
    memberships,
    remember,
    replacement,
    report,
    search,
    source,
    surplus,
    trail,
)
from rescue.actions import episode
from rescue.decide import DUE, Decision, decide
from rescue.facts import Facts, Image
from rescue.refusals import as_error, later, refused
from rescue.tools import Tools
from rescue.tracks import HOLD_UP_SECONDS, LOAD_BALANCER, SIDE_BY_SIDE, Step, again_at, track
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
Action = Callable[[Tools, Facts, Decision], Facts]


def rescue_loop(run: Tools, facts: Facts) -> Loop[Tools, Facts, Decision]:
    """The loop of one call."""
    return Loop(
        run,
        facts,
        functools.partial(decide, run.settings),
        dict.fromkeys(ACTS, _taken),
        ANSWERS,
        dry_run.answer,
        trail.audit_fields,
        limit=functools.partial(limit, run.settings),
        on_refusal=_postponed,
    )


def _taken(run: Tools, facts: Facts, decision: Decision) -> Facts:
    after = ACTS[decision.step](run, _begun(run, facts, decision.step), decision)
    return after.but(records=dict(run.episode.records))


def _begun(run: Tools, facts: Facts, step: loop.Step) -> Facts:
    began = step in LOAD_BALANCER and facts.lb_since is None and _in_track(run.settings, facts, step)
    return facts.but(lb_since=facts.now) if began else facts


def _in_track(settings: InterruptionSettings, facts: Facts, step: loop.Step) -> bool:
    return facts.loaded and step in track(settings, facts)


def _postponed(run: Tools, facts: Facts, decision: Decision, error: SpotkeeperError) -> Facts:
    """A refused step of the track is tried again later; without a journal less is done. Raises any other error."""
    step = decision.step
    facts = _begun(run, facts, step).but(records=dict(run.episode.records))
    if isinstance(error, JournalUnavailable) and facts.journal_reached and step is not Step.NO_JOURNAL:
        run.journal_error = error
        return facts.but(journal_reached=False, loaded=True)
    passes = isinstance(error, (CloudError, DeadlineReached, RescueFailed, NoCapacity))
    if not passes or isinstance(error, RescueLost) or not _in_track(run.settings, facts, step):
        raise error
    return _refused(run, facts, step, error)


def _refused(run: Tools, facts: Facts, step: loop.Step, error: SpotkeeperError) -> Facts:
    now, until, too_slow = run.clock.now(), run.step.until, _too_slow(run.settings, facts, step)
    if isinstance(error, DeadlineReached) and until.at >= run.deadline.at:
        raise error
    if step is Step.MAKE_IMAGE and facts.image is Image.FAILED:
        facts = facts.but(image=Image.UNKNOWN)  # the try after the failed one may have made an image all the same
    if isinstance(error, DeadlineReached) and not too_slow:
        return later(facts, step, "", error, now + max(TICK, until.remaining()))
    after = refused(facts, step, "", error, now)
    first = (step, "") not in facts.refusals
    return after.warn(f"{step.value}: {error}") if first and (step in SIDE_BY_SIDE or too_slow) else after


def limit(settings: InterruptionSettings, facts: Facts, decision: Decision) -> float:
    """Until when the step may wait inside itself (seconds since 1970): not past the next try of what is more urgent."""
    step = decision.step
    if not _in_track(settings, facts, step):
        return math.inf
    if step in AT_ONCE_OR_LATER:
        return facts.now + (search.SLICE_SECONDS if step is Step.FIND_MEMBERSHIPS else 0.0)
    steps = track(settings, facts)
    urgent = [one for one in steps[: steps.index(step)] if DUE[one](settings, facts)]
    if step is Step.MAKE_IMAGE and Step.RETAIN_DISKS in urgent:
        return facts.now  # the disks have their turn before each further try
    tries = min((again_at(one, facts) for one in urgent), default=math.inf)
    return min(tries, facts.now + HOLD_UP_SECONDS) if _too_slow(settings, facts, step) else tries


def _too_slow(settings: InterruptionSettings, facts: Facts, step: loop.Step) -> bool:
    """Whether the step may not hold up the image for long: a source that does not stop is imaged as it runs."""
    before_image = settings.stop_source is StopSource.BEFORE_IMAGE and not facts.has_image
    return step is Step.STOP_SOURCE and before_image


def wait(run: Tools, facts: Facts, decision: Decision) -> Facts:
    """Sleep until the next try. Raises what was refused where this call has no time for one."""
    seconds = decision.at - run.clock.now()
    if seconds >= run.deadline.remaining():
        raise as_error(facts)
    run.clock.sleep(seconds)
    return facts.but(now=run.clock.now())


def fail(_: Tools, facts: Facts, __: Decision) -> Facts:
    """The end of a call in which something was refused for good, once everything else is done."""
    raise as_error(facts)


def find(run: Tools, facts: Facts, _: Decision) -> Facts:
    """Search where the last search stopped."""
    if run.search is None:
        run.search = search.begin(run, facts)
    return search.find(run, facts, run.search, run.step.until)


ACTS: dict[loop.Step, Action] = {
    Step.LOOK: lambda run, facts, _: source.look(run, facts),
    Step.WAIT_FOR_LOCK: lambda run, facts, _: source.wait_for_lock(run, facts),
    Step.LOAD: episode.load,
    Step.WAIT: wait,
    Step.OPEN: episode.begin,
    Step.LOOK_FOR_IMAGE: lambda run, facts, _: image.look_for_image(run, facts),
    Step.RETAIN_DISKS: lambda run, facts, _: disks.retain(run, facts, run.step.until),
    Step.REMEMBER: remember.remember,
    Step.FIND_MEMBERSHIPS: find,
    Step.DRAIN: lambda run, facts, _: memberships.drain(run, facts),
    Step.WAIT_DRAIN: lambda run, facts, _: memberships.wait_drain(run, facts, run.step.until),
    Step.REMOVE: lambda run, facts, _: memberships.remove(run, facts),
    Step.STOP_SOURCE: lambda run, facts, _: source.stop(run, facts, run.step.until),
    Step.MAKE_IMAGE: lambda run, facts, _: image.make_image(run, facts, run.step.until),
    Step.WAIT_IMAGE: lambda run, facts, _: image.wait_for_image(run, facts, run.step.until),
    Step.WAIT_SNAPSHOTS: lambda run, facts, _: disks.wait_for_snapshots(run, facts, run.step.until),
    Step.LAUNCH: lambda run, facts, _: replacement.launch(run, facts),
    Step.WAIT_RUNNING: lambda run, facts, _: replacement.wait_until_running(run, facts, run.step.until),
    Step.RETURN: lambda run, facts, _: memberships.return_replacement(run, facts),
    Step.ASK_HEALTH: lambda run, facts, _: memberships.ask_health(run, facts),
    Step.CHECK_STRAYS: lambda run, facts, _: surplus.check_strays(run, facts),
    Step.RESTORE_DISKS: lambda run, facts, _: disks.restore(run, facts, run.step.until),
    Step.FAIL: fail,
    Step.UNLOCKED: episode.unlocked,
    Step.NO_JOURNAL: episode.no_journal,
    Step.LOSE: episode.lose,
    Step.FINISH: episode.finish,
}
ANSWERS: Answers[Tools, Facts, Decision] = {
    Step.SKIP: report.skipped,
    Step.ANSWER: report.recorded,
    Step.FINISH_STOP_MODE: report.stop_mode,
}
