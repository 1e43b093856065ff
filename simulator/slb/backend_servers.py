"""The parameter ``BackendServers``: a JSON text in a string parameter.

The service is known to take more than it documents (single quotes, keys in lower camel case). Here only what is
documented passes: a JSON list of 1 to 20 objects with the documented keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from simulator.actions import Parameters
from simulator.error_catalogue import refusal
from simulator.slb import refusals
from simulator.slb.model import BackendServer
from simulator.wire import ApiError, from_json

MAX_ELEMENTS = 20
_KEYS = {"ServerId", "Port", "Weight", "Type", "ServerIp", "Description"}
_TYPES = {"ecs", "eni", "eci"}
_DESCRIPTION = re.compile(r"[A-Za-z0-9_\-/.]{1,80}")


def parse(p: Parameters, name: str, *, ported: bool) -> list[BackendServer]:
    """The elements of parameter ``name``; the same member twice counts once, as it came first (AddBackendServers).

    ``ported``: the port is part of a member's identity (vServer groups); for default groups it is read over.
    Raises ApiError for everything that is not as documented.
    """
    elements = _json_list(p[name])
    if len(elements) > MAX_ELEMENTS:
        raise refusal("TooManyBackendServers")
    servers: dict[object, BackendServer] = {}
    for element in elements:
        server = _server(element, ported=ported)
        servers.setdefault(server.key, server)
    return list(servers.values())


def _json_list(text: object) -> list[Any]:
    try:
        elements = from_json(str(text))
    except ValueError:
        raise refusal("BackendServersMalformed") from None
    if not isinstance(elements, list) or not elements:
        raise refusal("BackendServersMalformed")
    return elements


def _server(element: object, *, ported: bool) -> BackendServer:
    if not isinstance(element, dict) or not element.keys() <= _KEYS or not _is_text(element.get("ServerId")):
        raise refusal("BackendServersMalformed")
    server = BackendServer(
        element["ServerId"],
        # An element without a weight in Set… is not documented: here it gets the default, 100, which undoes a drain.
        weight=_number(element.get("Weight", 100), 0, 100, refusals.bad_weight),
        type=_text(element.get("Type", "ecs")),
        server_ip=_text(element.get("ServerIp", "")),
        description=_description(element),
    )
    if server.type not in _TYPES:
        raise refusals.bad_server()
    if "Port" in element or ported:
        port = _number(element.get("Port"), 1, 65535, refusals.bad_port)
        server.port = port if ported else 0
    return server


def _number(value: object, low: int, high: int, refusal: Callable[[], ApiError]) -> int:
    """Documented samples send numbers as strings, the text beside them says integer: both pass."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise refusal()
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise refusal("BackendServersMalformed")
    return value


def _description(element: dict[str, Any]) -> str:
    """An element without a description has none; an empty description is not 1 to 80 characters long."""
    if "Description" not in element:
        return ""
    description = _text(element["Description"])
    if not _DESCRIPTION.fullmatch(description):
        raise refusals.bad_server()
    return description
