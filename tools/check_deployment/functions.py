"""Rules that a schema cannot express: sizes and times that depend on each other, names, code."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.check_deployment.complaint import Complaint, shown

LEAST_SECONDS = {"interruption": 900, "lifecycle_hook": 900}
"""``timeout``: a notice of 300 s, an image and a relaunch; boot, agent and checks of a slow machine."""

NAMED_BY = {
    "interruption": "SPOTKEEPER_INTERRUPTION_FUNCTION",
    "state_change": "SPOTKEEPER_STATE_CHANGE_FUNCTION",
    "lifecycle_hook": "SPOTKEEPER_LIFECYCLE_HOOK_FUNCTION",
}
"""The setting under which ``sweep`` looks for the function."""

_STEP = 0.05  # vCPU
_MB_PER_GB = 1024


def complaints(functions: Mapping[str, Mapping[str, Any]], root: Path) -> Iterator[Complaint]:
    """The mistakes in the functions (props by name) of the checkout ``root``."""
    for name, props in functions.items():
        at = f"resources.{name}.props"
        yield from _sizes(at, props)
        yield from _times(at, name, props)
        yield from _code(at, name, props, root)
        yield from _regions(at, props)
    yield from _names(functions)
    yield from _distinct(functions, "functionName")
    yield from _distinct(functions, "role")


def _sizes(at: str, props: Mapping[str, Any]) -> Iterator[Complaint]:
    """1 to 4 GB of memory a vCPU (Function Compute: Limits)."""
    cpu, memory = props["cpu"], props["memorySize"]
    if abs(cpu / _STEP - round(cpu / _STEP)) > 1e-6:  # noqa: PLR2004 - what binary fractions are off by
        yield Complaint(f"{at}.cpu", f"{cpu:g} is no multiple of {_STEP}", "0.05, 0.1, 0.15 and so on")
    elif not memory / 4 <= cpu * _MB_PER_GB <= memory:
        steps = [step * 5 for step in range(1, 321) if memory / 4 <= step * 5 / 100 * _MB_PER_GB <= memory]
        fitting = f"{steps[0] / 100:g} to {steps[-1] / 100:g} vCPU with {memory} MB (1 to 4 GB a vCPU)"
        yield Complaint(f"{at}.cpu", f"{cpu:g} vCPU and {memory} MB are out of ratio", fitting)


def _times(at: str, name: str, props: Mapping[str, Any]) -> Iterator[Complaint]:
    timeout, asynchronous = props["timeout"], props["asyncInvokeConfig"]
    if timeout < LEAST_SECONDS.get(name, 0):
        yield Complaint(f"{at}.timeout", f"{timeout} s is too short for {name}", f"{LEAST_SECONDS[name]} s or more")
    calls = asynchronous["maxAsyncRetryAttempts"] + 1
    age = asynchronous["maxAsyncEventAgeInSeconds"]
    if age < timeout * calls:
        wrong = f"{age} s is over before {calls} calls of {timeout} s are, so the last retries never come"
        yield Complaint(f"{at}.asyncInvokeConfig.maxAsyncEventAgeInSeconds", wrong, f"{timeout * calls} s or more")


def _code(at: str, name: str, props: Mapping[str, Any], root: Path) -> Iterator[Complaint]:
    """``make package`` makes the zip of functions/<name>, and the handler is a function of its index.py."""
    made = f"./dist/functions-{name}.zip"
    if props["code"] != made:
        yield Complaint(f"{at}.code", f"{shown(props['code'])} is not this function's", made)
    index, handler = root / "functions" / name / "index.py", props["handler"].partition(".")[2]
    if not index.is_file():
        yield Complaint(
            f"{at}.code",
            f"functions/{name}/index.py does not exist, so make package cannot make it",
            "a function that exists",
        )
    elif handler not in _defined(index):
        yield Complaint(f"{at}.handler", f"functions/{name}/index.py defines no {handler}", ", ".join(_defined(index)))


def _defined(index: Path) -> list[str]:
    body = ast.parse(index.read_text(encoding="utf-8")).body
    return [statement.name for statement in body if isinstance(statement, ast.FunctionDef)]


def _regions(at: str, props: Mapping[str, Any]) -> Iterator[Complaint]:
    """ARNs in a function's configuration have to be in its own region."""
    destination = props["asyncInvokeConfig"]["destinationConfig"]["onFailure"]["destination"]
    arns = {f"{at}.asyncInvokeConfig.destinationConfig.onFailure.destination": destination}
    arns |= {f"{at}.layers[{index}]": arn for index, arn in enumerate(props["layers"])}
    arns |= {
        f"{at}.triggers[{index}].sourceArn": trigger["sourceArn"]
        for index, trigger in enumerate(props["triggers"])
        if "sourceArn" in trigger
    }
    for path, arn in arns.items():
        if arn.split(":")[2] != props["region"]:
            yield Complaint(
                path, f"{shown(arn)} is of another region", f"an ARN in {props['region']}, the function's region"
            )


def _names(functions: Mapping[str, Mapping[str, Any]]) -> Iterator[Complaint]:
    settings = functions["sweep"]["environmentVariables"]
    for name, setting in NAMED_BY.items():
        expected, is_called = settings.get(setting), functions[name]["functionName"]
        if expected is not None and expected != is_called:
            wrong = f"{shown(is_called)} is not what sweep calls (its {setting})"
            yield Complaint(f"resources.{name}.props.functionName", wrong, shown(expected))


def _distinct(functions: Mapping[str, Mapping[str, Any]], key: str) -> Iterator[Complaint]:
    first: dict[str, str] = {}
    for name, props in functions.items():
        other = first.setdefault(props[key], name)
        if other != name:
            wrong = f"{shown(props[key])} is that of {other} too"
            yield Complaint(f"resources.{name}.props.{key}", wrong, "a distinct value for each function")
