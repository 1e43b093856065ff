"""The simulated time: it moves only when somebody moves it."""

from __future__ import annotations

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
