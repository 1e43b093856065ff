"""``spotkeeper deploy``: show the plan, publish the layer, deploy the functions, read back what exists then."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tools import build, package
from tools.confirm import confirmed
from tools.deploy.access import find_access
from tools.deploy.openapi import account_id
from tools.deploy.plan import LAYER, Plan, compare, make_plan
from tools.deploy.serverless_devs import ServerlessDevs, error_in, find_cli, has_alias
from tools.errors import BuildFailed, CommandFailed, NothingDone
from tools.runtime import Runtime

AGAIN = "Run make deploy again once that is corrected: it repeats what is done already and continues from there."
DEFAULT_REGION = "cn-hangzhou"


def open_cli(root: Path, environ: Mapping[str, str]) -> ServerlessDevs:
    """The CLI with the deployer's credentials. Raises NothingDone without a CLI or credentials."""
    executable = find_cli(root, environ)
    region = environ.get("DEPLOY_REGION") or DEFAULT_REGION
    access = find_access(
        environ, lambda alias: has_alias(executable, alias, environ), lambda keys: account_id(keys, region, environ)
    )
    return ServerlessDevs(executable, root, access, environ)


def ready(root: Path, environ: Mapping[str, str]) -> tuple[Plan, ServerlessDevs]:
    """The checks that need no ``dist/``. Raises NothingDone."""
    plan = make_plan(root, environ)
    devs = open_cli(root, environ)
    compare(plan, devs)
    return plan, devs


def deploy(root: Path, environ: Mapping[str, str], *, built: bool, dry_run: bool, yes: bool) -> None:
    """Deploy the checkout; ``built``: with its ``dist/`` as it is.

    Raises NothingDone, and CommandFailed once something was changed.
    """
    plan, devs = ready(root, environ)
    zips = _packages(root, plan.runtime, built=built)
    _show(plan, devs, zips)
    if dry_run:
        print("Nothing was changed (dry run).")
    elif confirmed("Deploy this?", yes=yes):
        version = _publish(plan, devs)
        _deploy(plan, devs, version)
        _read_back(plan, devs, version)
    else:
        print("Nothing was changed.")


def _packages(root: Path, runtime: Runtime, *, built: bool) -> list[package.Package]:
    try:
        if not built:
            build.build_dist(runtime)
        found = build.runtime_of(root / "dist")
        zips = package.package(root, root / "dist")
    except BuildFailed as failure:
        raise NothingDone(str(failure)) from failure
    if found != runtime:
        raise NothingDone(f"dist/ is built for {found.name}, and s.yaml deploys to {runtime.name}")
    return zips


def _show(plan: Plan, devs: ServerlessDevs, zips: list[package.Package]) -> None:
    layer = next(archive for archive in zips if archive.path.name == "layer.zip")
    print(f"Deployment to {plan.region} with {devs.access.description}. It will create or change:")
    print(
        f"  layer     {plan.layer}: a version of dist/layer.zip ({layer.zipped / package.MEGABYTE:.1f} MB), unless the"
    )
    print("            latest version has the same content")
    print(*plan.lines(), sep="\n")
    print("It uses these, which must exist (make permissions creates the roles and the bucket):")
    print(*plan.surroundings(), sep="\n")
    settings = next(iter(plan.functions.values()))["environmentVariables"]
    print(f"SPOTKEEPER_DRY_RUN is {settings['SPOTKEEPER_DRY_RUN']}; make undeploy removes all of it.")


def _publish(plan: Plan, devs: ServerlessDevs) -> int:
    """The layer's version with this content: fc3 compares the CRC-64 with the latest one's; the zip is reproducible."""
    print(f"Publishing the layer {plan.layer} ...", flush=True)
    where = ["--region", plan.region, "--layer-name", plan.layer]
    what = ["--code", str(devs.root / "dist/layer.zip"), "--compatible-runtime", plan.runtime.name]
    try:
        answer = devs.ask("cli", plan.component, "layer", "publish", *where, *what)
        version = _version(answer)
    except CommandFailed as failure:
        raise CommandFailed(
            f"the layer was not published, and no function was touched: {failure}. {AGAIN}"
        ) from failure
    print(f"  layer {plan.layer} version {version}")
    return version


def _version(answer: Any) -> int:
    version = answer.get("version") if isinstance(answer, dict) else None
    if not isinstance(version, int) or version < 1:
        raise CommandFailed("s layer publish answered without a version")
    return version


def _deploy(plan: Plan, devs: ServerlessDevs, version: int) -> None:
    print("Deploying the functions ...", flush=True)
    status, finished, text = devs.watch("deploy", "-y", "-t", "s.yaml", **{LAYER: plan.layer_arn(version)})
    if status:
        left = [name for name in plan.functions if name not in finished]
        raise CommandFailed(
            f"s deploy stopped: {error_in(text)}. Deployed: {', '.join(finished) or 'none'}; not, or not completely: "
            f"{', '.join(left) or 'none'}. What is deployed works. {AGAIN}"
        )


def _read_back(plan: Plan, devs: ServerlessDevs, version: int) -> None:
    """Print what Function Compute has now. Raises CommandFailed where that differs from what was deployed."""
    answer = devs.ask("info", "-t", "s.yaml", **{LAYER: plan.layer_arn(version)})
    deployed = answer if isinstance(answer, dict) else {}
    print(f"{plan.region} has now:")
    print(f"  layer     {plan.layer}, version {version}")
    wrong = []
    for name, props in plan.functions.items():
        function = deployed.get(name) or {}
        triggers = [str(trigger.get("triggerName")) for trigger in function.get("triggers") or []]
        print(f"  function  {function.get('functionArn') or props['functionName']}, triggers: {', '.join(triggers)}")
        wrong += [f"{props['functionName']}: {found}" for found in _differences(props, function, triggers, version)]
    if wrong:
        raise CommandFailed(f"s deploy reported success, but {'; '.join(wrong)}. {AGAIN}")
    print("Next: docs/deployment.md, from an empty account to the first live test. To undo: make undeploy")


def _differences(props: Mapping[str, Any], function: Mapping[str, Any], triggers: list[str], version: int) -> list[str]:
    if function.get("functionName") != props["functionName"]:
        return ["it does not exist"]
    layers = function.get("layers") or []
    arns = [str(layer.get("layerVersionArn") if isinstance(layer, dict) else layer) for layer in layers]
    old = [] if any(arn.endswith(f"/versions/{version}") for arn in arns) else [f"it has the layer {arns}"]
    wanted = [trigger["triggerName"] for trigger in props["triggers"]]
    return old + [f"trigger {name} is missing" for name in wanted if name not in triggers]
