"""The journal: small JSON records, each written once and never changed. First writer wins, everyone else reads it.

That is all the coordination Spotkeeper has: whoever creates a record decides, and whoever comes later obeys it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from spotkeeper.settings import DirectoryLocation

if TYPE_CHECKING:
    from spotkeeper.clock import Deadline
    from spotkeeper.credentials import Credentials
    from spotkeeper.settings import Endpoint, OssLocation


class Journal(Protocol):
    """Create-once records under slash-separated keys of letters, digits, ``-``, ``_`` and ``.``."""

    def create(self, key: str, record: dict[str, Any]) -> dict[str, Any]:
        """Write the record unless the key has one; return the one that stands.

        Raises ``JournalUnavailable``.
        """

    def read(self, key: str) -> dict[str, Any] | None:
        """The record, or None. Raises ``JournalUnavailable``, and ``BrokenRecord`` for what is no record."""

    def keys(self, prefix: str) -> list[str]:
        """All keys that begin with ``prefix``, sorted. Raises ``JournalUnavailable``."""


def open_journal(
    location: OssLocation | DirectoryLocation,
    region: str,
    credentials: Credentials,
    endpoint: Endpoint | None,
    deadline: Deadline,
) -> Journal:
    """The journal that ``SPOTKEEPER_JOURNAL`` names; ``region`` is its bucket's. Only the kind used is imported."""
    if isinstance(location, DirectoryLocation):
        from spotkeeper.journal.directory import DirectoryJournal  # noqa: PLC0415

        return DirectoryJournal(location.path)
    from spotkeeper.journal.oss import OssJournal  # noqa: PLC0415 - half a second of imports

    return OssJournal(location, region, credentials, endpoint, deadline)
