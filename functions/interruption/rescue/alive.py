"""Signs of life: while a call works on a rescue, the journal shows it, so that the sweep can replace a call that died.

No thread and no timer: a sign is left between two parts of a sleep, and before an API call. A sign that cannot be left
is counted and nothing more, since a hint must not stop a rescue: at worst a second call works side by side.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.clock import Clock
from spotkeeper.episode import Episode
from spotkeeper.errors import (
    CloudError,
    DeadlineReached,
    JournalUnavailable,
    NoCapacity,
    RescueLost,
    UnreadableRecord,
)
from spotkeeper.hints import AGAIN, HUMAN, SIGN_SECONDS, Sign
from spotkeeper.retry import passes_by_itself


@dataclass
class Life:
    """One call's signs of life; silent until ``begin``. ``missed``: what went wrong with hints."""

    clock: Clock
    audit: Audit
    missed: list[str] = field(default_factory=list)
    _episode: Episode | None = None
    _sign: Sign | None = None
    _told_at: float = 0.0
    _telling: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, episode: Episode, attempt: int) -> None:
        """From now on, as the n-th call of the rescue."""
        self._episode = episode
        self._tell(Sign((episode.instance_id, episode.number), attempt, int(self.clock.now())))

    def due_in(self) -> float:
        """Seconds until the next sign; as long as one may sleep at once."""
        if self._sign is None:
            return SIGN_SECONDS
        return max(1.0, self._told_at + SIGN_SECONDS - self.clock.now())

    def beat(self) -> None:
        """Leave a sign where one is due; threads that work side by side leave one between them."""
        now = self.clock.now()
        # A tenth of a second early is in time: a sleep ends when it ends.
        if self._sign is None or now < self._told_at + SIGN_SECONDS - 0.1:
            return
        if self._telling.acquire(blocking=False):
            try:
                self._tell(Sign(self._sign.episode, self._sign.attempt, int(now)))
            finally:
                self._telling.release()

    def end(self, error: Exception | None) -> None:
        """The call is over: nobody has to wait for its next sign. After an error the sign says what kind it was."""
        if self._sign is None:
            return
        ending = "" if error is None or isinstance(error, RescueLost) else ending_of(error)
        if ending:
            self._tell(Sign(self._sign.episode, self._sign.attempt, int(self.clock.now()), ending))
        else:
            self._drop(self._sign)

    def _tell(self, sign: Sign) -> None:
        before, self._sign, self._told_at = self._sign, sign, self.clock.now()
        if self._episode is None or sign == before:
            return
        try:
            self._episode.journal().hint(sign.key(self._episode.home), {}, patience=0.0)
        except JournalUnavailable as error:
            self.miss(str(error))
            self._sign = before or sign
            return
        if before:
            self._drop(before)

    def _drop(self, sign: Sign) -> None:
        if self._episode is None:
            return
        try:
            self._episode.journal().delete(sign.key(self._episode.home), patience=0.0)
        except JournalUnavailable as error:
            self.miss(str(error))

    def miss(self, problem: str) -> None:
        """A hint could not be written or removed."""
        self.missed.append(problem)
        self.audit.record("hint", "failed", f"{len(self.missed)} so far: {problem}")


def ending_of(error: Exception) -> str:
    """Whether the error passes by itself (another call may well get on) or is a human's."""
    if isinstance(error, CloudError):
        return AGAIN if passes_by_itself(error) else HUMAN
    passes = isinstance(error, (DeadlineReached, NoCapacity, JournalUnavailable)) and not isinstance(
        error, UnreadableRecord
    )
    return AGAIN if passes else HUMAN


class LivingClock(Clock):
    """The clock of a call that leaves signs of life: it sleeps in parts."""

    def __init__(self, clock: Clock, life: Life) -> None:
        self._clock = clock
        self.life = life

    def now(self) -> float:
        """See ``Clock.now``."""
        return self._clock.now()

    def monotonic(self) -> float:
        """See ``Clock.monotonic``."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """See ``Clock.sleep``; at most 20 s at once."""
        while seconds > 0:
            part = min(seconds, self.life.due_in())
            self._clock.sleep(part)
            seconds -= part
            self.life.beat()


class LivingApi(Api):
    """An API whose calls leave a sign of life first: many calls in a row take long too."""

    _clock: LivingClock

    def _prepare(self, action: str, parameters: Mapping[str, Any]) -> tuple[Any, Any]:
        self._clock.life.beat()
        return super()._prepare(action, parameters)
