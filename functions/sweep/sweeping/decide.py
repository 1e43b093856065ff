"""The decisions of a sweep about rescues and leftovers. Pure; every decision has a reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import HELD, in_stop_mode, is_held, iso, tags_of
from spotkeeper.settings.sweep import SweepSettings
from sweeping.state import Leftover, RescueState

OLD_SECONDS = 86_400.0
"""An episode that is open for longer needs a human: another call will not end it."""

SILENT_SECONDS = 60.0
"""During the notice: a call leaves a sign of life every 20 s, and a lost minute costs a fifth of the notice."""
SILENT_LATER_SECONDS = 180.0
"""After the notice waiting costs nothing. A call leaves no signs while the journal is down (it waits up to 90 s for the
journal), and is not to be doubled. In this time Function Compute may also retry a call that has ended with an error."""
HUMAN_WAITS = (60.0, 300.0, 900.0, 3_600.0)
"""Seconds from the first error that needs a human to each further invocation; then the rescue is only reported."""
USED_GRACE = 3_600.0
"""The release of the source may detach its disks for so long after the notice's end."""

UNKNOWN_NOTICE_SECONDS = 240.0
"""The assumed rest of a notice whose event did not come: the lock may be as old as the last sweep."""

LOCKED_LATER = (
    "it is under the Recycling lock long after the notice of its finished rescue: if this is another notice, invoke "
    "interruption with an event of this moment"
)
QUOTA_WARNING = 0.8
DAY = 86_400.0


class RescueAction(Enum):
    """What the sweep does about a rescue."""

    INVOKE = "invoke interruption"
    LEAVE = "leave"
    REPORT = "report"


@dataclass(frozen=True)
class RescueDecision:
    """An action and its reason."""

    rescue: RescueState
    action: RescueAction
    reason: str


def decide(rescue: RescueState, now: float) -> RescueDecision:
    """The decision about an instance under the lock, or an episode."""
    return next(RescueDecision(rescue, action, reason) for applies, action, reason in _rules(rescue, now) if applies)


def _rules(rescue: RescueState, now: float) -> Iterator[tuple[bool, RescueAction, str]]:
    """Whether a rule applies, its action and its reason; the first rule that applies decides."""
    held = is_held(tags_of(rescue.instance), now) or rescue.image_held
    yield held, RescueAction.LEAVE, HELD
    lost = _lost(rescue, now)
    yield bool(lost), RescueAction.REPORT, lost
    ended = _ended(rescue)
    yield bool(ended) and rescue.locked_later, RescueAction.REPORT, LOCKED_LATER
    yield bool(ended), RescueAction.LEAVE, ended
    drained = rescue.open and in_stop_mode(rescue.instance or rescue.event) and "drained" in rescue.records
    waits = drained and not _reclaimed_again(rescue, now)
    yield waits, RescueAction.LEAVE, "it is drained; state_change restores its memberships when it runs again"
    late = _too_late_to_drain(rescue, now)
    yield late, RescueAction.LEAVE, "its notice is over: state_change ends it once it runs again"
    broken = bool(rescue.unreadable) and not rescue.locked
    yield broken, RescueAction.REPORT, rescue.unreadable
    old = not rescue.locked and rescue.open and rescue.opened_at is not None and now - rescue.opened_at > OLD_SECONDS
    yield old, RescueAction.REPORT, "open for more than 24 hours: look at its last error and finish it by hand"
    silent = SILENT_SECONDS if _noticed(rescue, now) else SILENT_LATER_SECONDS
    works = rescue.alive_at is not None and now - rescue.alive_at <= silent
    yield works, RescueAction.LEAVE, "a call is working on it"
    yield from _after_an_error(rescue, now)
    yield rescue.open, RescueAction.INVOKE, "no call is working on this open rescue"
    unknown = rescue.locked and bool(rescue.unreadable)
    yield unknown, RescueAction.INVOKE, f"it is under the Recycling lock; {rescue.unreadable}"
    refuted = rescue.locked and "lost" in rescue.records
    yield refuted, RescueAction.INVOKE, "it is under the Recycling lock, although its rescue is recorded as lost"
    yield rescue.locked, RescueAction.INVOKE, "it is under the Recycling lock and no call has begun its rescue"
    yield True, RescueAction.LEAVE, "there is neither a lock nor an open rescue"


def _ended(rescue: RescueState) -> str:
    """The end of a rescue; empty for an open rescue, and where the lock contradicts it."""
    if not rescue.ended or _locked_again(rescue):
        return ""
    return "its rescue is finished" if "done" in rescue.records else "its rescue was lost"


def _lost(rescue: RescueState, now: float) -> str:
    """The warning of a loss, which is repeated for a day."""
    at = rescue.end.get("at") if "lost" in rescue.records and "done" not in rescue.records else None
    recent = isinstance(at, (int, float)) and now - at <= DAY
    return f"it was lost: {rescue.end.get('reason', '')}" if recent and not _locked_again(rescue) else ""


def _noticed(rescue: RescueState, now: float) -> bool:
    """Whether its notice may not be over."""
    return rescue.locked or rescue.notice_end is None or now < rescue.notice_end


def _after_an_error(rescue: RescueState, now: float) -> Iterator[tuple[bool, RescueAction, str]]:
    """Rules after a call that ended with an error: where a human is needed, four more invocations are made.

    Errors before a new lock do not count: they were about an earlier notice.
    """
    since = rescue.needs_human_since
    if since is not None and not rescue.newly_locked:
        given_up = rescue.invocations >= len(HUMAN_WAITS)
        times = f"invoked {rescue.invocations} times since a call ended with an error that does not pass by itself"
        yield given_up, RescueAction.REPORT, f"{times}: look at its last error and settle it"
        due = since + HUMAN_WAITS[min(rescue.invocations, len(HUMAN_WAITS) - 1)]
        yield now < due, RescueAction.LEAVE, f"its last error needs a human: the next invocation is due at {iso(due)}"
    elif rescue.signs and not _noticed(rescue, now):
        retried = now - rescue.signs[-1].at <= SILENT_LATER_SECONDS and bool(rescue.signs[-1].ending)
        yield retried, RescueAction.LEAVE, "its last call ended a moment ago: Function Compute tries it again"


def _too_late_to_drain(rescue: RescueState, now: float) -> bool:
    """Whether it is open in stop mode after its notice, and known to be unlocked: ``interruption`` needs the lock.

    Only an open rescue has its event here.
    """
    over = rescue.notice_end is not None and now > rescue.notice_end
    return in_stop_mode(rescue.event) and over and not (rescue.locked or rescue.unknown)


def _reclaimed_again(rescue: RescueState, now: float) -> bool:
    """Whether it runs under the lock after its recorded notice: a later reclaim, for which it may not be drained."""
    runs = (rescue.instance or {}).get("Status") == "Running"
    return rescue.locked and runs and rescue.notice_end is not None and now > rescue.notice_end


def _locked_again(rescue: RescueState) -> bool:
    """Whether the lock contradicts the end: stop mode begins a new rescue, and a lost instance would not stand."""
    return rescue.locked and (in_stop_mode(rescue.instance) or "done" not in rescue.records)


@dataclass(frozen=True)
class Item:
    """A job's decision about a resource: its line in the answer, and ``act`` where it is ``due``.

    ``act`` returns False where nothing was left to do. ``warning`` is for a human, ``about`` has the fields of its
    audit record. The least ``urgency`` comes first.
    ``limited``: it counts towards the job's limit; a notice cannot wait for the next sweep.
    """

    name: str
    line: str
    due: bool
    act: Callable[[], bool | None]
    warning: str = ""
    about: Mapping[str, str] = field(default_factory=dict)
    urgency: tuple[bool, float] = (False, 0.0)
    limited: bool = True


def chosen(items: Iterable[Item], limit: int) -> tuple[list[Item], list[Item]]:
    """The due items, at most ``limit`` of the limited ones, the most urgent first; and those for the next sweep."""
    wanted = sorted((item for item in items if item.due), key=lambda item: item.urgency)
    later = [item for item in wanted if item.limited][limit:]
    waiting = {id(item) for item in later}
    return [item for item in wanted if id(item) not in waiting], later


def urgency(decision: RescueDecision, now: float) -> tuple[bool, float]:
    """A sort key: the time left; a notice that is over is not urgent any more."""
    end = decision.rescue.notice_end
    left = UNKNOWN_NOTICE_SECONDS if end is None else end - now
    return (left <= 0, left)


@dataclass(frozen=True)
class CleanUp:
    """The leftovers of a finished rescue that may be deleted, or why not; ``closed``: no further look is needed."""

    leftover: Leftover
    reason: str
    image_id: str = ""
    snapshot_ids: tuple[str, ...] = ()
    disk_ids: tuple[str, ...] = ()
    due: bool = False
    closed: bool = False


def decide_clean_up(leftover: Leftover, settings: SweepSettings, now: float) -> CleanUp:
    """The decision about leftovers: deleted is only what is old enough, Spotkeeper's own, and unused."""
    if leftover.cleaned:
        return CleanUp(leftover, "it is cleaned up", closed=True)
    if not leftover.finished:
        return CleanUp(leftover, "its rescue is not finished")
    nothing_left = leftover.image is None and not (leftover.unreadable or leftover.snapshot_ids or leftover.disks)
    if nothing_left and now - leftover.finished_at > DAY:
        return CleanUp(leftover, "nothing is left of it", closed=True)
    if why_not := _keep(leftover, settings, now):
        return CleanUp(leftover, why_not)
    disks = tuple(str(disk["DiskId"]) for disk in leftover.disks if not _used_since(disk, leftover))
    image_id = leftover.image_id if leftover.image else ""
    return CleanUp(leftover, "old and unused", image_id, leftover.snapshot_ids, disks, due=True)


def _used_since(disk: Mapping[str, object], leftover: Leftover) -> bool:
    """Whether the owner has used a retained disk since the rescue: then it is never deleted.

    Attached now, attached after the rescue's end, or detached after the source's release had detached it. Where
    DescribeDisks shows no time nothing is concluded.
    """
    attached, detached = (epoch_seconds(str(disk.get(name) or "")) or 0.0 for name in ("AttachedTime", "DetachedTime"))
    in_use = disk.get("Status") != "Available" or bool(disk.get("InstanceId"))
    return in_use or attached > leftover.finished_at or detached > leftover.released_by + USED_GRACE


def _keep(leftover: Leftover, settings: SweepSettings, now: float) -> str:
    if leftover.unreadable:
        return leftover.unreadable
    if leftover.held:
        return HELD
    if leftover.source_stands:
        return "the source still stands"
    if leftover.image is not None and leftover.image.get("Usage") == "instance":
        return "the image is in use"
    days = (now - leftover.finished_at) / DAY
    if days < settings.image_ttl_days:
        return f"finished {days:.1f} days ago; SPOTKEEPER_IMAGE_TTL_DAYS is {settings.image_ttl_days:g}"
    return ""


def quota_warnings(images: Sequence[object], settings: SweepSettings) -> list[str]:
    """A rescue needs room for another image."""
    if len(images) < QUOTA_WARNING * settings.image_quota:
        return []
    used = f"{len(images)} of {settings.image_quota} custom images are used (SPOTKEEPER_IMAGE_QUOTA)"
    return [f"{used}: delete some or raise the quota, or the next rescue makes no image"]
