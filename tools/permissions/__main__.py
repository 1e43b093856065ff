"""``python -m tools.permissions [--apply | --deployer]``.

Shows what it would do, and with ``--apply`` does it; ``--deployer`` prints the policy of whoever deploys. Exit code 0:
it is as it should be, or would be; 1: it went wrong half-way; 2: something is missing, or stands in the way.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import ram
from spotkeeper.errors import BadSetting, CloudError, NoCredentials
from tools.build import ROOT
from tools.deploy.errors import CannotDeploy, DeployFailed
from tools.deployment.complaint import UnreadableFileError
from tools.permissions import bucket, roles
from tools.permissions.apis import Buckets, RamApi
from tools.permissions.change import Change
from tools.permissions.deployment import Deployment

AGAIN = "Run it again once that is mended: it finds what is done already and goes on from there."


def main(arguments: list[str], environ: Mapping[str, str], root: Path = ROOT) -> int:
    """Show, and do where that is asked for; returns the exit code."""
    parsed = _parser().parse_args(arguments)
    try:
        deployment = Deployment.of(root, environ)
        if parsed.deployer:
            print(json.dumps(ram.policy(ram.DEPLOYER, deployment.values), indent=2))
        else:
            _bring_about(deployment, environ, apply=parsed.apply)
    except DeployFailed as failure:
        print(f"make permissions: {failure}", file=sys.stderr)
        return failure.status
    except (BadSetting, CloudError, NoCredentials, UnreadableFileError) as error:
        print(f"make permissions: nothing was changed: {error}", file=sys.stderr)
        return CannotDeploy.status
    return 0


def _bring_about(deployment: Deployment, environ: Mapping[str, str], *, apply: bool) -> None:
    changes = _changes(deployment, environ)
    print(f"make permissions, region {deployment.region}, as s.yaml and the variables have it:")
    print(*(f"  {one}" for one in changes), sep="\n")
    due = [one for one in changes if one.act]
    if not due:
        print("Nothing to do.")
    elif not apply:
        print("Nothing was changed. To do it: make permissions APPLY=true")
    else:
        _apply(due)


def _changes(deployment: Deployment, environ: Mapping[str, str]) -> list[Change]:
    return [
        *roles.changes(RamApi.open(deployment.region, environ), deployment),
        *bucket.changes(Buckets.open(deployment.region, environ), deployment),
    ]


def _apply(due: list[Change]) -> None:
    """Raises DeployFailed."""
    for one in due:
        try:
            one.apply()
        except CloudError as error:
            raise DeployFailed(f"{one.what}: {error}. {AGAIN}") from error
        print(f"Done: {one.what}: {one.does}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.permissions", description=(__doc__ or "").splitlines()[0])
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--apply", action="store_true", help="do it")
    choice.add_argument("--deployer", action="store_true", help="print the policy of whoever deploys, and do nothing")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
