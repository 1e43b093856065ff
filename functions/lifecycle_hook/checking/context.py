"""The run context of a lifecycle action, or of a check on demand."""

from __future__ import annotations

import math
from dataclasses import dataclass

from spotkeeper.clock import Clock, Deadline
from spotkeeper.run_context import RunContext
from spotkeeper.settings import LifecycleHookSettings


@dataclass
class HookDeadline:
    """The time limit of API calls before the hook is completed: the call's deadline, or when the hook needs attention.

    A throttled call may wait for a minute, which a hook may not have. ``at`` is on the clock's monotonic scale.
    """

    deadline: Deadline
    at: float = math.inf

    @property
    def clock(self) -> Clock:
        """The clock."""
        return self.deadline.clock

    def remaining(self) -> float:
        """Seconds left; negative once it has passed."""
        return min(self.deadline.at, self.at) - self.clock.monotonic()

    def set(self, moment: float) -> None:
        """API calls end at ``moment``, seconds since 1970; infinite: at the call's deadline."""
        self.at = self.clock.monotonic() + moment - self.clock.now()


@dataclass(kw_only=True)
class Context(RunContext[LifecycleHookSettings]):
    """``secrets`` are never shown in the output of a check."""

    hook_deadline: HookDeadline
    secrets: tuple[str, ...]
