"""The journal: small JSON records, each written once and never changed.

Calls coordinate by records alone: the first call that creates a record decides, and later calls obey the record. Every
function writes under a prefix of its own, so that its role can write no other records::

    <account>/<region>/rescues/<instance>/<episode>/<record>   interruption; state_change writes ``done`` alone
    <account>/<region>/restarts/<instance>/<n>/<record>        state_change
    <account>/<region>/sweeps/<instance>/<episode>/<record>    sweep
    <account>/<region>/alive/…, <account>/<region>/open/…      hints: the only keys that are deleted
"""

from __future__ import annotations

from spotkeeper.clock import Deadline
from spotkeeper.credentials import Credentials
from spotkeeper.journal.protocol import Journal
from spotkeeper.settings.types import DirectoryLocation, Endpoint, OssLocation

__all__ = ["Journal", "open_journal"]


def open_journal(
    location: OssLocation | DirectoryLocation,
    region: str,
    credentials: Credentials,
    endpoint: Endpoint | None,
    deadline: Deadline,
) -> Journal:
    """The journal at ``location``; ``region`` is the bucket's."""
    if isinstance(location, DirectoryLocation):
        from spotkeeper.journal.directory import DirectoryJournal  # noqa: PLC0415

        return DirectoryJournal(location.path)
    from spotkeeper.journal.oss import OssJournal  # noqa: PLC0415 - half a second of imports

    return OssJournal(location, region, credentials, endpoint, deadline)
