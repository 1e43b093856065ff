"""What the acts work with: one value per event and call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spotkeeper.audit import Audit
from spotkeeper.clients import Api
from spotkeeper.clock import Clock, Deadline
from spotkeeper.episode import Episode
from spotkeeper.journal import Journal
from spotkeeper.restarts import Ledger
from spotkeeper.settings import StateChangeSettings


@dataclass
class Tools:
    """APIs of the event's region, the journal, the clock and this call's deadline.

    ``journal`` opens the journal, only when it is needed; ``home`` is ``<account>/<region>``; ``episode`` is the latest
    rescue of the instance once that is known; ``nonce`` tells this call's records from others'.
    """

    instance_id: str
    settings: StateChangeSettings
    ecs: Api
    slb: Api
    journal: Callable[[], Journal]
    home: str
    episode: Episode
    nonce: str
    clock: Clock
    deadline: Deadline
    audit: Audit

    @property
    def ledger(self) -> Ledger:
        """The instance's restarts."""
        return Ledger(self.journal(), self.home, self.instance_id)
