"""What the acts work with: one value per event and call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.clock import Clock, Deadline


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
