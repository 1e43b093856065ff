"""The steps there are, and which of them each kind of rescue takes, in order."""

from __future__ import annotations

from enum import Enum

from rescue.facts import Facts, Image, Replacement
from spotkeeper.settings import InterruptionSettings, Relaunch, StopSource


class Step(Enum):
    """Every step there is; the value is its name in the timeline."""

    LOOK = "look at the source"
    SKIP = "skip"
    ANSWER = "answer what the journal says"
    WAIT_FOR_LOCK = "wait for the Recycling lock"
    LOAD = "read the journal"
    PLAN = "print the plan"
    OPEN = "open the episode"
    LOOK_FOR_IMAGE = "look for the image"
    RETAIN_DISKS = "retain the disks"
    REMEMBER = "remember the launch spec"
    FIND_MEMBERSHIPS = "find the memberships"
    DRAIN = "weight 0"
    WAIT_DRAIN = "let in-flight requests finish"
    REMOVE = "remove from the groups"
    STOP_SOURCE = "stop the source"
    MAKE_IMAGE = "make the image"
    WAIT_IMAGE = "wait for the image"
    WAIT_SNAPSHOTS = "wait for the snapshots"
    LAUNCH = "launch the replacement"
    WAIT_RUNNING = "wait for the replacement"
    RETURN = "return to the groups"
    ASK_HEALTH = "ask the health status"
    CHECK_STRAYS = "look for surplus replacements"
    RESTORE_DISKS = "put the disk flags back"
    NO_JOURNAL = "stop before something is lost"
    LOSE = "record the loss"
    FINISH = "close the episode"
    FINISH_STOP_MODE = "leave the rest to state_change"


DRAIN = (Step.FIND_MEMBERSHIPS, Step.DRAIN, Step.WAIT_DRAIN)
SAVE = (Step.OPEN, Step.LOOK_FOR_IMAGE, Step.RETAIN_DISKS, Step.REMEMBER, *DRAIN)
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
DATA_WITHOUT_JOURNAL = (Step.LOOK_FOR_IMAGE, Step.RETAIN_DISKS, Step.MAKE_IMAGE, Step.NO_JOURNAL)
NOTHING_WITHOUT_JOURNAL = (Step.NO_JOURNAL,)

HOLD_UP_THE_IMAGE = frozenset({Step.RETAIN_DISKS, Step.REMEMBER, *DRAIN, Step.REMOVE, Step.STOP_SOURCE})
LOAD_BALANCER = frozenset({*DRAIN, Step.REMOVE})
HOLD_UP_THE_LAUNCH = frozenset({Step.FIND_MEMBERSHIPS})
"""Steps that come before the image (at-once: the launch) where they can, and after it if refused or slow."""


def track(settings: InterruptionSettings, facts: Facts) -> tuple[Step, ...]:
    """The steps of this rescue, in order. The next step is the first one that is due."""
    if not facts.journal_reached:
        return DATA_WITHOUT_JOURNAL if makes_image(settings, facts) else NOTHING_WITHOUT_JOURNAL
    if facts.stop_mode:
        return STOP_MODE
    if not makes_image(settings, facts):
        return AT_ONCE
    image = IMAGE_OF_STOPPED if settings.stop_source is StopSource.BEFORE_IMAGE else IMAGE
    if not relaunches(settings, facts):
        return (*SAVE, *image, *CLOSE)
    stop = STOP_BEFORE_RELAUNCH if settings.stop_source is StopSource.BEFORE_RELAUNCH else ()
    return (*SAVE, *image, *stop, *RELAUNCH, *CLOSE)


def makes_image(settings: InterruptionSettings, facts: Facts) -> bool:
    """Stop mode keeps its disks, and at-once fleets have nothing to save; what others made is imaged all the same."""
    return not facts.stop_mode and (settings.relaunch is not Relaunch.AT_ONCE or bool(facts.maker))


def relaunches(settings: InterruptionSettings, facts: Facts) -> bool:
    """Auto Scaling and ACK replace what they made themselves."""
    return not facts.stop_mode and not facts.maker and settings.relaunch is not Relaunch.NONE


def may_be_postponed(step: Step, settings: InterruptionSettings, facts: Facts) -> bool:
    """Whether the step stands before what is more urgent than itself."""
    if facts.stop_mode:
        return False
    if not makes_image(settings, facts):
        return step in HOLD_UP_THE_LAUNCH and facts.replacement is Replacement.NONE
    if facts.image is Image.CREATING:
        return step in LOAD_BALANCER  # nobody would see the image become usable, or fail
    return step in HOLD_UP_THE_IMAGE and not facts.has_image


def is_postponed(step: Step, settings: InterruptionSettings, facts: Facts) -> bool:
    """Whether the step has been put off, and its time has not come yet.

    Each image that grows is an occasion to try again; one that failed is made again first.
    """
    if may_be_postponed(step, settings, facts):
        before = frozenset() if facts.image is Image.CREATING else facts.postponed
        return step in before | facts.postponed_again
    waits_for_relaunch = step is not Step.FIND_MEMBERSHIPS and relaunches(settings, facts)
    return step in facts.postponed_again and waits_for_relaunch and not facts.returned
