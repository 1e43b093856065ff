"""Which parameters each action takes, and the conversion of flat parameters (``Tag.1.Key``) to typed values.

The tables under ``parameters/`` hold, per action, the request parameters of the pinned SDK's models, with
"mandatory" (``!``) also where only the published API metadata says so.
A shape is a type name, ``[shape]`` for a repeated parameter, or an object for a parameter with members.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from simulator.actions import Parameters, invalid, missing
from simulator.wire import from_json, real_number, whole_number

Shape = Any
_INTEGER = re.compile(r"-?[0-9]+\Z")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
_INDEX = re.compile(r"[1-9][0-9]{0,4}\Z")


class Unusable(Exception):
    """A value does not have its parameter's type."""


@cache
def table(product: str) -> dict[str, dict[str, Shape]]:
    """``{action: {parameter: shape}}`` of ``ecs`` or ``slb``; mandatory parameters end with ``!``."""
    text = (Path(__file__).parent / "parameters" / f"{product}.json").read_text(encoding="utf-8")
    loaded: dict[str, dict[str, Shape]] = json.loads(text)
    return loaded


@cache
def _mandatory(product: str, action: str) -> tuple[str, ...]:
    return tuple(name[:-1] for name in table(product)[action] if name.endswith("!"))


@cache
def _shapes(product: str, action: str) -> dict[str, Shape]:
    return {name.rstrip("!"): shape for name, shape in table(product)[action].items()}


def validated(product: str, action: str, flat: Mapping[str, str]) -> Parameters:
    """The parameters of a call, typed.

    Raises ApiError for a parameter that is unknown, missing or of a wrong type.
    The cloud ignores parameters that it does not know. Here they are refused: they are always a mistake of the caller.
    """
    shapes = _shapes(product, action)
    values: dict[str, Any] = {}
    for name, text in flat.items():
        head, *path = name.split(".")
        # Every RPC action accepts RegionId; the gateway routes by it.
        shape = shapes.get(head, "string" if head == "RegionId" else None)
        if shape is None:
            raise invalid(name, f"{action} has no such parameter")
        _put(values, shape, [head, *path], text, name)
    found = {name: _settled(value) for name, value in values.items() if value != ""}
    for name in _mandatory(product, action):
        if name not in found:
            raise missing(name)
    return Parameters(found)


def _put(into: dict[str, Any], shape: Shape, path: list[str], text: str, name: str) -> None:
    """Store ``text`` under ``path``; lists are kept as ``{index: value}`` until all is read."""
    head, *rest = path
    if isinstance(shape, str):
        # "InstanceIds.1" for a parameter that is one JSON string: the cloud does not see it (and returns everything).
        if not rest:
            into[head] = _typed(shape, text, name)
    elif isinstance(shape, list):
        _put_in_list(into.setdefault(head, {}), shape[0], rest, text, name)
    else:
        _put_member(into.setdefault(head, {}), shape, rest, text, name)


def _put_in_list(into: dict[Any, Any], shape: Shape, path: list[str], text: str, name: str) -> None:
    if not path:
        return  # "InstanceId=i-1" for a repeated parameter is not seen either
    index, *rest = path
    if not _INDEX.match(index):
        raise invalid(name, "a repeated parameter is numbered from 1")
    if isinstance(shape, dict):
        _put_member(into.setdefault(int(index), {}), shape, rest, text, name)
    else:
        into[int(index)] = _typed(shape, text, name)


def _put_member(into: dict[str, Any], shape: Shape, path: list[str], text: str, name: str) -> None:
    members = {member.rstrip("!"): inner for member, inner in shape.items()}
    if not path or path[0] not in members:
        raise invalid(name, "it has no such member")
    _put(into, members[path[0]], path, text, name)


def _settled(value: Any) -> Any:
    """Lists that were collected by index, as lists."""
    if not isinstance(value, dict):
        return value
    if value and all(isinstance(key, int) for key in value):
        return [_settled(value[key]) for key in sorted(value)]
    return {key: _settled(inner) for key, inner in value.items()}


def _typed(shape: str, text: str, name: str) -> Any:
    try:
        return _READERS[shape](text)
    except (Unusable, ValueError):
        raise invalid(name, f"it must be of type {shape}") from None


def _integer(text: str) -> int:
    if not _INTEGER.match(text):
        raise Unusable
    return whole_number(text)


def _number(text: str) -> float:
    if not _NUMBER.match(text):
        raise Unusable
    return real_number(text)


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Unusable
    return text.lower() == "true"


def _json(text: str) -> str:
    try:
        from_json(text)
    except ValueError:
        raise Unusable from None
    return text


_READERS: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "json": _json,
}
