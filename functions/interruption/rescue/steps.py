"""The steps there are, which of them each kind of rescue takes, in order, and which may be passed while refused."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rescue.state import Replacement, State
from spotkeeper import loop
from spotkeeper.errors import CloudError
from spotkeeper.loop import PARTS, WRITES
from spotkeeper.retry import passes_by_itself
from spotkeeper.settings import InterruptionSettings, Relaunch, StopSource


class Step(loop.Step):
    """Every step of a rescue."""

    LOOK = "look at the source"
    SKIP = "skip"
    ANSWER = "answer what the journal says"
    WAIT_FOR_LOCK = "wait for the Recycling lock"
    LOAD = "read the journal"
    OPEN = "open the episode", WRITES
    LOOK_FOR_IMAGE = "look for the image"
    RETAIN_DISKS = "retain the disks", WRITES
    REMEMBER = "remember the launch spec", WRITES
    FIND_MEMBERSHIPS = "find the memberships", WRITES
    DRAIN = "weight 0", WRITES, PARTS
    WAIT_DRAIN = "let in-flight requests finish"
    REMOVE = "remove from the groups", WRITES, PARTS
    STOP_SOURCE = "stop the source", WRITES
    MAKE_IMAGE = "make the image", WRITES
    WAIT_IMAGE = "wait for the image", WRITES
    WAIT_SNAPSHOTS = "wait for the snapshots"
    LAUNCH = "launch the replacement", WRITES
    WAIT_RUNNING = "wait for the replacement", WRITES
    RETURN = "return to the groups", WRITES, PARTS
    ASK_HEALTH = "ask the health status"
    CHECK_STRAYS = "look for surplus replacements", WRITES
    RESTORE_DISKS = "put the disk flags back", WRITES
    WAIT = "wait for the next try"
    FAIL = "end with what was refused"
    UNLOCKED = "stop because the lock is gone"
    NO_JOURNAL = "stop before something is lost"
    LOSE = "record the loss", WRITES
    FINISH = "close the episode", WRITES
    FINISH_STOP_MODE = "leave the rest to state_change"


DRAIN = (Step.FIND_MEMBERSHIPS, Step.DRAIN, Step.WAIT_DRAIN)
SAVE = (Step.OPEN, Step.RETAIN_DISKS, Step.LOOK_FOR_IMAGE, Step.REMEMBER, *DRAIN)
IMAGE = (Step.MAKE_IMAGE, Step.REMOVE, Step.WAIT_IMAGE)
# A stopped server can no longer be removed from a group (ObtainIpFail), so it leaves the groups before it is stopped.
IMAGE_OF_STOPPED = (Step.REMOVE, Step.STOP_SOURCE, Step.MAKE_IMAGE, Step.WAIT_IMAGE)
# Stopping disturbs a snapshot in creation (document of CreateSnapshot), so the snapshots come first.
STOP_BEFORE_RELAUNCH = (Step.WAIT_SNAPSHOTS, Step.STOP_SOURCE)
RELAUNCH = (Step.LAUNCH, Step.WAIT_RUNNING, Step.RETURN, Step.ASK_HEALTH, Step.CHECK_STRAYS)
CLOSE = (Step.RESTORE_DISKS, Step.FINISH)

AT_ONCE = (
    Step.OPEN,
    Step.REMEMBER,
    Step.FIND_MEMBERSHIPS,
    Step.LAUNCH,
    Step.WAIT_RUNNING,
    Step.RETURN,
    Step.DRAIN,
    Step.WAIT_DRAIN,
    Step.REMOVE,
    Step.ASK_HEALTH,
    Step.CHECK_STRAYS,
    Step.FINISH,
)
# The platform stops it when the notice ends: whoever has a request there has until then.
STOP_MODE = (Step.OPEN, Step.FIND_MEMBERSHIPS, Step.DRAIN, Step.FINISH_STOP_MODE)
DATA_WITHOUT_JOURNAL = (Step.RETAIN_DISKS, Step.LOOK_FOR_IMAGE, Step.MAKE_IMAGE, Step.NO_JOURNAL)
NOTHING_WITHOUT_JOURNAL = (Step.NO_JOURNAL,)

FIND_AND_DRAIN = frozenset({Step.FIND_MEMBERSHIPS, Step.DRAIN})
LOAD_BALANCER = frozenset({*FIND_AND_DRAIN, Step.REMOVE, Step.RETURN})
SIDE_BY_SIDE = frozenset({Step.RETAIN_DISKS, Step.REMEMBER, Step.WAIT_DRAIN, *LOAD_BALANCER})
"""Steps that need not wait for a refused one of their kind: they only hold up what comes behind all of them."""
HOLD_UP_SECONDS = 30.0
"""How long refused or slow steps may hold up the image (at-once: the launch); those of load balancers count as one."""

BY_GROUP = frozenset({Step.DRAIN, Step.REMOVE, Step.RETURN})
"""Steps that are done group by group: what one group refuses does not keep another from its turn."""

NEEDS: Mapping[loop.Step, frozenset[Step]] = {
    Step.LAUNCH: frozenset({Step.REMEMBER}),
    Step.FINISH: frozenset(Step),
    Step.FINISH_STOP_MODE: frozenset(Step),
    Step.REMOVE: frozenset({Step.WAIT_DRAIN}),
    Step.STOP_SOURCE: frozenset({*FIND_AND_DRAIN, Step.REMOVE}),
    Step.RETURN: frozenset({Step.WAIT_RUNNING}),
    Step.NO_JOURNAL: frozenset({Step.RETAIN_DISKS}),
}
"""Steps that must not be taken while one of these is refused."""
DO_WITHOUT = frozenset({Step.REMOVE, Step.NO_JOURNAL})
"""Of those, the steps that are taken all the same once it is refused for good."""


def track(settings: InterruptionSettings, state: State) -> tuple[Step, ...]:
    """The steps of this rescue, in order. The next step is the first one that is due and may be tried."""
    if not state.journal_reached:
        return DATA_WITHOUT_JOURNAL if makes_image(settings, state) else NOTHING_WITHOUT_JOURNAL
    if state.stop_mode:
        return STOP_MODE
    if not makes_image(settings, state):
        return AT_ONCE
    image = IMAGE_OF_STOPPED if settings.stop_source is StopSource.BEFORE_IMAGE else IMAGE
    if not relaunches(settings, state):
        return (*SAVE, *image, *CLOSE)
    stop = STOP_BEFORE_RELAUNCH if settings.stop_source is StopSource.BEFORE_RELAUNCH else ()
    return (*SAVE, *image, *stop, *RELAUNCH, *CLOSE)


def makes_image(settings: InterruptionSettings, state: State) -> bool:
    """Stop mode keeps its disks, and at-once fleets have nothing to save; what others made is imaged all the same."""
    return not state.stop_mode and (settings.relaunch is not Relaunch.AT_ONCE or bool(state.maker))


def relaunches(settings: InterruptionSettings, state: State) -> bool:
    """Auto Scaling and ACK replace what they made themselves."""
    return not state.stop_mode and not state.maker and settings.relaunch is not Relaunch.NONE


def again_at(step: loop.Step, state: State) -> float:
    """When a step may be tried (again), seconds since 1970: 0 for one that nobody refused, infinite for never."""
    if step is Step.WAIT_DRAIN and not state.drain_begun:
        return math.inf  # no group has weight 0: there is nothing to wait for
    if step in BY_GROUP:
        groups = min((group_again_at(step, group, state) for group in state.unsettled(step)), default=0.0)
        return max(groups, _again_at(step, "", state))
    if step is Step.FIND_MEMBERSHIPS and state.unsearched and (step, "") not in state.refusals:
        return min(_again_at(step, one, state) for one in state.unsearched)
    return _again_at(step, "", state)


FIRST: Mapping[loop.Step, Step] = {Step.REMOVE: Step.DRAIN, Step.DRAIN: Step.RETURN}
"""What comes before a step in each group: weight 0 before the removal; at-once, the replacement before weight 0."""


def group_again_at(step: loop.Step, group: str, state: State) -> float:
    """When a step may be tried (again) in one group: not before what comes first there."""
    first = FIRST.get(step)
    if first is not None and group in state.unsettled(first):
        before = state.refusals.get((first, group))
        if before is not None and not before.final and not (first is Step.RETURN and state.image_id):
            return max(before.again_at, _again_at(step, group, state))
    return _again_at(step, group, state)


def _again_at(step: loop.Step, what: str, state: State) -> float:
    refusal = state.refusals.get((step, what))
    return 0.0 if refusal is None else refusal.again_at


def pass_at(step: loop.Step, settings: InterruptionSettings, state: State) -> float:
    """From when on the steps behind a refused or slow one need not wait for it; infinite: they always do."""
    if step in LOAD_BALANCER:
        return 0.0 if again_at(step, state) == math.inf else _lb_pass_at(settings, state)
    if step is Step.WAIT_DRAIN:
        return 0.0 if state.has_image or again_at(step, state) == math.inf else math.inf
    if step in {Step.LOOK_FOR_IMAGE, Step.ASK_HEALTH, Step.CHECK_STRAYS, Step.RESTORE_DISKS, Step.REMEMBER}:
        # CreateImage under the recorded name and token makes no second image, so it need not wait for the look.
        no_other = step is Step.LOOK_FOR_IMAGE and (state.gone or "usable" in state.records)
        return math.inf if no_other else 0.0
    if step is Step.RETAIN_DISKS:
        return 0.0 if state.has_image else _held_up(step, state)
    if step is Step.STOP_SOURCE and settings.stop_source is StopSource.BEFORE_IMAGE:
        return _held_up(step, state)
    return math.inf


def _lb_pass_at(settings: InterruptionSettings, state: State) -> float:
    """Load balancers hold up the image (at-once: the launch) for a while, and nothing else."""
    waited_for = not state.has_image if makes_image(settings, state) else state.replacement is Replacement.NONE
    if state.stop_mode or not waited_for:
        return 0.0
    return math.inf if state.lb_since is None else state.lb_since + HOLD_UP_SECONDS


def _held_up(step: loop.Step, state: State) -> float:
    """A refusal that passes by itself is waited for a while; one that may stay is tried again without that."""
    refusal = state.refusals.get((step, ""))
    if refusal is None:
        return math.inf
    passes = isinstance(refusal.error, CloudError) and passes_by_itself(refusal.error)
    return refusal.since + HOLD_UP_SECONDS if passes and not refusal.final else 0.0
