"""The one place that tells time and waits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Protocol


class Clock:
    """Real time, looked up on module ``time`` at each call, so that a simulated clock can replace it there."""

    def now(self) -> float:
        """Seconds since 1970-01-01 UTC."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never jump; only differences mean anything."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait ``seconds``; nothing for zero and below."""
        if seconds > 0:
            time.sleep(seconds)


class TimeLimit(Protocol):
    """What ends trying again: a deadline, or something that moves one."""

    def remaining(self) -> float:
        """Seconds left; negative once it has passed."""


class ClockedLimit(TimeLimit, Protocol):
    """A time limit that tells its clock."""

    @property
    def clock(self) -> Clock:
        """The clock that it goes by."""


@dataclass
class StepLimit:
    """Until when the step that is being done may wait: the loop moves it, so that nothing more urgent waits too."""

    until: Deadline

    @property
    def clock(self) -> Clock:
        """The clock that it goes by."""
        return self.until.clock

    def remaining(self) -> float:
        """Seconds left; negative once it has passed."""
        return self.until.remaining()


@dataclass(frozen=True)
class Deadline:
    """A fixed point on a clock's monotonic scale, made once where a call enters."""

    clock: Clock
    at: float

    @classmethod
    def after(cls, clock: Clock, seconds: float) -> Deadline:
        """The moment ``seconds`` from now."""
        return cls(clock, clock.monotonic() + seconds)

    def remaining(self) -> float:
        """Seconds left; negative once it has passed."""
        return self.at - self.clock.monotonic()

    def sooner(self, seconds: float) -> Deadline:
        """This deadline or the moment ``seconds`` from now, whichever comes first."""
        return Deadline(self.clock, min(self.at, self.clock.monotonic() + seconds))
