"""RAM's policy language: what a policy permits, and what is no policy."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from simulator.cloud import Cloud
from simulator.ram import MalformedPolicyError, Policy, RequiredPermission, allowing
from tests.simulator.sdk import NOON, VERSIONS, code, signed

INSTANCE = "acs:ecs:cn-hangzhou:1:instance/i-1"


def policy(*statements: dict[str, Any]) -> Policy:
    """Of statements that say what is not everything."""
    usual = {"Effect": "Allow", "Action": "ecs:DeleteInstance", "Resource": "*"}
    return Policy.of({"Version": "1", "Statement": [{**usual, **statement} for statement in statements]})


@pytest.mark.parametrize(
    ("statement", "permitted"),
    [
        ({}, True),
        ({"Action": ["ecs:StopInstance", "ecs:Delete*"]}, True),
        ({"Action": "ecs:DeleteInstances"}, False),
        ({"Action": "ecs:deleteInstance"}, False),
        ({"Resource": "acs:ecs:cn-hangzhou:*:instance/*"}, True),
        ({"Resource": ["acs:ecs:cn-beijing:*:*", "acs:ecs:*:*:instance/i-1"]}, True),
        ({"Resource": "acs:ecs:cn-hangzhou:*:instance/i-"}, False),
        ({"Resource": "acs:ecs:cn-hangzhou:*:disk/*"}, False),
        ({"Condition": {"StringEquals": {"ecs:tag/a": "1"}}}, True),
        ({"Condition": {"StringEquals": {"ecs:tag/a": ["0", "1"]}}}, True),
        ({"Condition": {"StringEquals": {"ecs:tag/a": "*"}}}, False),
        ({"Condition": {"StringLike": {"ecs:tag/a": "*"}}}, True),
        ({"Condition": {"StringLike": {"ecs:tag/b": "*"}}}, False),
        ({"Condition": {"StringEquals": {"ecs:tag/a": "1", "ecs:tag/b": "1"}}}, False),
        ({"Condition": {"StringEquals": {"ecs:tag/a": "1"}, "StringLike": {"ecs:tag/a": "2*"}}}, False),
    ],
)
def test_one_statement(statement: dict[str, Any], *, permitted: bool) -> None:
    """Action, resource and every condition have to fit."""
    required = RequiredPermission("ecs:DeleteInstance", INSTANCE, {"ecs:tag/a": "1"})
    assert policy(statement).permits(required) is permitted


def test_several_statements() -> None:
    """A statement that allows is enough, a statement that denies goes before it; without any there is nothing."""
    required = RequiredPermission("ecs:DeleteInstance", INSTANCE)
    elsewhere, deny = {"Resource": "acs:ecs:cn-beijing:*:*"}, {"Effect": "Deny"}
    assert policy(elsewhere, {}).permits(required)
    assert not policy({}, deny).permits(required)
    assert policy({}, {**deny, **elsewhere}).permits(required)
    assert not policy().permits(required)
    assert allowing("ecs:Delete*").permits(required)


ALLOWED = {"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}
WRONG: list[dict[str, Any]] = [
    *({"Effect": "allow"}, {"Effect": []}),
    *({"Action": "DeleteInstance"}, {"Action": ["ecs:*", 1]}, {"Action": 1}, {"Action": [["a:b"]]}),
    *({"Resource": "arn:aws:ec2:*"}, {"Sid": "1"}),
    *({"Condition": condition} for condition in (1, {"StringEquals": 1}, {"NumericLessThan": {"a": "1"}})),
]


@pytest.mark.parametrize(
    "document",
    [
        *(1, None, [], "text", {}),
        {"Statement": []},
        {"Version": "2012-10-17", "Statement": []},
        {"Version": "1", "Statement": [], "Id": "x"},
        {"Version": "1", "Statement": 1},
        {"Version": "1", "Statement": [1]},
        {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*"}]},
        *({"Version": "1", "Statement": [{**ALLOWED, **wrong}]} for wrong in WRONG),
    ],
)
def test_no_policy(document: Any) -> None:
    """What is not understood is refused, not read over; CreatePolicy answers MalformedPolicyDocument."""
    with pytest.raises(MalformedPolicyError):
        Policy.of(document)
    cloud = Cloud(NOON)
    query = f"PolicyName=p&PolicyDocument={quote(json.dumps(document))}"
    answer = cloud.respond(signed(cloud, "CreatePolicy", query, x_acs_version=VERSIONS["ram"]))
    assert (code(answer), cloud.ram.policies) == ((400, "MalformedPolicyDocument"), {})
