"""Show the changes, ask, apply them."""

from __future__ import annotations

from collections.abc import Mapping

from spotkeeper.errors import CloudError
from tools.confirm import confirmed
from tools.errors import CommandFailed
from tools.permissions import bucket, roles
from tools.permissions.apis import Buckets, RamApi
from tools.permissions.change import Change
from tools.permissions.deployment import Deployment

AGAIN = "Run it again once that is corrected: it finds what is done already and continues from there."


def apply(deployment: Deployment, environ: Mapping[str, str], *, dry_run: bool, yes: bool) -> None:
    """Bring roles, policies and bucket to the wanted state.

    Raises NothingDone and ``SpotkeeperError`` before the first change, CommandFailed afterwards.
    """
    changes = _changes(deployment, environ)
    print(f"Roles, policies and journal bucket for {deployment.region}, from s.yaml and its variables:")
    print(*(f"  {change}" for change in changes), sep="\n")
    due = [change for change in changes if change.act]
    if not due:
        print("Nothing to do.")
    elif dry_run:
        print("Nothing was changed (dry run).")
    elif confirmed("Apply this?", yes=yes):
        _apply(due)
    else:
        print("Nothing was changed.")


def _changes(deployment: Deployment, environ: Mapping[str, str]) -> list[Change]:
    return [
        *roles.changes(RamApi.open(deployment.region, environ), deployment),
        *bucket.changes(Buckets.open(deployment.region, environ), deployment),
    ]


def _apply(due: list[Change]) -> None:
    for change in due:
        try:
            change.apply()
        except CloudError as error:
            raise CommandFailed(f"{change.what}: {error}. {AGAIN}") from error
        print(f"Done: {change.what}: {change.does}")
