"""The state of a lifecycle action: a frozen value that actions replace and ``decide`` reads."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from checking.assignment import CheckPlan
from checking.progress import Progress
from spotkeeper import loop
from spotkeeper.errors import CloudError
from spotkeeper.events.kinds import HookResult, LifecycleHook, Transition
from spotkeeper.hooks import LONGEST_LIFE, longest_heartbeat
from spotkeeper.instances import Described
from spotkeeper.scaling import DEFAULT_TIMEOUT

SHORTEST_EXTENSION = 30.0
FINISH_SECONDS = 90.0
LEAD_SECONDS = 180.0
"""A heartbeat is due so long before the hook ends: throttling can block it for a minute, and a call may follow."""
URGENT_SECONDS = 90.0
"""The same before the first check: a hook with enough time is not extended first."""
SHORTEST_TIMEOUT = 30.0
"""HeartbeatTimeout at least (CreateLifecycleHook)."""
POSTPONED_SHARE = 0.6
"""With less than this share of a heartbeat left, a hook is extended as soon as a call is throttled: the heartbeat may
be throttled too, for several minutes."""
MINUTE = 60.0


@dataclass(frozen=True)
class LifecycleAction:
    """A lifecycle action as DescribeLifecycleActions shows it: ``Pending``, ``Completed`` or ``Timeout``."""

    status: str
    result: str
    instance_ids: tuple[str, ...]


@dataclass(frozen=True)
class State(loop.State):
    """All times are seconds since 1970.

    ``leave_at``: when this call has to end. ``notified_at``: the notification's time, where it is plausible.
    ``began_at``: when the hook began to wait, at the latest. ``alive_until``: the hook lives at least so long, whether
    a heartbeat restarts its clock or adds to it; ``life_known``: that is no guess; ``extended``: by a heartbeat of this
    call, ``unrecorded``: without a tag yet. ``extendable``: no heartbeat was refused; ``heartbeat_error`` is a refusal
    that is this function's failure. ``looks`` counts the reads of the action. ``observed``: this call has looked at the
    instances, ``asked_at`` for the last time; ``polled``: after a wait, or with the results of commands. ``judged``:
    the reason of the completion. ``sent``: the result of a CompleteLifecycleAction that got no answer.
    ``keeps_min_size``: whether the group keeps its MinSize without the failed instances; ``removal_error``: why that is
    not known, or why they cannot be marked. ``failed``: failed instances at this call's completion; ``suspects``:
    members that an earlier call has marked. ``tidied``: no tag of this action is left, or ``untidy`` is the reason.
    """

    event: LifecycleHook
    entered_at: float
    leave_at: float
    notified_at: float | None
    began_at: float
    alive_until: float

    read: bool = False
    hook: Described | None = None
    transition: Transition = Transition.SCALE_OUT
    life_known: bool = False
    extended: bool = False
    unrecorded: bool = False
    looked: bool = False
    looks: int = 0
    action: LifecycleAction | None = None
    chosen: bool = False
    check_plan: CheckPlan | None = None

    progress: Progress = field(default_factory=Progress)
    observed: bool = False
    asked_at: float = 0.0
    polled: bool = False
    pause: float = 0.0

    extendable: bool = True
    heartbeat_error: CloudError | None = None

    keeps_min_size: bool | None = None
    removal_error: CloudError | None = None
    marked: bool = False
    judged: str = ""
    sent: HookResult | None = None
    completed: HookResult | None = None
    verified: bool = False
    failed: tuple[str, ...] | None = None
    suspects: tuple[str, ...] | None = None
    removed: tuple[str, ...] | None = None
    tidied: bool = False
    untidy: CloudError | None = None

    def postponed(self, step: loop.Step) -> bool:
        """Whether a step was refused and its next try is not due yet."""
        refusal = self.refusal(step)
        return refusal is not None and refusal.again_at > self.now

    @property
    def ended(self) -> bool:
        """Whether the action is completed, or has timed out."""
        return self.completed is not None or (self.action is not None and self.action.status != "Pending")

    @property
    def instance_ids(self) -> tuple[str, ...]:
        """The instances that the action lists."""
        return self.action.instance_ids if self.action else ()

    @property
    def failing(self) -> tuple[str, ...]:
        """The instances that failed a check."""
        return tuple(sorted(self.progress.failures))

    @property
    def to_remove(self) -> tuple[str, ...]:
        """The instances that have to leave their group after CONTINUE; a mark alone proves no failure."""
        if self.failed is not None:
            return self.failed
        return tuple(name for name in self.suspects or () if name in self.failing)

    @property
    def timeout(self) -> float:
        """The hook's HeartbeatTimeout, seconds; before it was read, the shortest possible."""
        if not self.read:
            return SHORTEST_TIMEOUT
        return float((self.hook or {}).get("HeartbeatTimeout") or DEFAULT_TIMEOUT)

    @property
    def left(self) -> float:
        """The hook lives for so many seconds at least."""
        return self.alive_until - self.now

    @property
    def heartbeat(self) -> float:
        """Seconds of every heartbeat; 0 where no heartbeat is possible any more.

        A twentieth of the rest of six hours: if a heartbeat adds to the clock, twenty heartbeats stay inside six hours;
        if it restarts the clock, they are the longest that twenty can cover. All calls for an action use the same
        seconds: a shorter heartbeat could shorten the life that a call side by side relies on.
        """
        if not self.extendable:
            return 0.0
        seconds = min(longest_heartbeat(self.timeout), self.began_at + LONGEST_LIFE - self.now)
        return float(int(seconds)) if seconds >= SHORTEST_EXTENSION else 0.0

    @property
    def extension(self) -> float:
        """Seconds of a heartbeat now; 0 where it would not extend the hook's life."""
        return self.heartbeat if self.heartbeat > self.left + 1 else 0.0

    @property
    def lead_seconds(self) -> float:
        """A heartbeat is due so long before the end; a short heartbeat halfway through it."""
        seconds = LEAD_SECONDS if self.observed else URGENT_SECONDS
        return min(seconds, self.heartbeat / 2) if self.heartbeat else seconds

    @property
    def finish_seconds(self) -> float:
        """The time of CompleteLifecycleAction (throttling can block it for a minute); of a short hook a quarter."""
        return min(FINISH_SECONDS, self.timeout / 4)

    @property
    def life_end(self) -> float:
        """The latest possible end of the hook."""
        return max(self.began_at + LONGEST_LIFE, self.alive_until) if self.heartbeat else self.alive_until

    @property
    def patient_until(self) -> float:
        """Until then a refused call may wait for its next try inside its step; later ``decide`` has its turn."""
        if self.ended:
            return math.inf
        if not self.life_known:
            return self.now
        kept = POSTPONED_SHARE * self.heartbeat if self.heartbeat else self.finish_seconds + MINUTE
        return max(self.now, min(self.alive_until - kept, self.leave_at))

    def next_moment(self) -> float:
        """The next moment at which another step may be due: a heartbeat, the completion, or a refused step."""
        lead = self.lead_seconds if self.heartbeat else self.finish_seconds
        moments = (self.alive_until - lead, self.alive_until - self.finish_seconds, self.leave_at)
        tries = (refusal.again_at for refusal in self.refusals.values())
        return min((moment for moment in (*moments, *tries) if moment > self.now), default=self.now)

    @property
    def default_result(self) -> HookResult | None:
        """The hook's own DefaultResult, not the event's."""
        shown = (self.hook or {}).get("DefaultResult")
        return HookResult(shown) if shown in {result.value for result in HookResult} else None
