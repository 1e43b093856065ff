"""One thing that is as it should be, or would be made so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """``what`` it is about, what it ``does``, and the ``act`` that does it; without one nothing is to be done."""

    what: str
    does: str
    act: Callable[[], object] | None = None

    def apply(self) -> None:
        """Do it. Raises ``CloudError``."""
        if self.act:
            self.act()

    def __str__(self) -> str:
        return f"{self.what}: {self.does}"
