"""What a call knows of a lifecycle action at one moment: a frozen value that the acts replace and ``decide`` reads."""

from __future__ import annotations

import math
from dataclasses import dataclass

from checking.assignment import CheckPlan
from checking.progress import Progress
from spotkeeper import loop
from spotkeeper.errors import CloudError
from spotkeeper.events import HookResult, LifecycleHook, Transition
from spotkeeper.instances import Described

DEFAULT_TIMEOUT = 600.0
"""HeartbeatTimeout of a hook that says nothing else (CreateLifecycleHook)."""
LONGEST_LIFE = 21_600.0
"""All extensions together keep a hook alive for six hours at most (RecordLifecycleActionHeartbeat)."""
MOST_EXTENSIONS = 20
SHORTEST_EXTENSION = 30.0
FINISH_SECONDS = 90.0
LEAD_SECONDS = 180.0
"""Throttling can block a heartbeat for a minute, and a call may have to follow."""
URGENT_SECONDS = 90.0
"""The same before anything was begun: a hook that has time for what is begun is not extended first."""
SHORTEST_TIMEOUT = 30.0
"""HeartbeatTimeout at least (CreateLifecycleHook)."""
HELD_UP_SHARE = 0.6
"""With less than this share of a heartbeat left, a hook is extended as soon as any call is throttled. It leaves ten
minutes to hooks of the usual timeout: a heartbeat may be throttled too, minute after minute."""
MINUTE = 60.0


@dataclass(frozen=True)
class Action:
    """A lifecycle action as DescribeLifecycleActions shows it: ``Pending``, ``Completed`` or ``Timeout``."""

    status: str
    result: str
    instance_ids: tuple[str, ...]


@dataclass(frozen=True)
class State(loop.State):
    """All times are seconds since 1970.

    ``leave_at``: when this call has to come to an end. ``notified_at``: the notification's time, where it can be right.
    ``began_at``: when the hook began to wait, at the latest. ``refusals``: steps that were refused, by step.
    ``alive_until``: the hook lives at least so long, however a heartbeat is to be understood; ``life_known``: that is
    more than a guess; ``extended``: by a heartbeat of this call, ``unrecorded``: which is not written down yet.
    ``extendable`` is over once a heartbeat was refused: ``refused`` is why, where that is our own failure. ``looks``:
    how often the action was looked at. ``observed``: this call has seen the instances, ``asked_at`` for the last time;
    ``polled``: and has waited for something, or asked how commands have ended. ``judged``: why it was completed.
    ``sent``: what a CompleteLifecycleAction of this call said that got no answer. ``spared``: whether the group can do
    without the failed instances; ``hindrance``: why that cannot be told, or why they cannot be marked. ``failed``:
    instances to remove after CONTINUE. ``tidied``: no tag of this action is left, or ``untidy`` says why.
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
    action: Action | None = None
    chosen: bool = False
    check_plan: CheckPlan | None = None

    progress: Progress | None = None
    observed: bool = False
    asked_at: float = 0.0
    polled: bool = False
    pause: float = 0.0

    extendable: bool = True
    heartbeat_error: CloudError | None = None

    spared: bool | None = None
    hindrance: CloudError | None = None
    marked: bool = False
    judged: str = ""
    sent: HookResult | None = None
    completed: HookResult | None = None
    verified: bool = False
    failed: tuple[str, ...] | None = None
    removed: tuple[str, ...] | None = None
    tidied: bool = False
    untidy: CloudError | None = None

    def held_up(self, step: loop.Step) -> bool:
        """Whether a step was refused and is not to be tried again yet."""
        refusal = self.refusal(step)
        return refusal is not None and refusal.again_at > self.now

    @property
    def over(self) -> bool:
        """Whether the action is completed, or has ended otherwise."""
        return self.completed is not None or (self.action is not None and self.action.status != "Pending")

    @property
    def failing(self) -> tuple[str, ...]:
        """The instances that failed a check."""
        return tuple(sorted(self.progress.failures)) if self.progress else ()

    @property
    def timeout(self) -> float:
        """The hook's HeartbeatTimeout, seconds; before it was read, the shortest that there is."""
        if not self.read:
            return SHORTEST_TIMEOUT
        return float((self.hook or {}).get("HeartbeatTimeout") or DEFAULT_TIMEOUT)

    @property
    def left(self) -> float:
        """For so many seconds the hook lives at least."""
        return self.alive_until - self.now

    @property
    def heartbeat(self) -> float:
        """Seconds of every heartbeat; 0 where none is possible any more.

        A twentieth of what six hours leave: if a heartbeat adds to the clock, twenty of them stay inside six hours; if
        it restarts the clock, they are the longest that twenty can cover. All calls for one action use the same
        seconds: a shorter heartbeat would then take from the hook what a call side by side counts on.
        """
        if not self.extendable:
            return 0.0
        seconds = min((LONGEST_LIFE - self.timeout) / MOST_EXTENSIONS, self.began_at + LONGEST_LIFE - self.now)
        return float(int(seconds)) if seconds >= SHORTEST_EXTENSION else 0.0

    @property
    def extension(self) -> float:
        """Seconds of a heartbeat now; 0 where it would not make the hook live longer."""
        return self.heartbeat if self.heartbeat > self.left + 1 else 0.0

    @property
    def lead_seconds(self) -> float:
        """A heartbeat is due so long before the end; where it is a short one, halfway through it."""
        seconds = LEAD_SECONDS if self.observed else URGENT_SECONDS
        return min(seconds, self.heartbeat / 2) if self.heartbeat else seconds

    @property
    def finish_seconds(self) -> float:
        """What CompleteLifecycleAction may take (throttling can block it for a minute); of a short hook a quarter."""
        return min(FINISH_SECONDS, self.timeout / 4)

    @property
    def life_end(self) -> float:
        """When the hook ends at the latest, whatever is done."""
        return max(self.began_at + LONGEST_LIFE, self.alive_until) if self.heartbeat else self.alive_until

    @property
    def due_at(self) -> float:
        """When something has to be done about the hook's clock: a heartbeat, or its end."""
        return self.alive_until - (self.lead_seconds if self.heartbeat else self.finish_seconds)

    @property
    def patient_until(self) -> float:
        """Until then a refused call may wait for its next try; later, every refusal is for ``decide``."""
        if self.over:
            return math.inf
        if not self.life_known:
            return self.now
        kept = HELD_UP_SHARE * self.heartbeat if self.heartbeat else self.finish_seconds + MINUTE
        return max(self.now, min(self.alive_until - kept, self.leave_at))

    def next_moment(self) -> float:
        """The next moment at which there may be something else to do."""
        moments = (self.due_at, self.alive_until - self.finish_seconds, self.leave_at)
        tries = (refusal.again_at for refusal in self.refusals.values())
        return min((one for one in (*moments, *tries) if one > self.now), default=self.now)

    @property
    def default_result(self) -> HookResult | None:
        """The hook's own DefaultResult; an event does not say with what a hook may end."""
        told = (self.hook or {}).get("DefaultResult")
        return HookResult(told) if told in {one.value for one in HookResult} else None
