"""When a step is due, and why. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from rescue.state import Image, Replacement, State
from rescue.steps import Step
from spotkeeper import loop
from spotkeeper.settings.interruption import InterruptionSettings, RetainDisks, StopSource


class Condition(NamedTuple):
    """Whether a step is due in a state, and the reason for it."""

    reason: str
    applies: Callable[[InterruptionSettings, State], bool]


def _retain_disks(settings: InterruptionSettings, state: State) -> bool:
    # An image can be usable before its snapshots are complete: a released disk takes its incomplete snapshot along. A
    # record of the flags does not prove that they were changed: an earlier call may have died between the two.
    wanted = settings.retain_disks is RetainDisks.UNTIL_IMAGE and not state.snapshots_complete
    return wanted and not state.gone and not state.disks_retained


def _record_launch_spec(_: InterruptionSettings, state: State) -> bool:
    unchecked = not state.spec_checked and state.replacement is Replacement.NONE
    return not state.gone and (unchecked or "launch-spec" not in state.records)


def _drain(_: InterruptionSettings, state: State) -> bool:
    # In stop mode, state_change needs the record "drained" even where there is no membership.
    drainable = bool(state.memberships) or (state.memberships is not None and state.stop_mode)
    return drainable and not state.gone and not state.drained and not state.removed


def _wait_drain(_: InterruptionSettings, state: State) -> bool:
    return bool(state.memberships) and not state.gone and not state.drain_waited and not state.removed


def _stop_source(settings: InterruptionSettings, state: State) -> bool:
    too_late = settings.stop_source is StopSource.BEFORE_IMAGE and state.has_image
    return not state.stopped and not too_late


def _restore_disks(settings: InterruptionSettings, state: State) -> bool:
    retained = settings.retain_disks is RetainDisks.UNTIL_IMAGE and "disks" in state.records
    return retained and not state.gone and not state.disks_settled


LAST = Condition("no other step is due", lambda _, __: True)

CONDITIONS: Mapping[loop.Step, Condition] = {
    Step.OPEN: Condition("later calls need the record of this rescue", lambda _, state: not state.opened),
    Step.LOOK_FOR_IMAGE: Condition(
        "an earlier call may have made an image", lambda _, state: state.image is Image.UNKNOWN
    ),
    Step.RETAIN_DISKS: Condition("a retained disk outlives the instance", _retain_disks),
    Step.RECORD_LAUNCH_SPEC: Condition("the launch spec can be read only while the source exists", _record_launch_spec),
    Step.FIND_MEMBERSHIPS: Condition(
        "memberships and weights are recorded before they change",
        lambda _, state: state.memberships is None or bool(state.unsearched),
    ),
    Step.DRAIN: Condition("the source must get no new requests", _drain),
    Step.WAIT_DRAIN: Condition("in-flight requests need time to finish", _wait_drain),
    Step.REMOVE: Condition(
        "the source must be in no group", lambda _, state: bool(state.memberships) and not state.removed
    ),
    Step.STOP_SOURCE: Condition("SPOTKEEPER_STOP_SOURCE requires it", _stop_source),
    Step.MAKE_IMAGE: Condition(
        "an image saves the data of all disks", lambda _, state: state.needs_image and not state.has_image
    ),
    Step.WAIT_IMAGE: Condition(
        "only a usable image can start an instance",
        lambda _, state: state.needs_image and state.image is not Image.USABLE,
    ),
    Step.WAIT_SNAPSHOTS: Condition(
        "a stop would disturb a snapshot in creation",
        lambda _, state: not state.stopped and not state.snapshots_complete,
    ),
    Step.LAUNCH: Condition("the source needs a replacement", lambda _, state: state.replacement is Replacement.NONE),
    Step.WAIT_RUNNING: Condition(
        "only a running instance can join a group", lambda _, state: state.replacement is not Replacement.RUNNING
    ),
    Step.ADD_REPLACEMENT: Condition(
        "the replacement takes over the memberships",
        lambda _, state: bool(state.memberships) and not state.returned,
    ),
    Step.ASK_HEALTH: Condition(
        "the answer reports the health of the replacement",
        lambda _, state: bool(state.memberships) and not state.health_asked,
    ),
    Step.DELETE_DUPLICATES: Condition("only one replacement may stay", lambda _, state: not state.duplicates_checked),
    Step.RESTORE_DISKS: Condition("the disk flags are restored once every snapshot is complete", _restore_disks),
    Step.NO_JOURNAL: LAST,
    Step.FINISH: LAST,
    Step.FINISH_STOP_MODE: LAST,
}
"""Per step of ``ordered_steps``."""
