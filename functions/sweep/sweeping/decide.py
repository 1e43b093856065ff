"""What a sweep does about what it has seen. Pure, with a reason in words for everything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import HANDS_OFF, in_stop_mode, is_held, iso, tags_of
from spotkeeper.settings import SweepSettings
from sweeping.state import Leftover, Rescue

OLD_SECONDS = 86_400.0
"""An episode that is open for longer is a human's: whatever kept it from ending, another call will not change it."""

SILENT_SECONDS = 60.0
"""Inside the notice: a call leaves a sign of life every 20 s, and each minute lost costs a fifth of the notice."""
SILENT_LATER_SECONDS = 180.0
"""Outside it nothing is lost by waiting, while an outage of the journal (tried again for 90 s at most) must not have
every long call doubled. For the same time a call that has ended with an error is left to Function Compute's retry."""
HUMAN_WAITS = (60.0, 300.0, 900.0, 3_600.0)
"""Seconds after the first error that needs a human at which a rescue is handed over again; then it is only reported."""
USED_GRACE = 3_600.0
"""How long after the notice's end the release of the source may have detached its disks."""

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
    lost = _lost(rescue, now)
    yield bool(lost), Action.REPORT, lost
    ended = _ended(rescue)
    yield bool(ended), Action.LEAVE, ended
    drained = _drained_in_stop_mode(rescue)
    yield drained, Action.LEAVE, "it is drained and remembered; state_change puts it back when it runs again"
    broken = bool(rescue.unreadable) and not rescue.locked
    yield broken, Action.REPORT, rescue.unreadable
    old = rescue.open and rescue.opened_at is not None and now - rescue.opened_at > OLD_SECONDS
    yield old, Action.REPORT, "open for more than 24 hours: look at its last error and finish it by hand"
    yield _worked_on(rescue, now), Action.LEAVE, "a call is working on it"
    yield from _after_an_error(rescue, now)
    yield rescue.open, Action.HAND_OVER, "nobody is working on this open rescue"
    yield rescue.locked, Action.HAND_OVER, "it is under the Recycling lock and no call has begun its rescue"
    yield True, Action.LEAVE, "there is neither a lock nor an open rescue"


def _ended(rescue: Rescue) -> str:
    """Why an ended rescue stays so; empty for one that has not ended, or that stop mode begins anew."""
    if not rescue.records & {"done", "lost"}:
        return ""
    if _locked_again(rescue):
        return ""
    return "its rescue is finished" if "done" in rescue.records else "its rescue was lost"


def _lost(rescue: Rescue, now: float) -> str:
    """A loss is repeated for a day, so that whoever reads the warnings hears of it."""
    at = rescue.end.get("at") if "lost" in rescue.records and "done" not in rescue.records else None
    recent = isinstance(at, (int, float)) and now - at <= DAY
    return f"it was lost: {rescue.end.get('reason', '')}" if recent and not _locked_again(rescue) else ""


def _worked_on(rescue: Rescue, now: float) -> bool:
    """Whether a call has left a sign of life so lately that it may still run."""
    if rescue.alive_at is None:
        return False
    return now - rescue.alive_at <= (SILENT_SECONDS if _noticed(rescue, now) else SILENT_LATER_SECONDS)


def _noticed(rescue: Rescue, now: float) -> bool:
    """Whether its notice is running, as far as anybody knows."""
    return rescue.locked or rescue.notice_end is None or now < rescue.notice_end


def _after_an_error(rescue: Rescue, now: float) -> Iterator[tuple[bool, Action, str]]:
    """What a call's last words change: an error of a human's is tried again four times, not for ever."""
    since = rescue.needs_human_since
    if since is not None:
        given_up = rescue.handed >= len(HUMAN_WAITS)
        times = f"handed over {rescue.handed} times since a call ended with an error that does not pass by itself"
        yield given_up, Action.REPORT, f"{times}: look at its last error and settle it"
        due = since + HUMAN_WAITS[min(rescue.handed, len(HUMAN_WAITS) - 1)]
        yield now < due, Action.LEAVE, f"its last call needs a human: it is handed over again at {iso(due)}"
    elif rescue.signs and not _noticed(rescue, now):
        retried = now - rescue.signs[-1].at <= SILENT_LATER_SECONDS and bool(rescue.signs[-1].ending)
        yield retried, Action.LEAVE, "its last call has just ended: Function Compute tries it again"


def _locked_again(rescue: Rescue) -> bool:
    return rescue.locked and in_stop_mode(rescue.instance)


def _drained_in_stop_mode(rescue: Rescue) -> bool:
    return rescue.open and in_stop_mode(rescue.instance or rescue.event) and "drained" in rescue.records


@dataclass(frozen=True)
class Item:
    """What a job has decided about a resource: its line in the answer, and what is done where it is ``due``.

    ``act`` answers False where nothing was left to do. ``warning`` is for a human. The least ``urgency`` comes first.
    """

    name: str
    line: str
    due: bool
    act: Callable[[], bool | None]
    warning: str = ""
    urgency: tuple[bool, float] = (False, 0.0)


def chosen(items: Iterable[Item], limit: int) -> tuple[list[Item], list[Item]]:
    """At most ``limit`` that are due, the most urgent first, and those that have to wait for the next sweep."""
    wanted = sorted((one for one in items if one.due), key=lambda one: one.urgency)
    return wanted[:limit], wanted[limit:]


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
    if leftover.cleaned:
        return CleanUp(leftover, "", (), (), due=False, reason="it is cleaned up", over=True)
    if not leftover.finished:
        return CleanUp(leftover, "", (), (), due=False, reason="its rescue is not finished")
    if _nothing_left(leftover) and now - leftover.finished_at > DAY:
        return CleanUp(leftover, "", (), (), due=False, reason="nothing is left of it", over=True)
    if why_not := _keep(leftover, settings, now):
        return CleanUp(leftover, "", (), (), due=False, reason=why_not)
    disks = tuple(str(disk["DiskId"]) for disk in leftover.disks if not _used_since(disk, leftover))
    image_id = leftover.image_id if leftover.image else ""
    return CleanUp(leftover, image_id, leftover.snapshot_ids, disks, due=True, reason="old and unused")


def _used_since(disk: Mapping[str, object], leftover: Leftover) -> bool:
    """Whether its owner has used a retained disk since the rescue: then it is the owner's for good.

    Attached now, attached after the rescue's end, or detached after the source's release had detached it. Of times that
    DescribeDisks does not tell nothing is concluded.
    """
    attached, detached = (epoch_seconds(str(disk.get(name) or "")) or 0.0 for name in ("AttachedTime", "DetachedTime"))
    in_use = disk.get("Status") != "Available" or bool(disk.get("InstanceId"))
    return in_use or attached > leftover.finished_at or detached > leftover.released_by + USED_GRACE


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
