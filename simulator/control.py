"""Requests to the embedded cloud itself, under ``/-/``: its clock, its faults, its state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.cloud import Cloud
from simulator.faults import EFFECTS, Fault
from simulator.wire import Request, Response, from_json

PREFIX = "/-/"
LONGEST_STEP = 10 * 365 * 86_400.0
"""Seconds that the clock moves at once: dates must stay dates."""
_TYPES: dict[str, tuple[type, ...]] = {
    "action": (str,),
    "code": (str,),
    "effect": (str,),
    "times": (int, type(None)),
    "skip": (int,),
    "call_number": (int, type(None)),
    "until": (int, float, type(None)),
    "retry_after_ms": (int, type(None)),
    "resource": (str, type(None)),
    "rate": (int, type(None)),
}


class BadControl(Exception):
    """A control request cannot be understood; the message says why."""


def answer(cloud: Cloud, request: Request) -> Response:
    """Answer any request: a control request here, any other by the cloud.

    Raises ConnectionDropped where a fault drops the connection.
    """
    if not request.path.startswith(PREFIX):
        return cloud.respond(request)
    known = _ROUTES.get(request.path.removeprefix(PREFIX))
    if known is None:
        return Response.of_json(404, {"message": f"there is {', '.join(PREFIX + name for name in _ROUTES)}"})
    method, act = known
    if request.method != method:
        return Response.of_json(405, {"message": f"use {method}"}, {"allow": method})
    try:
        return Response.of_json(200, act(cloud, request))
    except BadControl as bad:
        return Response.of_json(400, {"message": str(bad)})


def _clock(cloud: Cloud, request: Request) -> dict[str, Any]:
    """``{"advance": seconds}`` -> ``{"now": seconds since 1970}``."""
    body = _object(request, {"advance": (int, float)})
    seconds = body.get("advance")
    if seconds is None or not 0 <= seconds <= LONGEST_STEP:
        raise BadControl("advance must be a number of seconds, from 0 to ten years")
    with cloud.lock:
        cloud.clock.advance(seconds)
        cloud.progress()
        return {"now": cloud.now()}


def _fault(cloud: Cloud, request: Request) -> dict[str, Any]:
    """``{"action", "code"}`` or ``{"action", "effect"}``, and the further fields of ``Fault``."""
    body = _object(request, _TYPES)
    if not body.get("action") or bool(body.get("code")) == bool(body.get("effect")):
        raise BadControl(f"give action, and code (an error code) or effect (one of {', '.join(EFFECTS)})")
    for name in ("times", "skip", "call_number", "retry_after_ms", "rate"):
        if (body.get(name) or 0) < 0:
            raise BadControl(f"{name} must not be negative")
    code = body.pop("code", "")
    effect = f"code:{code}" if code else body.pop("effect")
    try:
        fault = Fault(effect=effect, **{name: value for name, value in body.items() if name != "effect"})
    except ValueError as error:
        raise BadControl(str(error)) from None
    with cloud.lock:
        cloud.faults.add(fault)
        return {"faults": len(cloud.faults.added)}


def _state(cloud: Cloud, _request: Request) -> dict[str, Any]:
    return cloud.state()


_ROUTES: dict[str, tuple[str, Callable[[Cloud, Request], dict[str, Any]]]] = {
    "clock": ("POST", _clock),
    "fault": ("POST", _fault),
    "state": ("GET", _state),
}


def _object(request: Request, types: dict[str, tuple[type, ...]]) -> dict[str, Any]:
    """The body, a JSON object with no other fields than these, each of its type."""
    try:
        body = from_json(request.body)
    except ValueError:
        raise BadControl("the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadControl("the body is not a JSON object")
    for name, value in body.items():
        if name not in types:
            raise BadControl(f"unknown field {name!r}: there is {', '.join(types)}")
        if isinstance(value, bool) or not isinstance(value, types[name]):
            raise BadControl(f"{name} has a value of the wrong type")
    return body
