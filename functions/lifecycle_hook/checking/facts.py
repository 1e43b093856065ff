"""What a call knows of a lifecycle action at one moment: a frozen value that the acts replace and ``decide`` reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from checking.assignment import Plan
from checking.progress import Progress
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


@dataclass(frozen=True)
class Action:
    """A lifecycle action as DescribeLifecycleActions shows it: ``Pending``, ``Completed`` or ``Timeout``."""

    status: str
    result: str
    instance_ids: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """All times are seconds since 1970.

    ``leave_at``: when this call has to come to an end. ``began_at``: when the hook began to wait, at the latest.
    ``alive_until``: the hook lives at least so long, however a heartbeat is to be understood. ``extendable`` is over
    once a heartbeat was refused: ``refused`` is why, where that is our own failure. ``observed``: it has seen the
    instances; ``polled``: and has waited for something, or asked how commands have ended. ``judged``: why it was
    completed. ``sent``: what a CompleteLifecycleAction of this call said that got no answer. ``failed``: instances to
    remove after CONTINUE.
    """

    event: LifecycleHook
    now: float
    entered_at: float
    leave_at: float
    began_at: float
    alive_until: float

    looked: bool = False
    hook: Described | None = None
    action: Action | None = None
    transition: Transition = Transition.SCALE_OUT
    plan: Plan | None = None

    progress: Progress | None = None
    observed: bool = False
    polled: bool = False
    pause: float = 0.0

    extendable: bool = True
    refused: CloudError | None = None

    marked: bool = False
    judged: str = ""
    sent: HookResult | None = None
    completed: HookResult | None = None
    verified: bool = False
    failed: tuple[str, ...] | None = None
    removed: tuple[str, ...] | None = None

    def but(self, **changes: Any) -> Facts:
        """The same facts but for ``changes``."""
        return replace(self, **changes)

    @property
    def timeout(self) -> float:
        """The hook's HeartbeatTimeout, seconds."""
        return float((self.hook or {}).get("HeartbeatTimeout") or DEFAULT_TIMEOUT)

    @property
    def left(self) -> float:
        """For so many seconds the hook lives at least."""
        return self.alive_until - self.now

    @property
    def extension(self) -> float:
        """Seconds of the next heartbeat; 0 where none is possible any more.

        A twentieth of what six hours leave: if a heartbeat adds to the clock, twenty of them stay inside six hours; if
        it restarts the clock, they are the longest that twenty can cover. All calls for one action use the same
        seconds: a shorter heartbeat would then take from the hook what a call side by side counts on.
        """
        if not self.extendable:
            return 0.0
        seconds = min((LONGEST_LIFE - self.timeout) / MOST_EXTENSIONS, self.began_at + LONGEST_LIFE - self.now)
        return float(int(seconds)) if seconds >= max(SHORTEST_EXTENSION, self.left + 1) else 0.0

    @property
    def finish_seconds(self) -> float:
        """What CompleteLifecycleAction may take (throttling can block it for a minute); of a short hook a quarter."""
        return min(FINISH_SECONDS, self.timeout / 4)

    @property
    def life_end(self) -> float:
        """When the hook ends at the latest, whatever is done."""
        return self.began_at + LONGEST_LIFE if self.extension else self.alive_until

    @property
    def default_result(self) -> HookResult | None:
        """The hook's own DefaultResult, as the API says it, else as the event does."""
        told = (self.hook or {}).get("DefaultResult")
        return HookResult(told) if told in {one.value for one in HookResult} else self.event.default_result
