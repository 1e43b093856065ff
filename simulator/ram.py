"""RAM's policy language ("Policy structure and syntax", version 1), as far as Spotkeeper's policies use it.

A policy with any other element is refused: no element passes unread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

_ACTION = re.compile(r"[a-z]+:[A-Za-z*]+\Z")
_RESOURCE = re.compile(r"\*|acs(:[^:]*){3}:.+\Z")


class MalformedPolicyError(ValueError):
    """RAM would refuse the document (``MalformedPolicyDocument``)."""


@dataclass(frozen=True)
class RequiredPermission:
    """An action on a resource that a request needs, with the values of condition keys."""

    action: str
    resource: str
    conditions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Statement:
    """``conditions``: operator, key, accepted values; each of them has to hold."""

    allow: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def covers(self, required: RequiredPermission) -> bool:
        """Whether the statement applies. A condition on a key that the request does not have is not met."""
        return (
            any(matches(pattern, required.action) for pattern in self.actions)
            and any(matches(pattern, required.resource) for pattern in self.resources)
            and all(_met(*condition, required.conditions) for condition in self.conditions)
        )


@dataclass(frozen=True)
class Policy:
    """The permissions of a key."""

    statements: tuple[Statement, ...]

    @classmethod
    def of(cls, document: Any) -> Policy:
        """The policy in a document. Raises ``MalformedPolicyError``."""
        if set(_object(document)) != {"Version", "Statement"} or document["Version"] != "1":
            raise MalformedPolicyError('a policy has "Version": "1" and "Statement"')
        if not isinstance(document["Statement"], list):
            raise MalformedPolicyError("Statement is a list")
        return cls(tuple(map(_statement, document["Statement"])))

    def permits(self, required: RequiredPermission) -> bool:
        """Deny overrides Allow, and without an Allow there is no permission."""
        found = [statement.allow for statement in self.statements if statement.covers(required)]
        return bool(found) and all(found)


def allowing(*actions: str) -> Policy:
    """A policy that allows these actions (``ecs:Describe*``) on everything."""
    return Policy((Statement(allow=True, actions=actions, resources=("*",)),))


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in text), re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """``*`` stands for any characters, ``?`` for a single character; nothing else is special, and case counts."""
    return bool(_pattern(pattern).fullmatch(text))


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringLike": matches,
}


def _met(operator: str, key: str, accepted: tuple[str, ...], conditions: Mapping[str, str]) -> bool:
    return key in conditions and any(_OPERATORS[operator](value, conditions[key]) for value in accepted)


def _object(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise MalformedPolicyError(f"{document!r} is no object")
    return document


def _statement(document: Any) -> Statement:
    names = set(_object(document))
    if not {"Effect", "Action", "Resource"} <= names <= {"Effect", "Action", "Resource", "Condition"}:
        raise MalformedPolicyError(f"a statement has Effect, Action, Resource and maybe Condition, not {sorted(names)}")
    if document["Effect"] not in ("Allow", "Deny"):
        raise MalformedPolicyError(f"Effect is Allow or Deny, not {document['Effect']!r}")
    return Statement(
        allow=document["Effect"] == "Allow",
        actions=_texts(document["Action"], _ACTION),
        resources=_texts(document["Resource"], _RESOURCE),
        conditions=tuple(_conditions(document.get("Condition", {}))),
    )


def _conditions(document: Any) -> Iterable[tuple[str, str, tuple[str, ...]]]:
    for operator, keys in _object(document).items():
        if operator not in _OPERATORS:
            raise MalformedPolicyError(f"condition operator {operator!r} is none of {', '.join(_OPERATORS)}")
        for key, accepted in _object(keys).items():
            yield operator, key, _texts(accepted, re.compile(r".*\Z", re.DOTALL))


def _texts(value: Any, form: re.Pattern[str]) -> tuple[str, ...]:
    if not isinstance(value, (str, list)):
        raise MalformedPolicyError(f"{value!r} is neither text nor a list")
    found = (value,) if isinstance(value, str) else tuple(value)
    for text in found:
        if not isinstance(text, str) or not form.match(text):
            raise MalformedPolicyError(f"{text!r} does not have the form {form.pattern}")
    return found
