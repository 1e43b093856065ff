"""RAM, version 2015-05-01: roles and custom policies, as far as ``tools/permissions`` uses them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator.actions import Answer, Parameters, Product, action
from simulator.error_catalogue import refusal
from simulator.oss.documents import time_text
from simulator.ram import MalformedPolicyError, Policy, RequiredPermission
from simulator.wire import ApiError, from_json

if TYPE_CHECKING:
    from simulator.cloud import Cloud
    from simulator.signing import AccessKey

MOST_VERSIONS = 5
LONGEST_DOCUMENT = 6144
ROTATE = "DeleteOldestNonDefaultVersionWhenLimitExceeded"


@dataclass
class Role:
    """A RAM role; ``policies`` are the names of the custom policies attached to it."""

    name: str
    description: str
    trust: str
    created_at: float
    policies: list[str] = field(default_factory=list)


@dataclass
class CustomPolicy:
    """A custom policy; ``versions`` by number, the oldest first."""

    name: str
    description: str
    created_at: float
    versions: dict[int, str]
    default: int = 1

    @property
    def document(self) -> Any:
        """The version that counts, parsed."""
        return json.loads(self.versions[self.default])


class Ram(Product):
    """The account's roles and custom policies."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__()
        self.cloud = cloud
        self.roles: dict[str, Role] = {}
        self.policies: dict[str, CustomPolicy] = {}

    @action("CreateRole")
    def create_role(self, p: Parameters) -> Answer:
        """A new role."""
        if p["RoleName"] in self.roles:
            raise refusal("EntityAlreadyExists.Role")
        trust = _trust(p["AssumeRolePolicyDocument"])
        role = Role(p["RoleName"], p.get("Description", ""), trust, self.cloud.now())
        self.roles[role.name] = role
        return {"Role": self._shown(role)}

    @action("GetRole")
    def get_role(self, p: Parameters) -> Answer:
        """One role."""
        return {"Role": self._shown(self._role(p))}

    @action("UpdateRole")
    def update_role(self, p: Parameters) -> Answer:
        """Another trust policy, another description."""
        role = self._role(p)
        role.trust = _trust(p["NewAssumeRolePolicyDocument"]) if "NewAssumeRolePolicyDocument" in p else role.trust
        role.description = p.get("NewDescription", role.description)
        return {"Role": self._shown(role)}

    @action("ListPoliciesForRole")
    def list_policies_for_role(self, p: Parameters) -> Answer:
        """The policies attached to a role."""
        found = [self.policies[name] for name in self._role(p).policies]
        shown = [
            {"PolicyName": policy.name, "PolicyType": "Custom", "DefaultVersion": f"v{policy.default}"}
            for policy in found
        ]
        return {"Policies": {"Policy": shown}}

    @action("CreatePolicy")
    def create_policy(self, p: Parameters) -> Answer:
        """A new custom policy."""
        if p["PolicyName"] in self.policies:
            raise refusal("EntityAlreadyExists.Policy")
        document = _policy(p["PolicyDocument"])
        policy = CustomPolicy(p["PolicyName"], p.get("Description", ""), self.cloud.now(), {1: document})
        self.policies[policy.name] = policy
        return {"Policy": self._summary(policy)}

    @action("GetPolicy")
    def get_policy(self, p: Parameters) -> Answer:
        """A policy with its default version."""
        policy = self._policy(p)
        return {"Policy": self._summary(policy), "DefaultPolicyVersion": self._version(policy, policy.default)}

    @action("CreatePolicyVersion")
    def create_policy_version(self, p: Parameters) -> Answer:
        """Add a version; on request the oldest of six versions that is not the default is deleted."""
        policy = self._policy(p)
        p.covers("RotateStrategy")
        document = _policy(p["PolicyDocument"])
        if len(policy.versions) == MOST_VERSIONS:
            if p.get("RotateStrategy") != ROTATE:
                raise refusal("LimitExceeded.Policy.Version")
            del policy.versions[min(set(policy.versions) - {policy.default})]
        number = max(policy.versions) + 1
        policy.versions[number] = document
        policy.default = number if p.bool("SetAsDefault") else policy.default
        return {"PolicyVersion": self._version(policy, number)}

    @action("AttachPolicyToRole")
    def attach_policy_to_role(self, p: Parameters) -> Answer:
        """Attach a policy to a role."""
        if p["PolicyType"] != "Custom":
            raise refusal("EntityNotExist.Policy", "The embedded cloud has no system policies.")
        role, policy = self._role(p), self._policy(p)
        if policy.name in role.policies:
            raise refusal("EntityAlreadyExists.Role.Policy")
        role.policies.append(policy.name)
        return {}

    def _role(self, p: Parameters) -> Role:
        if p["RoleName"] not in self.roles:
            raise refusal("EntityNotExist.Role")
        return self.roles[p["RoleName"]]

    def _policy(self, p: Parameters) -> CustomPolicy:
        if p.get("PolicyType", "Custom") != "Custom" or p["PolicyName"] not in self.policies:
            raise refusal("EntityNotExist.Policy")
        return self.policies[p["PolicyName"]]

    def _shown(self, role: Role) -> dict[str, Any]:
        return {
            "RoleName": role.name,
            "Arn": f"acs:ram::{self.cloud.account_id}:role/{role.name.lower()}",
            "Description": role.description,
            "AssumeRolePolicyDocument": role.trust,
            "CreateDate": time_text(role.created_at),
        }

    def _summary(self, policy: CustomPolicy) -> dict[str, Any]:
        return {
            "PolicyName": policy.name,
            "PolicyType": "Custom",
            "Description": policy.description,
            "DefaultVersion": f"v{policy.default}",
            "CreateDate": time_text(policy.created_at),
        }

    @staticmethod
    def _version(policy: CustomPolicy, number: int) -> dict[str, Any]:
        is_default = number == policy.default
        return {
            "VersionId": f"v{number}",
            "IsDefaultVersion": is_default,
            "PolicyDocument": policy.versions[number],
        }


def denied(refused: ApiError, required: RequiredPermission, key: AccessKey) -> ApiError:
    """A refusal for want of a permission, with RAM's details of it."""
    detail = {
        "AuthAction": required.action,
        "AuthPrincipalType": "AssumedRoleUser" if key.security_token else "SubUser",
        "AuthPrincipalDisplayName": key.access_key_id,
        "NoPermissionType": "ImplicitDeny",
        "PolicyType": "AccountLevelIdentityBasedPolicy",
    }
    return ApiError(refused.status, refused.code, refused.message, details={"AccessDeniedDetail": detail})


def _document(text: str) -> Any:
    try:
        return from_json(text)
    except ValueError:
        raise refusal("InvalidParameter.PolicyDocument") from None


def _trust(text: str) -> str:
    document = _document(text)
    if not isinstance(document, dict) or not isinstance(document.get("Statement"), list):
        raise refusal("MalformedPolicyDocument")
    return text


def _policy(text: str) -> str:
    if len(text) > LONGEST_DOCUMENT:
        raise refusal("InvalidParameter.PolicyDocument.Length")
    try:
        Policy.of(_document(text))
    except MalformedPolicyError as error:
        raise refusal("MalformedPolicyDocument", str(error)) from None
    return text
