"""What to do next, and why. Pure: the same settings and state always give the same decision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rescue.state import Image, Replacement, State
from rescue.steps import (
    DO_WITHOUT,
    HOLD_UP_SECONDS,
    LOAD_BALANCER,
    NEEDS,
    SIDE_BY_SIDE,
    Step,
    again_at,
    makes_image,
    pass_at,
    relaunches,
    track,
)
from spotkeeper import loop
from spotkeeper.instances import HANDS_OFF, is_held, is_spot, locked, tags_of
from spotkeeper.settings import InterruptionSettings, RetainDisks, StopSource

GIVEN_BACK_SECONDS = 5.0
LOCK_WAIT_SECONDS = 60.0
"""The lock may appear later than the event; after this long it is not coming."""


@dataclass(frozen=True)
class Decision(loop.Decision):
    """The next step and its reason; ``at``: until when to wait, seconds since 1970."""

    at: float = 0.0


def decide(settings: InterruptionSettings, state: State) -> Decision:
    """The one next step."""
    return (
        _look(state)
        or _guard(settings, state)
        or _load(state)
        or _closed(settings, state)
        or _guard_gone(state)
        or _dry_run(settings, state)
        or _lost(settings, state)
        or _next(settings, state)
    )


def plan(settings: InterruptionSettings, state: State) -> list[Decision]:
    """All steps that are due as things stand: what a dry run prints."""
    return list(_due_steps(settings, state))


def _due_steps(settings: InterruptionSettings, state: State) -> Iterator[Decision]:
    for step in dict.fromkeys(track(settings, state)):
        if reason := DUE[step](settings, state):
            yield Decision(step, reason)


def _next(settings: InterruptionSettings, state: State) -> Decision:
    """The first step that is due and may be tried now; else the wait until one may be.

    Behind a step that was refused comes only what need not wait for it (``tracks.pass_at``, ``tracks.NEEDS``). What
    load balancers have not done in time comes after the image: it is tried while that is refused.
    """
    refused: list[loop.Step] = []
    late: list[Decision] = []
    held_up = False
    for decision in _due_steps(settings, state):
        step = decision.step
        if _blocked(step, refused, state) or (held_up and step not in SIDE_BY_SIDE):
            break
        passable = pass_at(step, settings, state)
        if again_at(step, state) <= state.now:
            if not (step in LOAD_BALANCER and 0.0 < passable <= state.now):
                return _data_first(decision, refused, state)
            late.append(decision)
        refused.append(step)
        held_up = held_up or passable > state.now
    return late[0] if late else _wait(settings, state, refused)


def _blocked(step: loop.Step, refused: Sequence[loop.Step], state: State) -> bool:
    """Whether the step needs one that is refused."""
    needed = NEEDS.get(step, frozenset()).intersection(refused)
    if step is Step.STOP_SOURCE:
        return any(_is_leaving(one, state) for one in needed)
    return any(step not in DO_WITHOUT or again_at(one, state) < math.inf for one in needed)


def _is_leaving(step: loop.Step, state: State) -> bool:
    """Whether the stop before the relaunch waits for this step of the load balancers, which it does for a while.

    A server that does not run is not removed any more. The stop before the image has been held up long enough.
    """
    since = min((one.since for (refused, _), one in state.refusals.items() if refused is step), default=-math.inf)
    return state.has_image and again_at(step, state) < math.inf and state.now < since + HOLD_UP_SECONDS


def _data_first(decision: Decision, refused: Sequence[loop.Step], state: State) -> Decision:
    """Before each further try of CreateImage the disks that are not retained yet are tried again."""
    if decision.step is Step.MAKE_IMAGE and Step.RETAIN_DISKS in refused:
        disks, image = state.refusals[Step.RETAIN_DISKS, ""], state.refusals.get((Step.MAKE_IMAGE, ""))
        if image is not None and disks.tried_at <= image.tried_at:
            return Decision(Step.RETAIN_DISKS, "the disks are tried again before the image is")
    return decision


def _wait(settings: InterruptionSettings, state: State, refused: Sequence[loop.Step]) -> Decision:
    """Until the next try; where there is none, the end."""
    tries = {step: again_at(step, state) for step in refused}
    passes = [at for step in refused if (at := pass_at(step, settings, state)) > state.now]
    at = min([*tries.values(), *passes])
    if at == math.inf:
        return Decision(Step.FAIL, f"refused: {', '.join(step.value for step in refused)}")
    step = min(tries, key=lambda one: tries[one])
    return Decision(Step.WAIT, f"the next try of '{step.value}' is due in {at - state.now:.1f} s", at)


def _closed(settings: InterruptionSettings, state: State) -> Decision | None:
    if "done" in state.records:
        if state.replacement_id and not state.strays_checked and not settings.dry_run:
            if again_at(Step.CHECK_STRAYS, state) > state.now:
                return _wait(settings, state, [Step.CHECK_STRAYS])
            return Decision(Step.CHECK_STRAYS, "a call that died may have left a surplus replacement of this rescue")
        return Decision(Step.ANSWER, "the journal says that this rescue is finished")
    if state.stop_mode and state.drained and not state.unsearched and "event" in state.records:
        return Decision(Step.FINISH_STOP_MODE, "it is drained and remembered already")
    if "lost" in state.records and state.gone:
        reason = f"this rescue ended in a loss: {state.records['lost']['reason']}"
        return Decision(Step.SKIP if settings.dry_run else Step.LOSE, reason)
    return None


def _look(state: State) -> Decision | None:
    if not state.source_seen:
        return Decision(Step.LOOK, "what is true now decides, not the event")
    if state.source is not None and state.source_seen_at <= state.notice_end < state.now:
        return Decision(Step.LOOK, "the notice has ended since anybody looked")
    if state.stop_mode and state.now > max(state.notice_end, state.source_seen_at + GIVEN_BACK_SECONDS):
        return Decision(Step.LOOK, "an instance in stop mode may run again, and serve, at any moment after its notice")
    return None


def _guard(settings: InterruptionSettings, state: State) -> Decision | None:
    """Everything that keeps us from touching an instance that stands."""
    if state.source is None:
        return None
    if not is_spot(state.source):
        return Decision(Step.SKIP, "the instance is not a spot instance")
    if settings.managed_tag and not settings.managed_tag.matches(tags_of(state.source)):
        return Decision(
            Step.SKIP, f"the instance does not carry the tag {settings.managed_tag} (SPOTKEEPER_MANAGED_TAG)"
        )
    if is_held(tags_of(state.source), state.now):
        return Decision(Step.SKIP, HANDS_OFF)
    if settings.require_recycling_lock and not settings.dry_run and not locked(state.source):
        return None if _begun_under_lock(state) else _guard_unlocked(state)
    return None


def _begun_under_lock(state: State) -> bool:
    """Whether this call has begun under the lock: half a rescue leaves nobody serving, so it goes on to its end.

    In stop mode the lock goes when the instance can run again.
    """
    return state.lock_seen and not state.stop_mode


def _load(state: State) -> Decision | None:
    return None if state.loaded else Decision(Step.LOAD, "an earlier call may have begun, or finished")


def _guard_gone(state: State) -> Decision | None:
    if not state.gone:
        return None
    if not state.journal_reached:
        return Decision(
            Step.NO_JOURNAL, "the instance is gone and only the journal knows whether a rescue of it was begun"
        )
    if "event" not in state.records and state.image is Image.UNKNOWN:
        return Decision(Step.LOOK_FOR_IMAGE, "a call that had no journal may have made an image")
    if "event" not in state.records and not state.has_image:
        return Decision(Step.SKIP, "the instance does not exist (any more) and no rescue of it was begun")
    if state.stop_mode:
        return Decision(
            Step.SKIP, "the instance was drained and stopped, and has been released since: nothing is left to put back"
        )
    return None


def _dry_run(settings: InterruptionSettings, state: State) -> Decision | None:
    if settings.dry_run and not state.journal_reached:
        return Decision(Step.NO_JOURNAL, "a dry run is there to find what does not work")
    return None


def _guard_unlocked(state: State) -> Decision:
    if state.now - state.entered < LOCK_WAIT_SECONDS:
        return Decision(Step.WAIT_FOR_LOCK, "the instance is not under the Recycling lock yet")
    if not state.loaded:
        return Decision(Step.LOAD, "an earlier call may have begun under the lock")
    if "event" in state.records and not {"done", "lost"} & state.records.keys() and not state.stop_mode:
        return Decision(Step.UNLOCKED, "an earlier call has begun under the lock, and the lock is gone")
    return Decision(
        Step.SKIP,
        f"the instance is healthy: no Recycling lock within {LOCK_WAIT_SECONDS:.0f} s "
        "(SPOTKEEPER_REQUIRE_RECYCLING_LOCK=false acts without it)",
    )


def _lost(settings: InterruptionSettings, state: State) -> Decision | None:
    if not state.gone:
        return None
    if makes_image(settings, state) and state.image in {Image.NONE, Image.FAILED}:
        return Decision(Step.LOSE, "the source is released and there is no usable image of it")
    looked = state.image is not Image.UNKNOWN or not makes_image(settings, state)
    if relaunches(settings, state) and "launch-spec" not in state.records and looked:
        return Decision(Step.LOSE, "the source is released and its launch spec was never recorded")
    return None


Rule = Callable[[InterruptionSettings, State], str]
DUE: dict[loop.Step, Rule] = {}
"""Per step: why it has to be done now, or an empty text where it has not."""


def _due(step: loop.Step) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        DUE[step] = rule
        return rule

    return register


@_due(Step.OPEN)
def _open(_: InterruptionSettings, state: State) -> str:
    return "" if state.opened else "every later call must find what this one begins"


@_due(Step.LOOK_FOR_IMAGE)
def _look_for_image(_: InterruptionSettings, state: State) -> str:
    return "an earlier call may have made it" if state.image is Image.UNKNOWN else ""


@_due(Step.RETAIN_DISKS)
def _retain_disks(settings: InterruptionSettings, state: State) -> str:
    wanted = settings.retain_disks is RetainDisks.UNTIL_IMAGE and not state.gone and not state.disks_retained
    # Usable is not safe: a disk that goes takes an incomplete snapshot with it. That the flags are recorded does not
    # say that they were changed: an earlier call may have died, or been refused, between the two.
    due = wanted and not state.snapshots_complete
    return "a disk that is not released with the instance cannot be lost" if due else ""


@_due(Step.REMEMBER)
def _remember(_: InterruptionSettings, state: State) -> str:
    if "launch-spec" in state.records:
        due = not state.gone and not state.spec_checked and state.replacement is Replacement.NONE
        return "the journal is believed only where the source does not contradict it" if due else ""
    return "" if state.gone else "a released instance cannot be asked"


@_due(Step.FIND_MEMBERSHIPS)
def _find_memberships(_: InterruptionSettings, state: State) -> str:
    due = state.memberships is None or state.unsearched
    return "the weights are gone once they are 0, the memberships once it is released" if due else ""


@_due(Step.DRAIN)
def _drain(_: InterruptionSettings, state: State) -> str:
    # In stop mode the record that it is drained is what state_change goes by, even where there is nothing to drain.
    has_memberships = bool(state.memberships) or (state.memberships is not None and state.stop_mode)
    due = has_memberships and not state.gone and not state.drained and not state.removed
    return "no new requests for an instance that goes" if due else ""


@_due(Step.WAIT_DRAIN)
def _wait_drain(_: InterruptionSettings, state: State) -> str:
    due = state.memberships and not state.gone and not state.drain_waited and not state.removed
    return "requests that it has get their answer" if due else ""


@_due(Step.REMOVE)
def _remove(_: InterruptionSettings, state: State) -> str:
    return "a rescue ends with the source in no group" if state.memberships and not state.removed else ""


@_due(Step.STOP_SOURCE)
def _stop_source(settings: InterruptionSettings, state: State) -> str:
    too_late = settings.stop_source is StopSource.BEFORE_IMAGE and state.has_image
    return "" if state.stopped or too_late else f"SPOTKEEPER_STOP_SOURCE is {settings.stop_source.value}"


@_due(Step.MAKE_IMAGE)
def _make_image(_: InterruptionSettings, state: State) -> str:
    return "" if state.has_image else "the data of all disks, bootable"


@_due(Step.WAIT_IMAGE)
def _wait_image(_: InterruptionSettings, state: State) -> str:
    return "" if state.image is Image.USABLE else "only a usable image can start an instance"


@_due(Step.WAIT_SNAPSHOTS)
def _wait_snapshots(_: InterruptionSettings, state: State) -> str:
    return "" if state.stopped or state.snapshots_complete else "stopping disturbs a snapshot in creation"


@_due(Step.LAUNCH)
def _launch(_: InterruptionSettings, state: State) -> str:
    return "somebody has to do the work" if state.replacement is Replacement.NONE else ""


@_due(Step.WAIT_RUNNING)
def _wait_running(_: InterruptionSettings, state: State) -> str:
    return "" if state.replacement is Replacement.RUNNING else "only a running instance can join a group"


@_due(Step.RETURN)
def _return(_: InterruptionSettings, state: State) -> str:
    return "traffic goes where it went before" if state.memberships and not state.returned else ""


@_due(Step.ASK_HEALTH)
def _ask_health(_: InterruptionSettings, state: State) -> str:
    return "does the load balancer reach it?" if state.memberships and not state.health_asked else ""


@_due(Step.CHECK_STRAYS)
def _check_strays(_: InterruptionSettings, state: State) -> str:
    return "" if state.strays_checked else "at most one replacement may stay"


@_due(Step.RESTORE_DISKS)
def _restore_disks(settings: InterruptionSettings, state: State) -> str:
    retained = settings.retain_disks is RetainDisks.UNTIL_IMAGE and "disks" in state.records
    due = retained and not state.gone and not state.disks_settled
    return "the flags go back as they were, once every snapshot is complete" if due else ""


@_due(Step.NO_JOURNAL)
@_due(Step.FINISH)
@_due(Step.FINISH_STOP_MODE)
def _always(_: InterruptionSettings, __: State) -> str:
    return "nothing is left that could be done"
