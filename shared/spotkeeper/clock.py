"""Time and waiting. No other module reads a clock or sleeps."""

from __future__ import annotations

import time
from dataclasses import dataclass


class Clock:
    """Real time. Each call reads the functions of module ``time``, so that a simulated clock can replace them."""

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


@dataclass
class StepLimit:
    """The deadline of the current step. The loop moves it, so that no step holds up a more urgent step."""

    until: Deadline

    @property
    def clock(self) -> Clock:
        """The clock of the limit."""
        return self.until.clock

    def remaining(self) -> float:
        """Seconds left; negative once it has passed."""
        return self.until.remaining()


@dataclass(frozen=True)
class Deadline:
    """A fixed moment on a clock's monotonic scale."""

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
        """The earlier of this deadline and the moment ``seconds`` from now."""
        return Deadline(self.clock, min(self.at, self.clock.monotonic() + seconds))


TimeLimit = Deadline | StepLimit
"""The end of the tries of a call."""
