"""The time of one sweep, shared out: each job may use half of what is left, so that no job starves the next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from spotkeeper.clients import Api
from spotkeeper.clock import Clock, Deadline, TimeLimit
from spotkeeper.errors import DeadlineReached

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

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Looking ends early enough that a share of the turn remains for acting."""
        until = self._until
        self._until = self.deadline.sooner(max(0.0, self.remaining()) * (1 - SHARE))
        try:
            yield
        finally:
            self._until = until

    def remaining(self) -> float:
        """Seconds left of this turn; negative once it is over."""
        return (self._until or self.deadline).remaining()

    def each(self, items: Sequence[T], reserve: float = 0.0) -> Iterator[T]:
        """The items, for as long as more than ``reserve`` seconds of the turn are left."""
        for item in items:
            if self.remaining() <= reserve:
                return
            yield item


class TimedApi(Api):
    """An API that lists nothing any more once the turn is over: a job may look at many groups, one after the other."""

    turns: Turns

    def pages(
        self, action: str, about: str, parameters: Mapping[str, Any], *, until: TimeLimit | None = None
    ) -> Iterator[dict[str, Any]]:
        """See ``Api.pages``. Raises ``DeadlineReached``."""
        if self.turns.remaining() <= 0:
            raise DeadlineReached(f"{action} on {about} is left to the next sweep")
        yield from super().pages(action, about, parameters, until=until)
