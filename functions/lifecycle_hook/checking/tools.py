"""What the acts work with: one value per event and call."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.clock import Clock, Deadline


@dataclass
class Leash:
    """The deadline of every call before the hook is completed: the call's own, or when the hook needs attention.

    A throttled call may wait for a minute, which a hook may not have. ``at`` is on the clock's monotonic scale.
    """

    deadline: Deadline
    at: float = math.inf

    @property
    def clock(self) -> Clock:
        """The clock."""
        return self.deadline.clock

    def remaining(self) -> float:
        """Seconds left; negative once it has passed."""
        return min(self.deadline.at, self.at) - self.clock.monotonic()

    def sooner(self, seconds: float) -> Deadline:
        """The moment ``seconds`` from now, or the leash's end."""
        return Deadline(self.clock, min(self.deadline.at, self.at, self.clock.monotonic() + seconds))

    def tie(self, due_at: float) -> None:
        """Calls end at ``due_at``, seconds since 1970."""
        self.at = self.clock.monotonic() + due_at - self.clock.now()

    def loose(self) -> None:
        """Only the call's own deadline counts."""
        self.at = math.inf


@dataclass(frozen=True)
class Tools:
    """APIs of the event's region, the clock and this call's deadline.

    ``about`` names what the commands are for and makes their ClientTokens its own: a lifecycle action, or the call that
    asked for a check. ``secrets`` never leave this process.
    """

    about: str
    ecs: Api
    ess: Api
    clock: Clock
    deadline: Deadline
    leash: Leash
    audit: Audit
    secrets: tuple[str, ...]

    def token(self, *parts: str) -> str:
        """A ClientToken (64 ASCII characters at most) that is the same for the same call, whoever makes it."""
        text = "\n".join((self.about, *parts))
        return "sk-" + hashlib.sha256(text.encode()).hexdigest()[:60]

    def take_request_ids(self) -> list[str]:
        """The request ids of the calls since the last time, for the audit."""
        return [*self.ecs.take_request_ids(), *self.ess.take_request_ids()]


def chunks(instance_ids: Iterable[str], size: int) -> list[list[str]]:
    """At most ``size`` ids each, in their order."""
    ids = list(instance_ids)
    return [ids[start : start + size] for start in range(0, len(ids), size)]
