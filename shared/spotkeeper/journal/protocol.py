"""The interface of all journals."""

from __future__ import annotations

from typing import Any, Protocol

PATIENCE_SECONDS = 15.0
"""The time limit of a record: the journal must not use up the notice."""


class Journal(Protocol):
    """Create-once records under slash-separated keys of letters, digits, ``-``, ``_`` and ``.``."""

    def create(self, key: str, record: dict[str, Any]) -> dict[str, Any]:
        """Write the record unless its key exists; return the standing record. Raises ``JournalUnavailable``."""

    def read(self, key: str) -> dict[str, Any] | None:
        """The record, or None. Raises ``JournalUnavailable``, ``InaccessibleRecord``, ``BrokenRecord``."""

    def keys(self, prefix: str, *, most: int | None = None) -> list[str]:
        """The keys that begin with ``prefix``, sorted; at most ``most`` (1,000). Raises ``JournalUnavailable``."""

    def hint(self, key: str, record: dict[str, Any], *, patience: float = PATIENCE_SECONDS) -> None:
        """Write a hint (``alive/``, ``open/``); tried again for ``patience`` seconds. Raises ``JournalUnavailable``."""

    def delete(self, key: str, *, patience: float = PATIENCE_SECONDS) -> None:
        """Delete a hint, if it exists. Raises ``JournalUnavailable``."""
