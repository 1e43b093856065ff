"""What a sweep does about what it has seen. Pure, with a reason in words for everything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from spotkeeper.instances import HANDS_OFF, in_stop_mode, is_held, tags_of
from spotkeeper.settings import SweepSettings
from sweeping.facts import Leftover, Rescue

OLD_SECONDS = 86_400.0
"""An episode that is open for longer is a human's: whatever kept it from ending, another call will not change it."""

UNKNOWN_NOTICE_SECONDS = 240.0
"""What is assumed to be left of a notice that nobody has seen: the lock may be as old as the last sweep."""

QUOTA_WARNING = 0.8
DAY = 86_400.0


class Action(Enum):
    """What to do about a rescue."""

    HAND_OVER = "hand over"
    LEAVE = "leave"
    REPORT = "report"


@dataclass(frozen=True)
class Decision:
    """What to do about one rescue, and why."""

    rescue: Rescue
    action: Action
    reason: str


def decide(rescue: Rescue, now: float) -> Decision:
    """What to do about one instance under the lock, or one episode."""
    return next(Decision(rescue, action, reason) for applies, action, reason in _rules(rescue, now) if applies)


def _rules(rescue: Rescue, now: float) -> Iterator[tuple[bool, Action, str]]:
    """Whether a rule applies, what it says and why; the first one that does decides."""
    held = is_held(tags_of(rescue.instance), now) or rescue.image_held
    yield held, Action.LEAVE, HANDS_OFF
    ended = _ended(rescue)
    yield bool(ended), Action.LEAVE, ended
    drained = _drained_in_stop_mode(rescue)
    yield drained, Action.LEAVE, "it is drained and remembered; state_change puts it back when it runs again"
    broken = bool(rescue.unreadable) and not rescue.locked
    yield broken, Action.REPORT, rescue.unreadable
    old = rescue.open and rescue.opened_at is not None and now - rescue.opened_at > OLD_SECONDS
    yield old, Action.REPORT, "open for more than 24 hours: look at its last error and finish it by hand"
    worked_on = rescue.working_until is not None and rescue.working_until > now
    yield worked_on, Action.LEAVE, "a call is working on it"
    yield rescue.open, Action.HAND_OVER, "nobody is working on this open rescue"
    yield rescue.locked, Action.HAND_OVER, "it is under the Recycling lock and no call has begun its rescue"
    yield True, Action.LEAVE, "there is neither a lock nor an open rescue"


def _ended(rescue: Rescue) -> str:
    """Why an ended rescue stays so; empty for one that has not ended, or that stop mode begins anew."""
    if not rescue.records & {"done", "lost"}:
        return ""
    if rescue.locked and in_stop_mode(rescue.instance):
        return ""
    return "its rescue is finished" if "done" in rescue.records else "its rescue was lost"


def _drained_in_stop_mode(rescue: Rescue) -> bool:
    return rescue.open and in_stop_mode(rescue.instance or rescue.event) and "drained" in rescue.records


def chosen(decisions: Iterable[Decision], settings: SweepSettings, now: float) -> tuple[list[Decision], list[Decision]]:
    """Those to hand over now, the least time left first, and those that have to wait for the next sweep."""
    wanted = sorted((one for one in decisions if one.action is Action.HAND_OVER), key=lambda one: urgency(one, now))
    return wanted[: settings.limit], wanted[settings.limit :]


def urgency(decision: Decision, now: float) -> tuple[bool, float]:
    """Sorts by the time left; a notice that is over already is not urgent any more."""
    end = decision.rescue.notice_end
    left = UNKNOWN_NOTICE_SECONDS if end is None else end - now
    return (left <= 0, left)


@dataclass(frozen=True)
class CleanUp:
    """What of one finished rescue may be deleted, or why not; ``over``: there is nothing left of it to look after."""

    leftover: Leftover
    image_id: str
    snapshot_ids: tuple[str, ...]
    disk_ids: tuple[str, ...]
    due: bool
    reason: str
    over: bool = False


def decide_clean_up(leftover: Leftover, settings: SweepSettings, now: float) -> CleanUp:
    """Only what is old enough, ours, and used by nobody."""
    if _nothing_left(leftover) and now - leftover.finished_at > DAY:
        return CleanUp(leftover, "", (), (), due=False, reason="nothing is left of it", over=True)
    if why_not := _keep(leftover, settings, now):
        return CleanUp(leftover, "", (), (), due=False, reason=why_not)
    disks = tuple(str(disk["DiskId"]) for disk in leftover.disks if disk.get("Status") == "Available")
    image_id = leftover.image_id if leftover.image else ""
    return CleanUp(leftover, image_id, leftover.snapshot_ids, disks, due=True, reason="old and unused")


def _nothing_left(leftover: Leftover) -> bool:
    return not leftover.unreadable and leftover.image is None and not leftover.snapshot_ids and not leftover.disks


def _keep(leftover: Leftover, settings: SweepSettings, now: float) -> str:
    if leftover.unreadable:
        return leftover.unreadable
    if leftover.held:
        return HANDS_OFF
    if leftover.source_stands:
        return "the source still stands"
    if leftover.image is not None and leftover.image.get("Usage") == "instance":
        return "the image is in use"
    days = (now - leftover.finished_at) / DAY
    if days < settings.image_ttl_days:
        return f"finished {days:.1f} days ago; SPOTKEEPER_IMAGE_TTL_DAYS is {settings.image_ttl_days:g}"
    return ""


def quota_warnings(images: Sequence[object], settings: SweepSettings) -> list[str]:
    """A rescue needs room for one more image."""
    if len(images) < QUOTA_WARNING * settings.image_quota:
        return []
    used = f"{len(images)} of {settings.image_quota} custom images are used (SPOTKEEPER_IMAGE_QUOTA)"
    return [f"{used}: delete some or raise the quota, or the next rescue has no image"]
