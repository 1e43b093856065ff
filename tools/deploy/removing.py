"""``make undeploy``: show what goes and what stays, ask, remove, look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from tools.deploy.consent import agreed, flag
from tools.deploy.deploying import open_cli
from tools.deploy.errors import DeployFailed
from tools.deploy.plan import Plan, plan_to_remove
from tools.deploy.serverless_devs import ServerlessDevs, said

_GONE = re.compile(r"NotFound|not found|does not exist|not exist", re.IGNORECASE)
STAYS = """What stays, since others may need it or it is data:
  roles and policies            RAM console, or the commands that make permissions printed
  journal bucket                emptied and deleted in the OSS console; it holds what past rescues need
  log project, MNS topics       in their consoles
  service-linked roles          AliyunServiceRoleForEventBridge*: other triggers of the account use them
  what rescues made             images and snapshots, retained disks and replacements with the tag spotkeeper:episode"""


def undeploy(root: Path, environ: Mapping[str, str]) -> None:
    """Remove functions, triggers and all versions of the layer. Raises CannotDeploy and DeployFailed."""
    flag(environ, "DRY_RUN")
    plan, standing_in = plan_to_remove(root, environ)
    devs = open_cli(root, environ)
    names = [props["functionName"] for props in plan.functions.values()]
    print(f"make undeploy, region {plan.region}, with {devs.access.told}. It will remove:")
    print(*(f"  function  {name} with its triggers" for name in names), sep="\n")
    print(f"  layer     {plan.layer}, all versions")
    print(STAYS)
    if flag(environ, "DRY_RUN"):
        print("Nothing was changed (DRY_RUN=true).")
    elif agreed("Remove this?", environ):
        _remove(plan, devs, standing_in)
    else:
        print("Nothing was changed.")


def _remove(plan: Plan, devs: ServerlessDevs, standing_in: Mapping[str, str]) -> None:
    """Functions first: they hold the layer. fc3 ends with 0 whatever became of it, so it is looked at."""
    status, _, text = devs.watch("remove", "-y", "-t", "s.yaml", **standing_in)
    left = [props["functionName"] for props in plan.functions.values() if _is_there(devs, plan, props["functionName"])]
    if status or left:
        raise DeployFailed(f"still there: {', '.join(left) or 'no function'}. s remove says: {said(text)}")
    where = ["--region", plan.region, "--layer-name", plan.layer]
    status, _, text = devs.watch("cli", "fc3", "layer", "remove", *where, "-y")
    if versions := _versions(devs, where):
        raise DeployFailed(f"the functions are gone; the layer still has versions {versions}: {said(text)}")
    print("Gone: the functions, their triggers and the layer. Run again, it finds nothing to do.")


def _is_there(devs: ServerlessDevs, plan: Plan, name: str) -> bool:
    try:
        devs.ask("cli", "fc3", "info", "--region", plan.region, "--function-name", name)
    except DeployFailed as failure:
        if _GONE.search(str(failure)):
            return False
        raise DeployFailed(f"whether {name} is gone cannot be told: {failure}") from failure
    return True


def _versions(devs: ServerlessDevs, where: list[str]) -> list[int]:
    try:
        found = devs.ask("cli", "fc3", "layer", "versions", *where)
    except DeployFailed as failure:
        if _GONE.search(str(failure)):
            return []
        raise
    return [int(one["version"]) for one in found]
