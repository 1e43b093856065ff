"""RAM's policy language: what a policy permits, and what is no policy."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.ram import MalformedPolicyError, Policy, RequiredPermission, allowing

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
    """One that allows is enough, one that denies goes before it, and without any there is nothing."""
    required = RequiredPermission("ecs:DeleteInstance", INSTANCE)
    elsewhere, deny = {"Resource": "acs:ecs:cn-beijing:*:*"}, {"Effect": "Deny"}
    assert policy(elsewhere, {}).permits(required)
    assert not policy({}, deny).permits(required)
    assert policy({}, {**deny, **elsewhere}).permits(required)
    assert not policy().permits(required)
    assert allowing("ecs:Delete*").permits(required)


@pytest.mark.parametrize(
    "document",
    [
        {"Statement": []},
        {"Version": "2012-10-17", "Statement": []},
        {"Version": "1", "Statement": [], "Id": "x"},
        *(
            {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*", **wrong}]}
            for wrong in (
                {"Effect": "allow"},
                {"Action": "DeleteInstance"},
                {"Action": ["ecs:*", 1]},
                {"Resource": "arn:aws:ec2:*"},
                {"Sid": "1"},
                {"Condition": {"NumericLessThan": {"a": "1"}}},
            )
        ),
        {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "ecs:*"}]},
    ],
)
def test_no_policy(document: dict[str, Any]) -> None:
    """What is not understood is refused, not read over."""
    with pytest.raises(MalformedPolicyError):
        Policy.of(document)
