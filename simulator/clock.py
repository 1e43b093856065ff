"""The simulated time: it moves only by ``advance``."""

from __future__ import annotations

import time
from threading import RLock


class VirtualClock:
    """Seconds since 1970-01-01 UTC, advanced by waits of the callers and by ``POST /-/clock``."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._lock = RLock()

    def now(self) -> float:
        """The simulated moment."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Move forward (never back) and return the new moment."""
        if seconds < 0:
            raise ValueError("time does not run backwards")
        with self._lock:
            self._now += seconds
            return self._now


class RunningClock(VirtualClock):
    """Moves by itself too, at the pace of real time: for the served cloud, where waits are not simulated."""

    def __init__(self, now: float) -> None:
        super().__init__(now)
        self._started = time.monotonic()

    def now(self) -> float:
        """The simulated moment."""
        return self._now + time.monotonic() - self._started
