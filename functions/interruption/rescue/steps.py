"""The steps of a rescue, their order for each kind of rescue, and the steps that later steps do not wait for. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rescue.state import Replacement, State
from spotkeeper import loop
from spotkeeper.errors import CloudError
from spotkeeper.failed_steps import FailedStep
from spotkeeper.loop import PARTS, WRITES
from spotkeeper.retry import passes_by_itself
from spotkeeper.settings.interruption import InterruptionSettings, Relaunch, StopSource


class Step(loop.Step):
    """Every step of a rescue."""

    LOOK = "look at the source"
    SKIP = "skip"
    ANSWER = "give the recorded answer"
    WAIT_FOR_LOCK = "wait for the Recycling lock"
    LOAD = "read the journal"
    OPEN = "open the episode", WRITES
    LOOK_FOR_IMAGE = "look for the image"
    RETAIN_DISKS = "retain the disks", WRITES
    RECORD_LAUNCH_SPEC = "record the launch spec", WRITES
    FIND_MEMBERSHIPS = "find the memberships", WRITES
    LOOK_AT_WEIGHTS = "look at the weights"
    DRAIN = "weight 0", WRITES, PARTS
    WAIT_DRAIN = "let in-flight requests finish"
    REMOVE = "remove the source from the groups", WRITES, PARTS
    STOP_SOURCE = "stop the source", WRITES
    MAKE_IMAGE = "make the image", WRITES
    WAIT_IMAGE = "wait for the image", WRITES
    WAIT_SNAPSHOTS = "wait for the snapshots"
    LAUNCH = "launch the replacement", WRITES
    WAIT_RUNNING = "wait for the replacement", WRITES
    ADD_REPLACEMENT = "add the replacement to the groups", WRITES, PARTS
    ASK_HEALTH = "read the health status"
    DELETE_DUPLICATES = "look for duplicate replacements", WRITES
    RESTORE_DISKS = "restore the disk flags", WRITES
    WAIT = "wait for the next try"
    FAIL = "end with the refused steps"
    UNLOCKED = "stop because the lock is gone"
    NO_JOURNAL = "stop without the journal"
    LOSE = "record the loss", WRITES
    FINISH = "close the episode", WRITES
    FINISH_STOP_MODE = "leave the rest to state_change"


DRAIN_STEPS = (Step.FIND_MEMBERSHIPS, Step.DRAIN, Step.WAIT_DRAIN)
SAVE_STEPS = (Step.OPEN, Step.RETAIN_DISKS, Step.LOOK_FOR_IMAGE, Step.RECORD_LAUNCH_SPEC, *DRAIN_STEPS)
IMAGE_STEPS = (Step.MAKE_IMAGE, Step.REMOVE, Step.WAIT_IMAGE)
# A stopped server can no longer be removed from a group (ObtainIpFail), so it leaves the groups before it is stopped.
STOPPED_IMAGE_STEPS = (Step.REMOVE, Step.STOP_SOURCE, Step.MAKE_IMAGE, Step.WAIT_IMAGE)
# Stopping disturbs a snapshot in creation (document of CreateSnapshot), so the snapshots come first.
STOP_STEPS = (Step.WAIT_SNAPSHOTS, Step.STOP_SOURCE)
SERVE_STEPS = (Step.LAUNCH, Step.WAIT_RUNNING, Step.ADD_REPLACEMENT)
CHECK_STEPS = (Step.ASK_HEALTH, Step.DELETE_DUPLICATES)
CLOSE_STEPS = (Step.RESTORE_DISKS, Step.FINISH)

AT_ONCE_SERVE_STEPS = (Step.OPEN, Step.RECORD_LAUNCH_SPEC, Step.FIND_MEMBERSHIPS, *SERVE_STEPS)
AT_ONCE_STEPS = (*AT_ONCE_SERVE_STEPS, Step.DRAIN, Step.WAIT_DRAIN, Step.REMOVE, *CHECK_STEPS, Step.FINISH)
# The platform stops the instance when the notice ends: in-flight requests have until then.
STOP_MODE_STEPS = (Step.OPEN, Step.FIND_MEMBERSHIPS, Step.DRAIN, Step.FINISH_STOP_MODE)
NO_JOURNAL_STEPS = (Step.RETAIN_DISKS, Step.LOOK_FOR_IMAGE, Step.MAKE_IMAGE, Step.NO_JOURNAL)

FIND_AND_DRAIN = frozenset({Step.FIND_MEMBERSHIPS, Step.DRAIN})
LOAD_BALANCER_STEPS = frozenset({*FIND_AND_DRAIN, Step.REMOVE, Step.ADD_REPLACEMENT})
INDEPENDENT_STEPS = frozenset({Step.RETAIN_DISKS, Step.RECORD_LAUNCH_SPEC, Step.WAIT_DRAIN, *LOAD_BALANCER_STEPS})
"""While a refused step blocks the rescue, only steps of this set are taken, up to the first step outside the set."""
HOLD_UP_SECONDS = 30.0
"""How long refused or slow steps may delay the image (at-once: the launch); load balancer steps share this time."""

NEVER_AWAITED = frozenset({Step.RECORD_LAUNCH_SPEC, *CHECK_STEPS, Step.RESTORE_DISKS})
"""Later steps do not wait for these while they are refused, except by ``NEEDS``."""

BY_GROUP = frozenset({Step.DRAIN, Step.REMOVE, Step.ADD_REPLACEMENT})
"""Steps that are taken in each group: the refusal of a group does not delay the other groups."""

NEEDS: Mapping[loop.Step, frozenset[Step]] = {
    Step.LAUNCH: frozenset({Step.RECORD_LAUNCH_SPEC}),
    Step.FINISH: frozenset(Step),
    Step.FINISH_STOP_MODE: frozenset(Step),
    Step.REMOVE: frozenset({Step.WAIT_DRAIN}),
    Step.STOP_SOURCE: frozenset({*FIND_AND_DRAIN, Step.REMOVE}),
    Step.ADD_REPLACEMENT: frozenset({Step.WAIT_RUNNING}),
    Step.NO_JOURNAL: frozenset({Step.RETAIN_DISKS}),
}
"""Steps that are not taken while a step of the set is refused."""
OPTIONAL_NEEDS = frozenset({Step.REMOVE, Step.NO_JOURNAL})
"""Steps with ``NEEDS`` that are taken nevertheless once the needed step is refused for good."""


def ordered_steps(settings: InterruptionSettings, state: State) -> tuple[Step, ...]:
    """The steps of this rescue, in order. The next step is the first step that is due and may be tried."""
    if not state.journal_reached:
        return NO_JOURNAL_STEPS if makes_image(settings, state) else (Step.NO_JOURNAL,)
    if state.stop_mode:
        return STOP_MODE_STEPS
    if not makes_image(settings, state):
        return AT_ONCE_STEPS
    image = STOPPED_IMAGE_STEPS if settings.stop_source is StopSource.BEFORE_IMAGE else IMAGE_STEPS
    if not relaunches(settings, state):
        return (*SAVE_STEPS, *image, *CLOSE_STEPS)
    stop = STOP_STEPS if settings.stop_source is StopSource.BEFORE_RELAUNCH else ()
    return (*SAVE_STEPS, *image, *stop, *SERVE_STEPS, *CHECK_STEPS, *CLOSE_STEPS)


def makes_image(settings: InterruptionSettings, state: State) -> bool:
    """Not in stop mode, which keeps the disks, nor at-once, unless Auto Scaling or ACK manages the source."""
    return not state.stop_mode and (settings.relaunch is not Relaunch.AT_ONCE or bool(state.managed_by))


def relaunches(settings: InterruptionSettings, state: State) -> bool:
    """Auto Scaling and ACK replace the instances that they manage."""
    return not state.stop_mode and not state.managed_by and settings.relaunch is not Relaunch.NONE


def again_at(step: loop.Step, state: State) -> float:
    """When a step may be tried (again), seconds since 1970: 0 if it was not refused, infinite for never."""
    if step is Step.WAIT_DRAIN and not (state.drained or any(settled is Step.DRAIN for settled, _ in state.settled)):
        return math.inf  # no group has weight 0, so no drain has begun
    if step in BY_GROUP:
        groups = min((group_again_at(step, group, state) for group in state.unsettled(step)), default=0.0)
        return max(groups, _part_again_at(step, "", state))
    if step is Step.FIND_MEMBERSHIPS and state.unsearched and (step, "") not in state.refusals:
        return min(_part_again_at(step, scope, state) for scope in state.unsearched)
    return _part_again_at(step, "", state)


FIRST: Mapping[loop.Step, Step] = {Step.REMOVE: Step.DRAIN, Step.DRAIN: Step.ADD_REPLACEMENT}
"""By step, the earlier step in each group: weight 0 before the removal; at-once, the replacement before weight 0."""


def group_again_at(step: loop.Step, group: str, state: State) -> float:
    """When a step may be tried (again) in a group: not before the group's first step."""
    first = FIRST.get(step)
    if first is not None and group in state.unsettled(first):
        before = state.refusals.get((first, group))
        if before is not None and not before.final and not _is_overtaken(first, before, state):
            return max(before.again_at, _part_again_at(step, group, state))
    return _part_again_at(step, group, state)


def _is_overtaken(first: Step, refusal: FailedStep, state: State) -> bool:
    """Whether the later step in the group no longer waits for the first.

    The removal waits ``HOLD_UP_SECONDS`` for weight 0: a source in the group gets requests, and once it is stopped it
    can no longer be removed. Weight 0 waits for the replacement only where there is no image.
    """
    return state.now >= refusal.since + HOLD_UP_SECONDS if first is Step.DRAIN else bool(state.image_id)


def _part_again_at(step: loop.Step, part: str, state: State) -> float:
    refusal = state.refusal(step, part)
    return 0.0 if refusal is None else refusal.again_at


def blocks_until(step: loop.Step, settings: InterruptionSettings, state: State) -> float:
    """Until when later steps wait for a refused or slow step (seconds since 1970); infinite: they always wait."""
    if step in LOAD_BALANCER_STEPS:
        return 0.0 if again_at(step, state) == math.inf else _load_balancers_block_until(settings, state)
    if step is Step.WAIT_DRAIN:
        return 0.0 if state.has_image or again_at(step, state) == math.inf else math.inf
    if step is Step.LOOK_FOR_IMAGE:
        # CreateImage with the recorded name and token makes no second image, so it need not wait for the look.
        return math.inf if state.gone or "usable" in state.records else 0.0
    if step in NEVER_AWAITED or (step is Step.RETAIN_DISKS and state.has_image):
        return 0.0
    stops_first = step is Step.STOP_SOURCE and settings.stop_source is StopSource.BEFORE_IMAGE
    return _delay_until(step, state) if step is Step.RETAIN_DISKS or stops_first else math.inf


def _load_balancers_block_until(settings: InterruptionSettings, state: State) -> float:
    """Load balancers delay only the image (at-once: the launch), for ``HOLD_UP_SECONDS``."""
    delayed = not state.has_image if makes_image(settings, state) else state.replacement is Replacement.NONE
    if state.stop_mode or not delayed:
        return 0.0
    return math.inf if state.load_balancers_since is None else state.load_balancers_since + HOLD_UP_SECONDS


def _delay_until(step: loop.Step, state: State) -> float:
    """Later steps wait ``HOLD_UP_SECONDS`` for a refusal that passes by itself, and not for any other refusal."""
    refusal = state.refusal(step)
    if refusal is None:
        return math.inf
    passes = isinstance(refusal.error, CloudError) and passes_by_itself(refusal.error)
    return refusal.since + HOLD_UP_SECONDS if passes and not refusal.final else 0.0
