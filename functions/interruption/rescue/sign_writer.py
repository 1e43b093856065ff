"""Signs of life: while a call works on a rescue, the journal shows it, so that the sweep can replace a call that died.

No background thread and no timer: a sign is written between two parts of a sleep, and before an API call. A sign that
cannot be written is only counted: a hint must not stop a rescue. At worst, a second call works side by side.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.clock import Clock
from spotkeeper.episode import Episode, glance, has_attempt
from spotkeeper.errors import (
    CloudError,
    DeadlineReached,
    JournalUnavailable,
    NoCapacity,
    RescueLost,
    UnreadableRecord,
)
from spotkeeper.retry import passes_by_itself
from spotkeeper.signs_of_life import AGAIN, HUMAN, SIGN_SECONDS, Sign


@dataclass
class SignWriter:
    """The signs of life of one call, from ``begin`` to ``end``. ``missed``: the hints that failed, with the reason."""

    clock: Clock
    audit: Audit
    missed: list[str] = field(default_factory=list)
    _episode: Episode = field(init=False)
    _sign: Sign | None = None
    _written_at: float = 0.0
    _writing: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, episode: Episode, attempt: int) -> None:
        """Write signs from now on; this is the n-th call of the rescue."""
        self._episode = episode
        self._write(Sign(episode.episode_key, attempt, int(self.clock.now())))

    def due_in(self) -> float:
        """Seconds until the next sign, which is the longest sleep at once."""
        return SIGN_SECONDS if self._sign is None else max(1.0, self._written_at + SIGN_SECONDS - self.clock.now())

    def beat(self) -> None:
        """Write a sign if it is due; only one of several threads writes it."""
        now = self.clock.now()
        # A tenth of a second early is in time: a sleep ends when it ends.
        if self._sign is None or now < self._written_at + SIGN_SECONDS - 0.1:
            return
        if self._writing.acquire(blocking=False):
            try:
                self._write(replace(self._sign, at=int(now)))
            finally:
                self._writing.release()

    def end(self, error: Exception | None) -> None:
        """End the signs, so that the sweep need not wait for the next; after an error, the last sign has its kind."""
        if self._sign is None:
            return
        if error is None or isinstance(error, RescueLost):
            self._delete(self._sign)
        else:
            self._write(replace(self._sign, at=int(self.clock.now()), ending=ending_of(error)))

    def end_unbegun(self, episode: Episode, error: Exception) -> None:
        """Leave the ending of a call that needed a human before it could join its rescue, as if of attempt 0.

        Without an ending, the sweep would invoke the function every minute for a day.
        """
        if self._sign is not None or isinstance(error, RescueLost) or ending_of(error) != HUMAN:
            return
        try:
            self._episode = glance(episode.journal(), episode.home, episode.instance_id)
        except JournalUnavailable as unlisted:
            self.miss(str(unlisted))
            return
        if has_attempt(self._episode.records):
            self._write(Sign(self._episode.episode_key, 0, int(self.clock.now()), HUMAN))

    def _write(self, sign: Sign) -> None:
        before, self._sign, self._written_at = self._sign, sign, self.clock.now()
        if sign == before:
            return
        try:
            self._episode.journal().hint(sign.key(self._episode.home), {}, patience=0.0)
        except JournalUnavailable as error:
            self.miss(str(error))
            self._sign = before or sign
            return
        if before:
            self._delete(before)

    def _delete(self, sign: Sign) -> None:
        try:
            self._episode.journal().delete(sign.key(self._episode.home), patience=0.0)
        except JournalUnavailable as error:
            self.miss(str(error))

    def miss(self, problem: str) -> None:
        """Count a hint that could not be written or deleted."""
        self.missed.append(problem)
        self.audit.record("hint", "failed", f"{len(self.missed)} so far: {problem}")


def ending_of(error: Exception) -> str:
    """``AGAIN`` for an error that passes by itself, so that another call may get further; ``HUMAN`` for any other."""
    if isinstance(error, CloudError):
        return AGAIN if passes_by_itself(error) else HUMAN
    passes = isinstance(error, (DeadlineReached, NoCapacity, JournalUnavailable))
    return AGAIN if passes and not isinstance(error, UnreadableRecord) else HUMAN


@dataclass(eq=False)
class ClockWithSigns(Clock):
    """A clock that writes signs of life while it sleeps."""

    _clock: Clock
    signs: SignWriter

    def now(self) -> float:
        """See ``Clock.now``."""
        return self._clock.now()

    def monotonic(self) -> float:
        """See ``Clock.monotonic``."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """See ``Clock.sleep``; in parts of at most 20 s."""
        while seconds > 0:
            part = min(seconds, self.signs.due_in())
            self._clock.sleep(part)
            seconds -= part
            self.signs.beat()


class ApiWithSigns(Api):
    """An API whose calls write a sign of life first: a sequence of many calls takes long too."""

    def _prepare(self, action: str, parameters: Mapping[str, Any]) -> tuple[Any, Any]:
        cast("ClockWithSigns", self._deadline.clock).signs.beat()
        return super()._prepare(action, parameters)
