"""The journal: small JSON records, each written once and never changed. First writer wins, everyone else reads it.

That is all the coordination Spotkeeper has: whoever creates a record decides, and whoever comes later obeys it.

Every function writes under a prefix of its own, so that a role can change only what its function answers for::

    <account>/<region>/rescues/<instance>/<episode>/<record>   interruption; state_change writes ``done`` alone
    <account>/<region>/restarts/<instance>/<n>/<record>        state_change
    <account>/<region>/sweeps/<instance>/<episode>/<record>    sweep
    <account>/<region>/alive/…, <account>/<region>/open/…      hints: the only keys that are ever deleted
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from spotkeeper.settings import DirectoryLocation

if TYPE_CHECKING:
    from spotkeeper.clock import Deadline
    from spotkeeper.credentials import Credentials
    from spotkeeper.settings import Endpoint, OssLocation

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
