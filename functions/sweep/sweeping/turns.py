"""The time of one sweep, shared out: each job may use half of what is left, so that no job starves the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from spotkeeper.clock import Clock, Deadline

T = TypeVar("T")

SHARE = 0.5


@dataclass
class Turns:
    """A time limit that begins anew with each job. What a job does not use is the next one's."""

    deadline: Deadline
    _until: Deadline | None = field(default=None)

    @property
    def clock(self) -> Clock:
        """The clock that it goes by."""
        return self.deadline.clock

    def begin(self, share: float = SHARE) -> None:
        """The next job's turn: a share of what is left of the call."""
        self._until = self.deadline.sooner(max(0.0, self.deadline.remaining()) * share)

    def remaining(self) -> float:
        """Seconds left of this turn; negative once it is over."""
        return (self._until or self.deadline).remaining()

    def each(self, items: Sequence[T], reserve: float = 0.0) -> Iterator[T]:
        """The items, for as long as more than ``reserve`` seconds of the turn are left."""
        for item in items:
            if self.remaining() <= reserve:
                return
            yield item
