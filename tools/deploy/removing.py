"""``spotkeeper undeploy``: show what goes and what stays, ask, remove, read back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tools.confirm import confirmed
from tools.deploy.deploying import open_cli
from tools.deploy.plan import Plan, plan_to_remove
from tools.deploy.serverless_devs import ServerlessDevs, error_in
from tools.errors import CommandFailed

_GONE = re.compile(r"NotFound|not found|does not exist|not exist", re.IGNORECASE)
STAYS = """What stays, since others may need it or it is data:
  roles and policies            RAM console
  journal bucket                emptied and deleted in the OSS console; it holds what past rescues need
  log project, MNS topics       in their consoles
  service-linked roles          AliyunServiceRoleForEventBridge*: other triggers of the account use them
  what rescues made             images and snapshots, retained disks and replacements with the tag spotkeeper:episode"""


def undeploy(root: Path, environ: Mapping[str, str], *, dry_run: bool, yes: bool) -> None:
    """Remove functions, triggers and all versions of the layer. Raises NothingDone and CommandFailed."""
    plan, examples = plan_to_remove(root, environ)
    devs = open_cli(root, environ)
    names = [props["functionName"] for props in plan.functions.values()]
    print(f"Removal from {plan.region} with {devs.access.description}. It will remove:")
    print(*(f"  function  {name} with its triggers" for name in names), sep="\n")
    print(f"  layer     {plan.layer}, all versions")
    print(STAYS)
    if dry_run:
        print("Nothing was changed (dry run).")
    elif confirmed("Remove this?", yes=yes):
        _remove(plan, devs, examples)
    else:
        print("Nothing was changed.")


def _remove(plan: Plan, devs: ServerlessDevs, examples: Mapping[str, str]) -> None:
    """Functions first, since they use the layer. fc3 exits with 0 even after a failure, so the result is read back."""
    status, _, text = devs.watch("remove", "-y", "-t", "s.yaml", **examples)
    left = [props["functionName"] for props in plan.functions.values() if _exists(devs, plan, props["functionName"])]
    if status or left:
        raise CommandFailed(f"still deployed: {', '.join(left) or 'no function'}. s remove says: {error_in(text)}")
    where = ["--region", plan.region, "--layer-name", plan.layer]
    status, _, text = devs.watch("cli", plan.component, "layer", "remove", *where, "-y")
    if versions := _versions(devs, plan, where):
        raise CommandFailed(f"the functions are gone; the layer still has versions {versions}: {error_in(text)}")
    print("Removed: the functions, their triggers and the layer.")


def _exists(devs: ServerlessDevs, plan: Plan, name: str) -> bool:
    try:
        devs.ask("cli", plan.component, "info", "--region", plan.region, "--function-name", name)
    except CommandFailed as failure:
        if _GONE.search(str(failure)):
            return False
        raise CommandFailed(f"whether {name} still exists is unknown: {failure}") from failure
    return True


def _versions(devs: ServerlessDevs, plan: Plan, where: list[str]) -> list[int]:
    try:
        found = devs.ask("cli", plan.component, "layer", "versions", *where)
    except CommandFailed as failure:
        if _GONE.search(str(failure)):
            return []
        raise
    return [int(layer["version"]) for layer in found]
