"""State changes that are due at a moment of the virtual clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any


class Scheduler:
    """Changes in the order of their moments; changes of the same moment in the order in which they were scheduled."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = count()

    def at(self, moment: float, change: Callable[..., None], *arguments: Any) -> None:
        """Call ``change(moment, *arguments)`` once the clock has reached ``moment``."""
        heapq.heappush(self._due, (moment, next(self._number), change, arguments))

    def catch_up(self, now: float) -> None:
        """Make every change that is due at ``now``, including those that a change schedules."""
        while self._due and self._due[0][0] <= now:
            moment, _, change, arguments = heapq.heappop(self._due)
            change(moment, *arguments)
