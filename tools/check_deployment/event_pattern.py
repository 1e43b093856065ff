"""EventBridge's event patterns: whether a rule lets an event through (EventBridge: Event patterns).

A pattern has the shape of the events that it matches. Every key of it must match, and a key matches if one item of its
array does: a text, number, ``true``, ``false`` or ``null`` that equals the field's value, or an object with one of the
``OPERATORS``. A field that is an array matches if one of its values does. Comparisons are case-sensitive.

Where the document leaves a choice, the stricter reading: numbers are equal if they are written alike (an older edition
says so), and a field that is missing matches nothing but ``{"exists": false}``.
"""

from __future__ import annotations

import ipaddress
import json
import operator
from collections.abc import Callable, Mapping
from typing import Any

_MISSING = object()
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class PatternError(ValueError):
    """EventBridge would refuse the pattern; the message says what is wrong with it."""


def parse(text: str) -> dict[str, Any]:
    """The pattern in a text. Raises ``PatternError``."""
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise PatternError(f"it is not JSON: {error}") from error
    if not isinstance(pattern, dict) or not pattern:
        raise PatternError("it is not an object with keys")
    _check(pattern, "")
    return pattern


def matches(pattern: Mapping[str, Any], event: Any) -> bool:
    """Whether ``event``, parsed JSON, is let through by ``pattern``, which ``parse`` has returned."""
    return all(_field_matches(wanted, _get(event, key)) for key, wanted in pattern.items())


def _get(event: Any, key: str) -> Any:
    return event.get(key, _MISSING) if isinstance(event, Mapping) else _MISSING


def _field_matches(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, Mapping):
        return matches(wanted, {} if value is _MISSING else value)
    values = value if isinstance(value, list) else [value]
    return any(_item_matches(item, candidate) for item in wanted for candidate in values)


def _item_matches(item: Any, value: Any) -> bool:
    if isinstance(item, Mapping):
        ((name, operand),) = item.items()
        return OPERATORS[name](operand, value)
    return _equal(item, value)


def _equal(wanted: Any, value: Any) -> bool:
    """Whether two JSON values are written alike: 1, 1.0, "1" and true are all different."""
    return value is not _MISSING and json.dumps(wanted) == json.dumps(value)


def _text(test: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    return lambda operand, value: isinstance(value, str) and test(value, operand)


def _anything_but(operand: Any, value: Any) -> bool:
    """A scalar, any of several, or another operator, which the value must not match; it must be there."""
    unwanted = operand if isinstance(operand, list) else [operand]
    return value is not _MISSING and not any(_item_matches(item, value) for item in unwanted)


def _numeric(operand: list[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(_COMPARISONS[sign](value, bound) for sign, bound in _pairs(operand))


def _pairs(operand: list[Any]) -> list[tuple[str, float]]:
    return list(zip(operand[::2], operand[1::2], strict=True))


def _cidr(operand: str, value: Any) -> bool:
    try:
        return ipaddress.IPv4Address(value) in ipaddress.IPv4Network(operand)
    except ValueError:
        return False


def _exists(operand: bool, value: Any) -> bool:  # noqa: FBT001 - it is the pattern's own
    return (value is not _MISSING) is operand


OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "prefix": _text(str.startswith),
    "suffix": _text(str.endswith),
    "contains": _text(lambda value, part: part in value),
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
    "exists": _exists,
}


def _check(pattern: Mapping[str, Any], path: str) -> None:
    for key, wanted in pattern.items():
        here = f"{path}.{key}" if path else key
        if isinstance(wanted, Mapping):
            _check(wanted, here)
        elif isinstance(wanted, list) and wanted:
            for item in wanted:
                _check_item(item, here)
        else:
            raise PatternError(f"{here} is not an array with items and not an object: {json.dumps(wanted)}")


def _check_item(item: Any, here: str) -> None:
    if isinstance(item, list):
        raise PatternError(f"{here} has an array inside its array")
    if not isinstance(item, Mapping):
        return
    names = ", ".join(item)
    if len(item) != 1 or names not in OPERATORS:
        raise PatternError(f"{here} has {{{names}}}: an operator is one of {', '.join(OPERATORS)}, alone in its object")
    if not _OPERANDS[names](item[names]):
        raise PatternError(f"{here} has {json.dumps(item)}, which {names} does not take")


def _is_network(operand: Any) -> bool:
    try:
        return isinstance(operand, str) and bool(ipaddress.IPv4Network(operand))
    except ValueError:
        return False


def _is_numeric(operand: Any) -> bool:
    if not isinstance(operand, list) or not operand or len(operand) % 2:
        return False
    return all(sign in _COMPARISONS and type(bound) in (int, float) for sign, bound in _pairs(operand))


def _is_excludable(operand: Any) -> bool:
    """Texts and numbers, alone or in an array, or a prefix."""
    if isinstance(operand, Mapping):
        return list(operand) == ["prefix"] and isinstance(operand["prefix"], str)
    items = operand if isinstance(operand, list) else [operand]
    return bool(items) and all(type(item) in (str, int, float) for item in items)


_OPERANDS: Mapping[str, Callable[[Any], bool]] = {
    "prefix": lambda operand: isinstance(operand, str),
    "suffix": lambda operand: isinstance(operand, str),
    "contains": lambda operand: isinstance(operand, str),
    "anything-but": _is_excludable,
    "numeric": _is_numeric,
    "cidr": _is_network,
    "exists": lambda operand: isinstance(operand, bool),
}
