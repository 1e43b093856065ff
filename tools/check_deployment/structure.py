"""Keys, types and values against our own schema, which refuses what it does not know, at every level."""

from __future__ import annotations

import difflib
import functools
import json
import operator
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator

from tools.check_deployment.complaint import Complaint, shown

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SCHEMA: dict[str, Any] = json.loads(Path(__file__).with_name("s.schema.json").read_text(encoding="utf-8"))

_KINDS = {str: "text", bool: "a boolean", int: "a number", float: "a number", list: "a list", dict: "a mapping"}

Steps = Sequence[str | int]


def complaints(resolved: Mapping[str, Any], extended: Mapping[str, Any]) -> list[Complaint]:
    """What the schema refuses in ``extended``, named where it stands in ``resolved``, so in a template only once."""
    found = [*_unknown_templates(resolved)]
    for error in Draft202012Validator(SCHEMA).iter_errors(extended):
        found += [_placed(resolved, steps, wrong, accepted) for steps, wrong, accepted in _parts(error)]
    return list(dict.fromkeys(found))


def _parts(error: ValidationError) -> Iterator[tuple[Steps, str, str]]:
    """The steps to the mistake, the mistake, and what is accepted."""
    steps, schema = list(error.absolute_path), error.schema
    if error.validator == "additionalProperties":
        known = sorted(schema["properties"])
        for key in sorted(set(error.instance) - set(known)):
            yield [*steps, key], f"no such key{_hint(key, known)}", ", ".join(known)
    elif error.validator == "required":
        for key in [key for key in error.validator_value if key not in error.instance]:
            yield [*steps, key], "it is missing", _described(schema, key)
    elif error.validator == "type":
        yield steps, f"{shown(error.instance)} is {_kind(error.instance)}", schema["description"]
    else:
        yield steps, f"{shown(error.instance)} is not accepted", schema["description"]


def _hint(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _described(schema: Mapping[str, Any], key: str) -> str:
    described = schema["properties"][key]
    while "$ref" in described:
        target: Any = SCHEMA
        for step in described["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        described = target
    return str(described["description"])


def _kind(value: Any) -> str:
    return "nothing" if value is None else _KINDS.get(type(value), type(value).__name__)


def _placed(resolved: Mapping[str, Any], steps: Steps, wrong: str, accepted: str) -> Complaint:
    """The complaint, at the template's key where the resource has got it from there."""
    match steps:
        case ["resources", str(name), "props", _, *_]:
            resource = resolved["resources"][name]
            extend = resource.get("extend")
            template = str(extend.get("name")) if isinstance(extend, dict) else ""
            if not _has(resource.get("props"), steps[3:]) and _has(resolved.get("template"), [template, *steps[3:]]):
                steps = ["template", template, *steps[3:]]
        case _:
            pass
    return Complaint(path(steps), wrong, accepted)


def _has(value: Any, steps: Steps) -> bool:
    try:
        functools.reduce(operator.getitem, steps, value)
    except (LookupError, TypeError):
        return False
    return True


def _unknown_templates(resolved: Mapping[str, Any]) -> Iterator[Complaint]:
    templates, resources = resolved.get("template"), resolved.get("resources")
    for name, resource in resources.items() if isinstance(resources, dict) else ():
        extend = resource.get("extend") if isinstance(resource, dict) else None
        if isinstance(extend, dict) and isinstance(templates, dict) and str(extend.get("name")) not in templates:
            wrong = f"{shown(extend.get('name'))} is no template"
            yield Complaint(f"resources.{name}.extend.name", wrong, ", ".join(templates))


def path(steps: Steps) -> str:
    """How complaints write a place in the file: ``resources.sweep.props.triggers[0].triggerName``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
