"""What every journal can do."""

from __future__ import annotations

from typing import Any, Protocol

PATIENCE_SECONDS = 15.0
"""How long one record may take: the journal serves the data, so it must not eat the notice."""


class Journal(Protocol):
    """Create-once records under slash-separated keys of letters, digits, ``-``, ``_`` and ``.``."""

    def create(self, key: str, record: dict[str, Any]) -> dict[str, Any]:
        """Write the record unless the key has one; return the one that stands.

        Raises ``JournalUnavailable``.
        """

    def read(self, key: str) -> dict[str, Any] | None:
        """The record, or None.

        Raises ``JournalUnavailable``, ``RefusedRecord`` for a refusal of this record, ``BrokenRecord`` for no record.
        """

    def keys(self, prefix: str, *, most: int | None = None) -> list[str]:
        """The keys that begin with ``prefix``, sorted; all, or the first so many (1,000 at most).

        Raises ``JournalUnavailable``.
        """

    def hint(self, key: str, record: dict[str, Any], *, patience: float = PATIENCE_SECONDS) -> None:
        """Write a hint (``alive/``, ``open/``), whether it stands or not; tried again for ``patience`` seconds.

        Raises ``JournalUnavailable``.
        """

    def delete(self, key: str, *, patience: float = PATIENCE_SECONDS) -> None:
        """Delete a hint; one that does not stand is no failure. Raises ``JournalUnavailable``."""
