"""What to do next, and why. Pure: the same settings and facts always give the same decision."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rescue.facts import Facts, Image, Replacement
from rescue.tracks import (
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


def decide(settings: InterruptionSettings, facts: Facts) -> Decision:
    """The one next step."""
    return (
        _look(facts)
        or _guard(settings, facts)
        or _load(facts)
        or _closed(settings, facts)
        or _guard_gone(facts)
        or _dry_run(settings, facts)
        or _lost(settings, facts)
        or _next(settings, facts)
    )


def plan(settings: InterruptionSettings, facts: Facts) -> list[Decision]:
    """All steps that are due as things stand: what a dry run prints."""
    return list(_due_steps(settings, facts))


def _due_steps(settings: InterruptionSettings, facts: Facts) -> Iterator[Decision]:
    for step in dict.fromkeys(track(settings, facts)):
        if reason := DUE[step](settings, facts):
            yield Decision(step, reason)


def _next(settings: InterruptionSettings, facts: Facts) -> Decision:
    """The first step that is due and may be tried now; else the wait until one may be.

    Behind a step that was refused comes only what need not wait for it (``tracks.pass_at``, ``tracks.NEEDS``). What
    load balancers have not done in time comes after the image: it is tried while that is refused.
    """
    refused: list[loop.Step] = []
    late: list[Decision] = []
    held_up = False
    for decision in _due_steps(settings, facts):
        step = decision.step
        if _blocked(step, refused, facts) or (held_up and step not in SIDE_BY_SIDE):
            break
        passable = pass_at(step, settings, facts)
        if again_at(step, facts) <= facts.now:
            if not (step in LOAD_BALANCER and 0.0 < passable <= facts.now):
                return _data_first(decision, refused, facts)
            late.append(decision)
        refused.append(step)
        held_up = held_up or passable > facts.now
    return late[0] if late else _wait(settings, facts, refused)


def _blocked(step: loop.Step, refused: Sequence[loop.Step], facts: Facts) -> bool:
    """Whether the step needs one that is refused."""
    needed = NEEDS.get(step, frozenset()).intersection(refused)
    if step is Step.STOP_SOURCE:
        return any(_is_leaving(one, facts) for one in needed)
    return any(step not in DO_WITHOUT or again_at(one, facts) < math.inf for one in needed)


def _is_leaving(step: loop.Step, facts: Facts) -> bool:
    """Whether the stop before the relaunch waits for this step of the load balancers, which it does for a while.

    A server that does not run is not removed any more. The stop before the image has been held up long enough.
    """
    since = min((one.since for (refused, _), one in facts.refusals.items() if refused is step), default=-math.inf)
    return facts.has_image and again_at(step, facts) < math.inf and facts.now < since + HOLD_UP_SECONDS


def _data_first(decision: Decision, refused: Sequence[loop.Step], facts: Facts) -> Decision:
    """Before each further try of CreateImage the disks that are not retained yet are tried again."""
    if decision.step is Step.MAKE_IMAGE and Step.RETAIN_DISKS in refused:
        disks, image = facts.refusals[Step.RETAIN_DISKS, ""], facts.refusals.get((Step.MAKE_IMAGE, ""))
        if image is not None and disks.tried_at <= image.tried_at:
            return Decision(Step.RETAIN_DISKS, "the disks are tried again before the image is")
    return decision


def _wait(settings: InterruptionSettings, facts: Facts, refused: Sequence[loop.Step]) -> Decision:
    """Until the next try; where there is none, the end."""
    tries = {step: again_at(step, facts) for step in refused}
    passes = [at for step in refused if (at := pass_at(step, settings, facts)) > facts.now]
    at = min([*tries.values(), *passes])
    if at == math.inf:
        return Decision(Step.FAIL, f"refused: {', '.join(step.value for step in refused)}")
    step = min(tries, key=lambda one: tries[one])
    return Decision(Step.WAIT, f"the next try of '{step.value}' is due in {at - facts.now:.1f} s", at)


def _closed(settings: InterruptionSettings, facts: Facts) -> Decision | None:
    if "done" in facts.records:
        if facts.replacement_id and not facts.strays_checked and not settings.dry_run:
            if again_at(Step.CHECK_STRAYS, facts) > facts.now:
                return _wait(settings, facts, [Step.CHECK_STRAYS])
            return Decision(Step.CHECK_STRAYS, "a call that died may have left a surplus replacement of this rescue")
        return Decision(Step.ANSWER, "the journal says that this rescue is finished")
    if facts.stop_mode and facts.drained and not facts.unsearched and "event" in facts.records:
        return Decision(Step.FINISH_STOP_MODE, "it is drained and remembered already")
    if "lost" in facts.records and facts.gone:
        reason = f"this rescue ended in a loss: {facts.records['lost']['reason']}"
        return Decision(Step.SKIP if settings.dry_run else Step.LOSE, reason)
    return None


def _look(facts: Facts) -> Decision | None:
    if not facts.source_seen:
        return Decision(Step.LOOK, "what is true now decides, not the event")
    if facts.source is not None and facts.source_seen_at <= facts.notice_end < facts.now:
        return Decision(Step.LOOK, "the notice has ended since anybody looked")
    if facts.stop_mode and facts.now > max(facts.notice_end, facts.source_seen_at + GIVEN_BACK_SECONDS):
        return Decision(Step.LOOK, "an instance in stop mode may run again, and serve, at any moment after its notice")
    return None


def _guard(settings: InterruptionSettings, facts: Facts) -> Decision | None:
    """Everything that keeps us from touching an instance that stands."""
    if facts.source is None:
        return None
    if not is_spot(facts.source):
        return Decision(Step.SKIP, "the instance is not a spot instance")
    if settings.managed_tag and not settings.managed_tag.matches(tags_of(facts.source)):
        return Decision(
            Step.SKIP, f"the instance does not carry the tag {settings.managed_tag} (SPOTKEEPER_MANAGED_TAG)"
        )
    if is_held(tags_of(facts.source), facts.now):
        return Decision(Step.SKIP, HANDS_OFF)
    if settings.require_recycling_lock and not settings.dry_run and not locked(facts.source):
        return None if _begun_under_lock(facts) else _guard_unlocked(facts)
    return None


def _begun_under_lock(facts: Facts) -> bool:
    """Whether this call has begun under the lock: half a rescue leaves nobody serving, so it goes on to its end.

    In stop mode the lock goes when the instance can run again.
    """
    return facts.lock_seen and not facts.stop_mode


def _load(facts: Facts) -> Decision | None:
    return None if facts.loaded else Decision(Step.LOAD, "an earlier call may have begun, or finished")


def _guard_gone(facts: Facts) -> Decision | None:
    if not facts.gone:
        return None
    if not facts.journal_reached:
        return Decision(
            Step.NO_JOURNAL, "the instance is gone and only the journal knows whether a rescue of it was begun"
        )
    if "event" not in facts.records and facts.image is Image.UNKNOWN:
        return Decision(Step.LOOK_FOR_IMAGE, "a call that had no journal may have made an image")
    if "event" not in facts.records and not facts.has_image:
        return Decision(Step.SKIP, "the instance does not exist (any more) and no rescue of it was begun")
    if facts.stop_mode:
        return Decision(
            Step.SKIP, "the instance was drained and stopped, and has been released since: nothing is left to put back"
        )
    return None


def _dry_run(settings: InterruptionSettings, facts: Facts) -> Decision | None:
    if settings.dry_run and not facts.journal_reached:
        return Decision(Step.NO_JOURNAL, "a dry run is there to find what does not work")
    return None


def _guard_unlocked(facts: Facts) -> Decision:
    if facts.now - facts.entered < LOCK_WAIT_SECONDS:
        return Decision(Step.WAIT_FOR_LOCK, "the instance is not under the Recycling lock yet")
    if not facts.loaded:
        return Decision(Step.LOAD, "an earlier call may have begun under the lock")
    if "event" in facts.records and not {"done", "lost"} & facts.records.keys() and not facts.stop_mode:
        return Decision(Step.UNLOCKED, "an earlier call has begun under the lock, and the lock is gone")
    return Decision(
        Step.SKIP,
        f"the instance is healthy: no Recycling lock within {LOCK_WAIT_SECONDS:.0f} s "
        "(SPOTKEEPER_REQUIRE_RECYCLING_LOCK=false acts without it)",
    )


def _lost(settings: InterruptionSettings, facts: Facts) -> Decision | None:
    if not facts.gone:
        return None
    if makes_image(settings, facts) and facts.image in {Image.NONE, Image.FAILED}:
        return Decision(Step.LOSE, "the source is released and there is no usable image of it")
    looked = facts.image is not Image.UNKNOWN or not makes_image(settings, facts)
    if relaunches(settings, facts) and "launch-spec" not in facts.records and looked:
        return Decision(Step.LOSE, "the source is released and its launch spec was never recorded")
    return None


Rule = Callable[[InterruptionSettings, Facts], str]
DUE: dict[loop.Step, Rule] = {}
"""Per step: why it has to be done now, or an empty text where it has not."""


def _due(step: loop.Step) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        DUE[step] = rule
        return rule

    return register


@_due(Step.OPEN)
def _open(_: InterruptionSettings, facts: Facts) -> str:
    return "" if facts.opened else "every later call must find what this one begins"


@_due(Step.LOOK_FOR_IMAGE)
def _look_for_image(_: InterruptionSettings, facts: Facts) -> str:
    return "an earlier call may have made it" if facts.image is Image.UNKNOWN else ""


@_due(Step.RETAIN_DISKS)
def _retain_disks(settings: InterruptionSettings, facts: Facts) -> str:
    wanted = settings.retain_disks is RetainDisks.UNTIL_IMAGE and not facts.gone and not facts.disks_retained
    due = wanted and ("usable" not in facts.records or _snapshots_at_risk(facts))
    return "a disk that is not released with the instance cannot be lost" if due else ""


def _snapshots_at_risk(facts: Facts) -> bool:
    """Usable is not safe: a disk that goes takes an incomplete snapshot with it.

    Where an earlier call has recorded the flags it has changed them too, and may have put them back since.
    """
    tried_here = any(step is Step.RETAIN_DISKS for step, _ in facts.refusals)
    return not facts.snapshots_complete and (tried_here or "disks" not in facts.records)


@_due(Step.REMEMBER)
def _remember(_: InterruptionSettings, facts: Facts) -> str:
    if "launch-spec" in facts.records:
        due = not facts.gone and not facts.spec_checked and facts.replacement is Replacement.NONE
        return "the journal is believed only where the source does not contradict it" if due else ""
    return "" if facts.gone else "a released instance cannot be asked"


@_due(Step.FIND_MEMBERSHIPS)
def _find_memberships(_: InterruptionSettings, facts: Facts) -> str:
    due = facts.memberships is None or facts.unsearched
    return "the weights are gone once they are 0, the memberships once it is released" if due else ""


@_due(Step.DRAIN)
def _drain(_: InterruptionSettings, facts: Facts) -> str:
    # In stop mode the record that it is drained is what state_change goes by, even where there is nothing to drain.
    has_memberships = bool(facts.memberships) or (facts.memberships is not None and facts.stop_mode)
    due = has_memberships and not facts.gone and not facts.drained and not facts.removed
    return "no new requests for an instance that goes" if due else ""


@_due(Step.WAIT_DRAIN)
def _wait_drain(_: InterruptionSettings, facts: Facts) -> str:
    due = facts.memberships and not facts.gone and not facts.drain_waited and not facts.removed
    return "requests that it has get their answer" if due else ""


@_due(Step.REMOVE)
def _remove(_: InterruptionSettings, facts: Facts) -> str:
    return "a rescue ends with the source in no group" if facts.memberships and not facts.removed else ""


@_due(Step.STOP_SOURCE)
def _stop_source(settings: InterruptionSettings, facts: Facts) -> str:
    too_late = settings.stop_source is StopSource.BEFORE_IMAGE and facts.has_image
    return "" if facts.stopped or too_late else f"SPOTKEEPER_STOP_SOURCE is {settings.stop_source.value}"


@_due(Step.MAKE_IMAGE)
def _make_image(_: InterruptionSettings, facts: Facts) -> str:
    return "" if facts.has_image else "the data of all disks, bootable"


@_due(Step.WAIT_IMAGE)
def _wait_image(_: InterruptionSettings, facts: Facts) -> str:
    return "" if facts.image is Image.USABLE else "only a usable image can start an instance"


@_due(Step.WAIT_SNAPSHOTS)
def _wait_snapshots(_: InterruptionSettings, facts: Facts) -> str:
    return "" if facts.stopped or facts.snapshots_complete else "stopping disturbs a snapshot in creation"


@_due(Step.LAUNCH)
def _launch(_: InterruptionSettings, facts: Facts) -> str:
    return "somebody has to do the work" if facts.replacement is Replacement.NONE else ""


@_due(Step.WAIT_RUNNING)
def _wait_running(_: InterruptionSettings, facts: Facts) -> str:
    return "" if facts.replacement is Replacement.RUNNING else "only a running instance can join a group"


@_due(Step.RETURN)
def _return(_: InterruptionSettings, facts: Facts) -> str:
    return "traffic goes where it went before" if facts.memberships and not facts.returned else ""


@_due(Step.ASK_HEALTH)
def _ask_health(_: InterruptionSettings, facts: Facts) -> str:
    return "does the load balancer reach it?" if facts.memberships and not facts.health_asked else ""


@_due(Step.CHECK_STRAYS)
def _check_strays(_: InterruptionSettings, facts: Facts) -> str:
    return "" if facts.strays_checked else "at most one replacement may stay"


@_due(Step.RESTORE_DISKS)
def _restore_disks(settings: InterruptionSettings, facts: Facts) -> str:
    retained = settings.retain_disks is RetainDisks.UNTIL_IMAGE and "disks" in facts.records
    due = retained and not facts.gone and not facts.disks_settled
    return "the flags go back as they were, once every snapshot is complete" if due else ""


@_due(Step.NO_JOURNAL)
@_due(Step.FINISH)
@_due(Step.FINISH_STOP_MODE)
def _always(_: InterruptionSettings, __: Facts) -> str:
    return "nothing is left that could be done"
