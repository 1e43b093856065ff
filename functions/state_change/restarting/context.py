"""The run context of a state change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from spotkeeper.episode import Episode
from spotkeeper.journal import Journal
from spotkeeper.restart_records import Ledger
from spotkeeper.run_context import RunContext
from spotkeeper.settings.state_change import StateChangeSettings


@dataclass(kw_only=True)
class Context(RunContext[StateChangeSettings]):
    """``home`` is ``<account>/<region>``; ``episode`` is the latest rescue of the instance once that is known."""

    instance_id: str
    journal: Callable[[], Journal]
    home: str
    episode: Episode

    @property
    def ledger(self) -> Ledger:
        """The instance's restarts."""
        return Ledger(self.journal(), self.home, self.instance_id)
