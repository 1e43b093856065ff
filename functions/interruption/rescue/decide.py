"""The next step, and its reason. Pure: the same settings and state always give the same decision."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rescue.state import Image, Replacement, State
from rescue.step_conditions import CONDITIONS
from rescue.steps import (
    HOLD_UP_SECONDS,
    INDEPENDENT_STEPS,
    LOAD_BALANCER_STEPS,
    NEEDS,
    OPTIONAL_NEEDS,
    Step,
    again_at,
    blocks_until,
    makes_image,
    ordered_steps,
    relaunches,
)
from spotkeeper import loop
from spotkeeper.episode import has_attempt
from spotkeeper.instances import HELD, is_held, is_spot, locked, tags_of
from spotkeeper.settings.interruption import InterruptionSettings

RESTORED_SECONDS = 5.0
"""In stop mode, a look at the source is out of date after this time."""
LOCK_WAIT_SECONDS = 60.0
"""The lock can appear after the event; after this time it is not expected any more."""


@dataclass(frozen=True)
class Decision(loop.Decision):
    """The next step and its reason; ``at``: until when to wait, seconds since 1970."""

    at: float = 0.0


def decide(settings: InterruptionSettings, state: State) -> Decision:
    """The next step."""
    load = None if state.loaded else Decision(Step.LOAD, "an earlier call may have begun or finished the rescue")
    return (
        _look(state)
        or _guard(settings, state)
        or load
        or _closed(settings, state)
        or _guard_gone(settings, state)
        or _lost(settings, state)
        or _next(settings, state)
    )


def plan(settings: InterruptionSettings, state: State) -> Iterator[Decision]:
    """All steps that are due in this state, in order."""
    for step in ordered_steps(settings, state):
        condition = CONDITIONS[step]
        if condition.applies(settings, state):
            yield Decision(step, condition.reason)


def _look(state: State) -> Decision | None:
    if not state.source_seen:
        return Decision(Step.LOOK, "the present state decides, not the event")
    if state.source is not None and state.source_seen_at <= state.notice_end < state.now:
        return Decision(Step.LOOK, "the notice has ended since the last look")
    if state.stop_mode and state.now > max(state.notice_end, state.source_seen_at + RESTORED_SECONDS):
        return Decision(Step.LOOK, "an instance in stop mode can run again at any moment after its notice")
    return None


def _guard(settings: InterruptionSettings, state: State) -> Decision | None:
    """The reasons not to touch an instance that exists."""
    if state.source is None:
        return None
    tags = tags_of(state.source)
    if not is_spot(state.source):
        return Decision(Step.SKIP, "the instance is not a spot instance")
    if settings.managed_tag and not settings.managed_tag.matches(tags):
        reason = f"the instance does not carry the tag {settings.managed_tag} (SPOTKEEPER_MANAGED_TAG)"
        return Decision(Step.SKIP, reason)
    if is_held(tags, state.now):
        return Decision(Step.SKIP, HELD)
    if settings.require_recycling_lock and not settings.dry_run and not locked(state.source):
        # A call that has begun under the lock goes on to the end of its rescue: after half a rescue, no instance
        # serves. In stop mode the lock goes when the instance can run again.
        return None if state.lock_seen and not state.stop_mode else _guard_unlocked(state)
    return None


def _guard_unlocked(state: State) -> Decision:
    if state.now - state.entered < LOCK_WAIT_SECONDS:
        return Decision(Step.WAIT_FOR_LOCK, "the instance is not under the Recycling lock yet")
    if not state.loaded:
        return Decision(Step.LOAD, "an earlier call may have begun under the lock")
    if "event" in state.records and not {"done", "lost"} & state.records.keys() and not state.stop_mode:
        return Decision(Step.UNLOCKED, "the lock is gone, and the rescue of an earlier call is not finished")
    return Decision(
        Step.SKIP,
        f"the instance is healthy: no Recycling lock within {LOCK_WAIT_SECONDS:.0f} s "
        "(SPOTKEEPER_REQUIRE_RECYCLING_LOCK=false acts without it)",
    )


def _closed(settings: InterruptionSettings, state: State) -> Decision | None:
    """What is left to do about a rescue that has ended."""
    if "done" in state.records:
        if state.replacement_id and not state.duplicates_checked and not settings.dry_run:
            if again_at(Step.DELETE_DUPLICATES, state) > state.now:
                return _wait(settings, state, [Step.DELETE_DUPLICATES])
            return Decision(Step.DELETE_DUPLICATES, "a call that died may have left a duplicate replacement")
        return Decision(Step.ANSWER, "the journal says that this rescue is finished")
    if state.stop_mode and (drained := _drained(state)):
        return drained
    if "lost" in state.records and state.gone:
        reason = f"this rescue ended in a loss: {state.records['lost']['reason']}"
        return Decision(Step.SKIP if settings.dry_run else Step.LOSE, reason)
    return None


def _drained(state: State) -> Decision | None:
    """In stop mode the drain is all there is to do, but an earlier call may have drained for an earlier reclaim."""
    if state.drained and state.drained_at is None and locked(state.source):
        return Decision(Step.LOOK_AT_WEIGHTS, "state_change may have restored the weights since the drain")
    if state.drained and not state.unsearched and "event" in state.records:
        return Decision(Step.FINISH_STOP_MODE, "the instance is drained, and its memberships are recorded")
    return None


def _guard_gone(settings: InterruptionSettings, state: State) -> Decision | None:
    """What is left to do about a source that is released; a dry run ends without the journal."""
    if state.gone and not state.journal_reached:
        return Decision(Step.NO_JOURNAL, "only the journal knows the rescue of a released instance")
    if state.gone and "event" not in state.records and (unbegun := _unbegun(state)):
        return unbegun
    if state.gone and state.stop_mode:
        return Decision(Step.SKIP, "the instance was drained and stopped, and is released: it does not return")
    if settings.dry_run and not state.journal_reached:
        return Decision(Step.NO_JOURNAL, "a dry run reports a journal that cannot be reached")
    return None


def _unbegun(state: State) -> Decision | None:
    """What is left to do about a released source without an event in the journal."""
    if state.image is Image.UNKNOWN:
        return Decision(Step.LOOK_FOR_IMAGE, "a call without a journal may have made an image")
    if state.has_image:
        return None
    if has_attempt(state.records):
        return Decision(Step.LOSE, "the source is released, and the call that began its rescue has died")
    return Decision(Step.SKIP, "the instance does not exist, and no rescue of it was begun")


def _lost(settings: InterruptionSettings, state: State) -> Decision | None:
    if not state.gone:
        return None
    imaged = makes_image(settings, state)
    if imaged and state.needs_image and state.image in {Image.NONE, Image.FAILED}:
        return Decision(Step.LOSE, "the source is released, and it has no usable image")
    looked = state.image is not Image.UNKNOWN or not imaged
    unlaunched = relaunches(settings, state) and state.replacement is Replacement.NONE
    if unlaunched and "launch-spec" not in state.records and looked:
        return Decision(Step.LOSE, "the source is released, and its launch spec was never recorded")
    return None


def _next(settings: InterruptionSettings, state: State) -> Decision:
    """The first step that is due and may be tried now; else the wait until a step may be tried.

    A step behind a refused step is taken if it need not wait for it (``blocks_until``, ``NEEDS``). Load balancer steps
    that are late come after the image: they are tried while the image is refused.
    """
    refused: list[loop.Step] = []
    late: list[Decision] = []
    blocked = False
    for decision in plan(settings, state):
        step = decision.step
        if _needs_refused(step, refused, state) or (blocked and step not in INDEPENDENT_STEPS):
            break
        blocked_until = blocks_until(step, settings, state)
        if again_at(step, state) <= state.now:
            if not (step in LOAD_BALANCER_STEPS and 0.0 < blocked_until <= state.now):
                return _disks_first(decision, refused, state)
            late.append(decision)
        refused.append(step)
        blocked = blocked or blocked_until > state.now
    return late[0] if late else _wait(settings, state, refused)


def _needs_refused(step: loop.Step, refused: Sequence[loop.Step], state: State) -> bool:
    """Whether a refused step is needed first."""
    needed = NEEDS.get(step, frozenset()).intersection(refused)
    if step is Step.STOP_SOURCE:
        return any(_delays_stop(other, state) for other in needed)
    return any(step not in OPTIONAL_NEEDS or again_at(other, state) < math.inf for other in needed)


def _delays_stop(step: loop.Step, state: State) -> bool:
    """Whether the stop before the relaunch waits for this load balancer step, ``HOLD_UP_SECONDS`` at most.

    A server that does not run cannot be removed any more. The stop before the image has waited long enough by then.
    """
    since = min((refusal.since for (other, _), refusal in state.refusals.items() if other is step), default=-math.inf)
    return state.has_image and again_at(step, state) < math.inf and state.now < since + HOLD_UP_SECONDS


def _disks_first(decision: Decision, refused: Sequence[loop.Step], state: State) -> Decision:
    """Before each further try of CreateImage, the disks that are not retained yet are tried again."""
    if decision.step is Step.MAKE_IMAGE and Step.RETAIN_DISKS in refused:
        disks, image = state.refusals[Step.RETAIN_DISKS, ""], state.refusal(Step.MAKE_IMAGE)
        if image is not None and disks.tried_at <= image.tried_at:
            return Decision(Step.RETAIN_DISKS, "the disks are tried again before the image")
    return decision


def _wait(settings: InterruptionSettings, state: State, refused: Sequence[loop.Step]) -> Decision:
    """The wait until the next try; if there is none, the end."""
    tries = {step: again_at(step, state) for step in refused}
    ends = [at for step in refused if (at := blocks_until(step, settings, state)) > state.now]
    at = min([*tries.values(), *ends])
    if at == math.inf:
        return Decision(Step.FAIL, f"refused: {', '.join(step.value for step in refused)}")
    step = min(tries, key=lambda step: tries[step])
    return Decision(Step.WAIT, f"the next try of '{step.value}' is due in {at - state.now:.1f} s", at)
