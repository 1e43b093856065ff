"""A clock for tests without a cloud."""

from __future__ import annotations

from spotkeeper.clock import Clock


class SimulatedClock(Clock):
    """Time that passes only in sleeps; where it began, and each sleep."""

    def __init__(self, start: float = 1000.0) -> None:
        self.time = self.start = start
        self.sleeps: list[float] = []

    def now(self) -> float:
        """The moment."""
        return self.time

    def monotonic(self) -> float:
        """The same."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.sleeps.append(seconds)
        self.time += seconds
