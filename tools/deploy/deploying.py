"""``make deploy``: show the plan, publish the layer, deploy the functions, read back what there is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools import package
from tools.deploy.access import find_access
from tools.deploy.consent import agreed, flag
from tools.deploy.errors import CannotDeploy, DeployFailed
from tools.deploy.openapi import account_id
from tools.deploy.plan import LAYER, RUNTIME, Plan, compare, make_plan
from tools.deploy.serverless_devs import ServerlessDevs, find_cli, knows, said
from tools.errors import BuildFailed

AGAIN = "Run make deploy again once that is mended: it repeats what is done already and goes on from there."
DEFAULT_REGION = "cn-hangzhou"


def open_cli(root: Path, environ: Mapping[str, str]) -> ServerlessDevs:
    """The CLI in the name of whoever deploys. Raises CannotDeploy without a CLI or credentials."""
    executable = find_cli(root, environ)
    region = environ.get("DEPLOY_REGION") or DEFAULT_REGION
    access = find_access(
        environ, lambda alias: knows(executable, alias, environ), lambda keys: account_id(keys, region, environ)
    )
    return ServerlessDevs(executable, root, access, environ)


def ready(root: Path, environ: Mapping[str, str]) -> tuple[Plan, ServerlessDevs]:
    """What can be told before anything is built. Raises CannotDeploy."""
    flag(environ, "DRY_RUN")
    plan = make_plan(root, environ)
    devs = open_cli(root, environ)
    compare(plan, devs)
    return plan, devs


def deploy(root: Path, environ: Mapping[str, str]) -> None:
    """Deploy the checkout with its ``dist/``. Raises CannotDeploy, and DeployFailed once something was changed."""
    plan, devs = ready(root, environ)
    zips = _packages(root)
    _show(plan, devs, zips)
    if flag(environ, "DRY_RUN"):
        print("Nothing was changed (DRY_RUN=true).")
    elif agreed("Deploy this?", environ):
        version = _publish(plan, devs)
        _deploy(plan, devs, version)
        _read_back(plan, devs, version)
    else:
        print("Nothing was changed.")


def _packages(root: Path) -> list[package.Package]:
    try:
        return package.package(root, root / "dist")
    except BuildFailed as failure:
        raise CannotDeploy(f"{failure}. Run: make package") from failure


def _show(plan: Plan, devs: ServerlessDevs, zips: list[package.Package]) -> None:
    layer = next(one for one in zips if one.path.name == "layer.zip")
    print(f"make deploy, region {plan.region}, with {devs.access.told}. It will make or change:")
    print(
        f"  layer     {plan.layer}: a version of dist/layer.zip ({layer.zipped / package.MEGABYTE:.1f} MB), unless the"
    )
    print("            latest version has the same content")
    print(*plan.lines(), sep="\n")
    print("It uses these, which must be there (make permissions makes what is missing of roles and bucket):")
    print(*plan.surroundings(), sep="\n")
    settings = next(iter(plan.functions.values()))["environmentVariables"]
    print(f"SPOTKEEPER_DRY_RUN is {settings['SPOTKEEPER_DRY_RUN']}; make undeploy takes it all away again.")


def _publish(plan: Plan, devs: ServerlessDevs) -> int:
    """The layer's version with this content: fc3 compares the CRC-64 with the latest one's; the zip is reproducible."""
    print(f"Publishing the layer {plan.layer} ...", flush=True)
    where = ["--region", plan.region, "--layer-name", plan.layer]
    what = ["--code", str(devs.root / "dist/layer.zip"), "--compatible-runtime", RUNTIME]
    try:
        answer = devs.ask("cli", "fc3", "layer", "publish", *where, *what)
        version = _version(answer)
    except DeployFailed as failure:
        raise DeployFailed(f"the layer was not published, and no function was touched: {failure}. {AGAIN}") from failure
    print(f"  layer {plan.layer} version {version}")
    return version


def _version(answer: Any) -> int:
    version = answer.get("version") if isinstance(answer, dict) else None
    if not isinstance(version, int) or version < 1:
        raise DeployFailed("s cli fc3 layer publish answered without a version")
    return version


def _deploy(plan: Plan, devs: ServerlessDevs, version: int) -> None:
    print("Deploying the functions ...", flush=True)
    status, finished, text = devs.watch("deploy", "-y", "-t", "s.yaml", **{LAYER: plan.layer_arn(version)})
    if status:
        left = [name for name in plan.functions if name not in finished]
        raise DeployFailed(
            f"s deploy stopped: {said(text)}. Deployed: {', '.join(finished) or 'none'}; not, or not completely: "
            f"{', '.join(left) or 'none'}. What is deployed works. {AGAIN}"
        )


def _read_back(plan: Plan, devs: ServerlessDevs, version: int) -> None:
    """Print what Function Compute has now. Raises DeployFailed where that is not what was deployed."""
    there = devs.ask("info", "-t", "s.yaml", **{LAYER: plan.layer_arn(version)})
    there = there if isinstance(there, dict) else {}
    print(f"There is now, in {plan.region}:")
    print(f"  layer     {plan.layer}, version {version}")
    wrong = []
    for name, props in plan.functions.items():
        function = there.get(name) or {}
        triggers = [str(one.get("triggerName")) for one in function.get("triggers") or []]
        print(f"  function  {function.get('functionArn') or props['functionName']}, triggers: {', '.join(triggers)}")
        wrong += [f"{props['functionName']}: {one}" for one in _differences(props, function, triggers, version)]
    if wrong:
        raise DeployFailed(f"s deploy ended well, and yet {'; '.join(wrong)}. {AGAIN}")
    print("Next: docs/deployment.md, from an empty account to the first live test. To undo: make undeploy")


def _differences(props: Mapping[str, Any], function: Mapping[str, Any], triggers: list[str], version: int) -> list[str]:
    if function.get("functionName") != props["functionName"]:
        return ["it is not there"]
    layers = [str(one.get("layerVersionArn") if isinstance(one, dict) else one) for one in function.get("layers") or []]
    old = [] if any(one.endswith(f"/versions/{version}") for one in layers) else [f"it has the layer {layers}"]
    return old + [
        f"trigger {one['triggerName']} is missing" for one in props["triggers"] if one["triggerName"] not in triggers
    ]
