"""A role for each function, which Function Compute may assume, with a custom policy of the same name.

Roles and policies belong to the account, not to a region. The description names the deployment: a role or
policy of the same name with another description is left alone.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import ram
from tools.errors import NothingDone
from tools.permissions.apis import RamApi
from tools.permissions.change import Change
from tools.permissions.deployment import Deployment

ROTATE = "DeleteOldestNonDefaultVersionWhenLimitExceeded"
"""CreatePolicyVersion: there can be five versions."""
UNCHANGED = "as it should be"


def changes(api: RamApi, deployment: Deployment) -> list[Change]:
    """The changes of roles and policies. Raises NothingDone and ``CloudError``."""
    return [change for function in ram.FUNCTIONS for change in _of_function(api, deployment, function)]


def _of_function(api: RamApi, deployment: Deployment, function: str) -> Iterator[Change]:
    name = deployment.roles[function]
    description = f"Spotkeeper: {deployment.values[f'{function}_function']} in {deployment.region}"
    role = (api.find("GetRole", RoleName=name) or {}).get("Role")
    policy = api.find("GetPolicy", PolicyName=name, PolicyType="Custom")
    _check_ours(f"role {name}", role, description, function)
    _check_ours(f"policy {name}", policy and policy["Policy"], description, function)
    yield _role(api, name, role, description)
    yield _policy(api, name, policy, ram.policy(function, deployment.values), description)
    yield from _attached(api, name, role)


def _check_ours(what: str, found: Mapping[str, Any] | None, description: str, function: str) -> None:
    if found is not None and found.get("Description") != description:
        raise NothingDone(
            f"{what} exists and is not this deployment's: its description is {found.get('Description')!r}, not "
            f"{description!r}. Nothing was changed. Name another in DEPLOY_ROLE_{function.upper()} (roles and policies "
            "belong to the whole account, so each region needs its own), or give it that description if it is yours"
        )


def _role(api: RamApi, name: str, found: Mapping[str, Any] | None, description: str) -> Change:
    what, trust = f"role {name}", ram.trust()
    if found is None:
        create = functools.partial(
            api.call, "CreateRole", RoleName=name, AssumeRolePolicyDocument=_text(trust), Description=description
        )
        return Change(what, "create it; Function Compute (fc.aliyuncs.com) may assume it", create)
    if json.loads(found["AssumeRolePolicyDocument"]) != trust:
        update = functools.partial(api.call, "UpdateRole", RoleName=name, NewAssumeRolePolicyDocument=_text(trust))
        return Change(what, "replace its trust policy: Function Compute alone (fc.aliyuncs.com) may assume it", update)
    return Change(what, UNCHANGED)


def _policy(
    api: RamApi, name: str, found: Mapping[str, Any] | None, document: ram.Document, description: str
) -> Change:
    what = f"policy {name}"
    if found is None:
        create = functools.partial(
            api.call, "CreatePolicy", PolicyName=name, PolicyDocument=_text(document), Description=description
        )
        return Change(what, f"create it; {_counted(document)}", create)
    standing = json.loads(found["DefaultPolicyVersion"]["PolicyDocument"])
    if standing != document:
        update = functools.partial(
            api.call,
            "CreatePolicyVersion",
            PolicyName=name,
            PolicyDocument=_text(document),
            SetAsDefault="true",
            RotateStrategy=ROTATE,
        )
        return Change(what, f"create a new version of it{_difference(standing, document)}", update)
    return Change(what, UNCHANGED)


def _attached(api: RamApi, name: str, role: Mapping[str, Any] | None) -> Iterator[Change]:
    found = api.call("ListPoliciesForRole", RoleName=name)["Policies"]["Policy"] if role else []
    names = [(policy["PolicyType"], policy["PolicyName"]) for policy in found]
    if ("Custom", name) not in names:
        attach = functools.partial(api.call, "AttachPolicyToRole", PolicyType="Custom", PolicyName=name, RoleName=name)
        yield Change(f"role {name}", f"attach policy {name}", attach)
    for _, other in (key for key in names if key != ("Custom", name)):
        yield Change(f"role {name}", f"has policy {other} too, which allows more than the function needs: left alone")


def _counted(document: ram.Document) -> str:
    return f"it allows {len(_actions(document))} actions (ram/)"


def _difference(standing: ram.Document, wanted: ram.Document) -> str:
    """The actions that a new version adds and removes, in words."""
    before, after = _actions(standing), _actions(wanted)
    signs = [*(f"+{action}" for action in sorted(after - before)), *(f"-{action}" for action in sorted(before - after))]
    return f": {', '.join(signs)}" if signs else ": other resources or conditions"


def _actions(document: ram.Document) -> set[str]:
    listed = [statement["Action"] for statement in document["Statement"]]
    return {action for actions in listed for action in ([actions] if isinstance(actions, str) else actions)}


def _text(document: ram.Document) -> str:
    return json.dumps(document, separators=(",", ":"))
