"""What is going to happen by itself: state changes that are due at a moment of the virtual clock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count
from typing import Any


class Agenda:
    """Due changes, done in the order of their moments (and, for one moment, in the order they were written down)."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = count()

    def at(self, moment: float, change: Callable[..., None], *arguments: Any) -> None:
        """Write down that ``change(moment, *arguments)`` is to be called once the clock has reached ``moment``."""
        heapq.heappush(self._due, (moment, next(self._number), change, arguments))

    def catch_up(self, now: float) -> None:
        """Do everything that is due at ``now``, including what that makes due."""
        while self._due and self._due[0][0] <= now:
            moment, _, change, arguments = heapq.heappop(self._due)
            change(moment, *arguments)
