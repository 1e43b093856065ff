"""The deployment: `s.yaml` resolved, checked strictly, and resolved alike by the CLI."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.check_deployment.check import check
from tools.check_deployment.document import read
from tools.check_deployment.resolve import ACCOUNT, Resolver, extended
from tools.deploy.serverless_devs import ServerlessDevs
from tools.errors import CommandFailed, NothingDone
from tools.runtime import RUNTIMES, Runtime

LAYER = "DEPLOY_LAYER_ARN"
REQUIRED = {
    "DEPLOY_JOURNAL_BUCKET": "the private, unversioned OSS bucket for the journal (make permissions creates it)",
    "DEPLOY_LOG_PROJECT": "the project of Simple Log Service for the functions' log",
}
_VARIABLE = re.compile(r"env\('(DEPLOY_\w+)'")
_ACCOUNT = re.compile(r"acs:mns:[a-z0-9-]+:(\d+):/topics/")
_OTHER_VARIABLES = ("DEPLOY_ACCESS",)
_NEAR = 0.8


@dataclass(frozen=True)
class Plan:
    """The functions' properties by resource name, as they will be deployed."""

    document: Mapping[str, Any]

    @property
    def functions(self) -> dict[str, Any]:
        """Properties of each function, by the resource's name."""
        return {name: resource["props"] for name, resource in self.document["resources"].items()}

    @property
    def region(self) -> str:
        """Where all of it goes."""
        return str(self.document["vars"]["region"])

    @property
    def layer(self) -> str:
        """The layer's name: the prefix of the functions' names."""
        return str(self.document["vars"]["prefix"])

    @property
    def runtime(self) -> Runtime:
        """The runtime of the functions; their layer is built for it."""
        return RUNTIMES[next(iter(self.functions.values()))["runtime"]]

    @property
    def component(self) -> str:
        """The component that deploys the functions, with its version."""
        return str(next(iter(self.document["resources"].values()))["component"])

    def layer_arn(self, version: int) -> str:
        """The ARN of one version; the CLI fills the account in, since its output masks it."""
        return f"acs:fc:{self.region}:{ACCOUNT}:layers/{self.layer}/versions/{version}"

    def lines(self) -> Iterator[str]:
        """The functions with their sizes and triggers, for people."""
        for props in self.functions.values():
            size = f"{props['cpu']:g} vCPU, {props['memorySize']} MB, {props['timeout']} s"
            yield f"  function  {props['functionName']}: {size}, role {props['role']}, {props['code']}"
            for trigger in props["triggers"]:
                config = trigger["triggerConfig"]
                when = config.get("eventRuleFilterPattern") or config.get("cronExpression") or trigger.get("sourceArn")
                yield f"  trigger     {trigger['triggerName']}: {trigger['triggerType']} {when}"

    def surroundings(self) -> Iterator[str]:
        """What it uses and does not create: a label and a name each."""
        variables = self.document["vars"]
        yield f"  roles     {', '.join(variables['roles'].values())}"
        yield f"  journal   bucket {variables['journalBucket']}"
        yield f"  log       project {variables['logProject']}, logstore {variables['logstore']}"
        yield f"  failures  MNS topic {variables['alarmTopic']}"


def make_plan(root: Path, environ: Mapping[str, str]) -> Plan:
    """The plan of a checkout's `s.yaml` with the ``DEPLOY_`` variables in ``environ``, without the layer's version.

    Raises NothingDone for variables that are missing or misspelt, and for what the strict check refuses.
    """
    file = root / "s.yaml"
    document = read(file)
    given = _without_layer(environ)
    refuse_misspelt(file.read_text(encoding="utf-8"), given)
    complaints, examples = check(document, given, root)
    if missing := [name for name in examples if name != LAYER]:
        wanted = "".join(f"\n  {name}: {REQUIRED.get(name, 'see s.yaml')}" for name in missing)
        raise NothingDone(f"{', '.join(missing)}: not set. s.yaml lists all variables at its top.{wanted}")
    if complaints:
        raise NothingDone("s.yaml is not right:" + "".join(f"\n  {complaint}" for complaint in complaints))
    return _resolved(document, {**given, **examples})


def plan_to_remove(root: Path, environ: Mapping[str, str]) -> tuple[Plan, dict[str, str]]:
    """The plan whose functions are removed, and examples for the variables that do not matter to a removal.

    Raises NothingDone for misspelt variables.
    """
    file = root / "s.yaml"
    given = _without_layer(environ)
    refuse_misspelt(file.read_text(encoding="utf-8"), given)
    resolver = Resolver(read(file), given)
    resolver.resolved()
    return _resolved(read(file), {**given, **resolver.examples}), resolver.examples


def compare(plan: Plan, devs: ServerlessDevs) -> None:
    """Raise CommandFailed unless the CLI resolves `s.yaml` to what was checked, but for the alias and the account."""
    layer = {LAYER: next(iter(plan.functions.values()))["layers"][0]}
    seen = devs.ask("preview", "-t", "s.yaml", **layer)
    account = _ACCOUNT.search(json.dumps(seen))
    checked = json.loads(json.dumps(plan.document).replace(ACCOUNT, account[1] if account else ACCOUNT))
    if seen != {**checked, "access": seen.get("access")}:
        raise CommandFailed(
            "`s preview` resolves s.yaml differently from the strict check, so the check proves nothing"
        )


def deploy_variables(text: str) -> set[str]:
    """The ``DEPLOY_`` variables that a deployment reads, by the text of `s.yaml`."""
    return {*_VARIABLE.findall(text), *_OTHER_VARIABLES}


def refuse_misspelt(text: str, environ: Mapping[str, str]) -> None:
    """Raise NothingDone for a variable whose name is close to a variable in the text of `s.yaml`.

    CI systems have variables of their own that begin with ``DEPLOY_``.
    """
    known = deploy_variables(text)
    for name in sorted(environ):
        if name.startswith("DEPLOY_") and name not in known:
            for near in difflib.get_close_matches(name, sorted(known), n=1, cutoff=_NEAR):
                raise NothingDone(f"{name} is no variable of s.yaml; did you mean {near}?")


def _without_layer(environ: Mapping[str, str]) -> dict[str, str]:
    """The layer of an earlier deployment, still set in the shell, is never deployed again by mistake."""
    return {name: value for name, value in environ.items() if name != LAYER}


def _resolved(document: Mapping[str, Any], environ: Mapping[str, str]) -> Plan:
    return Plan(extended(Resolver(document, environ).resolved()))
