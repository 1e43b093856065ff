"""A change of the account, or the note that none is needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """The resource (``what``), what the change ``does``, and the ``act`` that makes it; None where none is needed."""

    what: str
    does: str
    act: Callable[[], object] | None = None

    def apply(self) -> None:
        """Make the change. Raises ``CloudError``."""
        if self.act:
            self.act()

    def __str__(self) -> str:
        return f"{self.what}: {self.does}"
